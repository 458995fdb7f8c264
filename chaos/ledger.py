"""The ledger as SQL holds it, read for the checker: events in the order of their sequence, with all they
moved.
"""

from msgspec import Struct
from sqlalchemy import select, text

from app.core.keys import Partition
from app.core.outbox import Position
from app.db.database import Database
from app.db.models import Divergence, EventBody, LedgerEvent, LedgerPosting
from app.ledger.entries import Event, decode_event, decode_private
from app.ledger.partitions import State, read_state
from chaos.model import Moved


class Line(Struct):
    """One event. deed: the Idempotency-Key that its request carried, if it can be told."""

    position: Position
    event: Event
    moved: list[Moved]
    deed: str = ""


class Ledger(Struct):
    """state: cursor, epoch and so on. written: positions in the order of insertion; empty where the database
    cannot tell. orphans: events kept for audit, in no counter.
    """

    state: State
    lines: list[Line]
    written: list[Position]
    orphans: int


async def read_ledger(db: Database, partition: Partition) -> Ledger:
    """Everything of one partition."""
    part = partition.name
    async with db.reading() as session:
        state = await read_state(session, partition)
        assert state is not None
        lines = {
            Position(epoch, sequence): Line(Position(epoch, sequence), decode_event(body), [])
            for epoch, sequence, body in await session.execute(
                select(LedgerEvent.epoch, LedgerEvent.seq, LedgerEvent.body)
                .where(LedgerEvent.part == part)
                .order_by(LedgerEvent.epoch, LedgerEvent.seq)
            )
        }
        for epoch, sequence, *moved in await session.execute(
            select(
                LedgerPosting.epoch, LedgerPosting.seq, LedgerPosting.key, LedgerPosting.field,
                LedgerPosting.delta, LedgerPosting.kind, LedgerPosting.after,
            )
            .where(LedgerPosting.part == part)
            .order_by(LedgerPosting.epoch, LedgerPosting.seq, LedgerPosting.n)
        ):  # fmt: skip
            lines[Position(epoch, sequence)].moved.append(tuple(moved))
        for epoch, sequence, body in await session.execute(
            select(EventBody.epoch, EventBody.seq, EventBody.body).where(EventBody.part == part)
        ):
            lines[Position(epoch, sequence)].deed = _deed(body)
        orphans = await session.scalars(select(Divergence.id).where(Divergence.part == part))
        written = []
        if db.is_sqlite:
            rows = await session.execute(
                text("SELECT epoch, seq FROM ledger_events WHERE part = :part ORDER BY rowid"), {"part": part}
            )
            written = [Position(epoch, sequence) for epoch, sequence in rows]
        return Ledger(state, list(lines.values()), written, len(orphans.all()))


def _deed(body: bytes) -> str:
    private = decode_private(body)
    for redemption in private.redemptions:
        metadata = redemption.get("metadata") or {}
        if "deed" in metadata:
            return str(metadata["deed"])
    return ""
