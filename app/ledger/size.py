"""How much room the database takes: bytes per redemption with all indexes and projections."""

from typing import Final

from msgspec import Struct
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import Base
from app.db.database import Database
from app.db.models import Redemption

SECONDS_PER_YEAR: Final = 365 * 24 * 3600
OF_REDEMPTIONS: Final = (
    "ledger_events",
    "ledger_postings",
    "event_bodies",
    "counters",
    "redemptions",
    "orders",
    "voucher_transactions",
)
"""Tables that grow with redemptions. `counters` and `orders` grow slower: an order is paid once."""


class TableSize(Struct, frozen=True):
    """bytes: with indexes, and what is stored beside the table."""

    name: str
    bytes: int


class DatabaseSize(Struct, frozen=True):
    tables: list[TableSize]
    """The largest first."""
    redemptions: int
    bytes_per_redemption: float
    year_bytes: float
    """Of one redemption a second."""


async def measure(db: Database) -> DatabaseSize:
    """Raises: RuntimeError where the database cannot tell the size of a table."""
    async with db.reading() as session:
        sizes = await _sizes(session, sqlite=db.is_sqlite)
        redemptions = int(await session.scalar(select(func.count()).select_from(Redemption)) or 0)
    tables = sorted((TableSize(name, size) for name, size in sizes.items()), key=lambda one: -one.bytes)
    grown = sum(sizes.get(name, 0) for name in OF_REDEMPTIONS)
    each = grown / redemptions if redemptions else 0.0
    return DatabaseSize(tables, redemptions, each, each * SECONDS_PER_YEAR)


async def _sizes(session: AsyncSession, *, sqlite: bool) -> dict[str, int]:
    known = set(Base.metadata.tables)
    if not sqlite:
        rows = await session.execute(
            text(
                "SELECT coalesce(whole.relname, one.relname), sum(pg_total_relation_size(one.oid))::bigint "
                "FROM pg_class one LEFT JOIN pg_inherits ON inhrelid = one.oid "
                "LEFT JOIN pg_class whole ON whole.oid = inhparent WHERE one.relkind = 'r' GROUP BY 1"
            )
        )
        return {name: size for name, size in rows if name in known}
    try:
        rows = await session.execute(
            text(
                "SELECT s.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_schema s ON s.name = d.name "
                "GROUP BY s.tbl_name"
            )
        )
    except DBAPIError:
        raise RuntimeError("this SQLite was built without dbstat and cannot tell sizes") from None
    return {name: size for name, size in rows if name in known}
