"""Ownership by the database's clock (D17): at most one owner of a name at a time, however wrong the clocks of
the machines are.

A lease protects from waste, not from harm: whatever its owner writes is guarded by a compare-and-swap of its
own.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import delete, or_, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.database import Database
from app.db.models import Lease

LEASE_SECONDS: Final = 10


class LeaseLost(Exception):
    """Somebody else owns the name now: stop what was done under it."""


async def database_now_ms(session: AsyncSession, db: Database) -> int:
    """Epoch milliseconds by the database's clock, the one clock that all processes share."""
    clock = (
        "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
        if db.is_sqlite
        else "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
    )
    return int((await session.execute(text(clock))).scalar_one())


class HeldLease:
    """A lease in this process's hands. `token` is new with every taking and stands in the WHERE of every
    renewal.
    """

    def __init__(self, db: Database, name: str, owner: str, token: int) -> None:
        self._db = db
        self.name = name
        self.owner = owner
        self.token = token

    async def renew(self, seconds: int = LEASE_SECONDS) -> None:
        """Raises: LeaseLost."""
        async with self._db.writing() as session:
            await self.confirm(session, seconds)

    async def confirm(self, session: AsyncSession, seconds: int = LEASE_SECONDS) -> None:
        """Renew within the caller's transaction: nobody else can take the lease before that has ended.

        Raises: LeaseLost.
        """
        now = await database_now_ms(session, self._db)
        done: Any = await session.execute(
            update(Lease)
            .where(Lease.name == self.name, Lease.token == self.token, Lease.owner == self.owner)
            .values(until=now + seconds * 1000)
        )
        if done.rowcount != 1:
            raise LeaseLost(self.name)

    async def release(self) -> None:
        async with self._db.writing() as session:
            await session.execute(delete(Lease).where(Lease.name == self.name, Lease.token == self.token))


async def take_lease(db: Database, name: str, owner: str, seconds: int = LEASE_SECONDS) -> HeldLease | None:
    """The lease, or None while somebody else's has not run out."""
    token = secrets.randbits(62)
    async with db.writing() as session:
        now = await database_now_ms(session, db)
        values = {"name": name, "owner": owner, "token": token, "until": now + seconds * 1000}
        insert: Any = sqlite.insert(Lease) if db.is_sqlite else postgresql.insert(Lease)
        taken: Any = await session.execute(
            insert.values(values).on_conflict_do_update(
                index_elements=["name"],
                set_={"owner": owner, "token": token, "until": now + seconds * 1000},
                where=or_(Lease.until <= now, Lease.owner == owner),
            )
        )
    return HeldLease(db, name, owner, token) if taken.rowcount == 1 else None


@asynccontextmanager
async def leased(
    db: Database, name: str, owner: str, seconds: int = LEASE_SECONDS
) -> AsyncIterator[HeldLease | None]:
    """The lease for one block, given back at its end; None when it is somebody else's."""
    lease = await take_lease(db, name, owner, seconds)
    try:
        yield lease
    finally:
        if lease is not None:
            await lease.release()
