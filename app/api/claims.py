"""An idempotency key inside the transaction of a catalogue write: claimed first, answered last (D1)."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import IdempotentAnswer
from app.http.idempotency import RequestIdentity
from app.http.messages import encode_body


class AnsweredBefore(Exception):
    """The key is claimed: its answer is to be given again, and this transaction is void."""


class Claim:
    """One key of one request. A request that is refused claims nothing: its transaction is rolled back."""

    def __init__(self, identity: RequestIdentity, now: datetime, hours: int) -> None:
        self.identity = identity
        self.now = now
        self.known_since = now - timedelta(hours=hours)
        self.is_kept = False
        """Once its transaction has ended; another one of the same request claims nothing more."""
        self._answer: tuple[int, bytes] | None = None

    async def take(self, session: AsyncSession, project_id: str) -> None:
        """The first statement of the transaction: a second request waits here for the first one's commit.

        Raises: AnsweredBefore.
        """
        row = IdempotentAnswer
        await session.execute(
            delete(row).where(
                row.project_id == project_id,
                row.scope_hash == self.identity.scope_hash,
                row.at < self.known_since,
            )
        )
        try:
            await session.execute(
                insert(row).values(
                    project_id=project_id,
                    scope_hash=self.identity.scope_hash,
                    fingerprint=self.identity.fingerprint,
                    at=self.now,
                    status=0,
                    body=b"",
                )
            )
        except IntegrityError:
            raise AnsweredBefore from None

    def answered(self, body: Any, status: int) -> None:
        self._answer = (status, encode_body(body) or b"")

    async def keep(self, session: AsyncSession, project_id: str) -> None:
        """The last statement: effect and answer are committed together."""
        if self._answer is None:
            raise RuntimeError("a write under an idempotency key was not answered inside its transaction")
        status, body = self._answer
        await session.execute(
            update(IdempotentAnswer)
            .where(
                IdempotentAnswer.project_id == project_id,
                IdempotentAnswer.scope_hash == self.identity.scope_hash,
            )
            .values(status=status, body=body)
        )
        self.is_kept = True
