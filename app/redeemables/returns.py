"""What a redemption took, as a rollback needs it: from its event while that is in the outbox, from the ledger
for months (D9).
"""

from msgspec import Struct
from sqlalchemy import select

from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.ops import Add
from app.core.outbox import Position
from app.db.database import Database
from app.db.models import LedgerPosting, Redemption
from app.ledger.archived import read_archived
from app.ledger.client import LedgerClient
from app.redeemables.checks import Refused
from app.redeemables.customers import GIFT_REDEEMED
from app.redeemables.order_changes import applied_of
from app.redeemables.redemption_state import RedemptionState, state_of

CUSTOMER_COUNTER = "n:customer:"
"""Succeeded redemptions stay counted at the customer; the rollback is counted beside them."""


class Returnable(Struct, frozen=True):
    """`returned`: the raw count of parts returned as the record has it; None when there was none within the
    hour. `in_core`: whether Redis still knows the redemption, and so all that came back of it.
    """

    state: RedemptionState
    returned: bytes | None
    in_core: bool


async def returnable(
    core: RedemptionCore,
    ledger: LedgerClient,
    db: Database,
    partition: Partition,
    redemption_id: str,
    made: bytes | None,
    returned: bytes | None,
) -> Returnable | None:
    """made: the replay record under the redemption's id, if it was read. A part of a stack has none: the
    ledger knows its parent. None when there is no such redemption in the project.

    Raises: Refused for one that is archived; CoreUnavailable.
    """
    event_id = made.partition(b"|")[0].decode() if made is not None else ""
    # A rebuild makes replay records anew, but not what came back: that is asked of SQL then.
    in_core = bool(event_id) and core.is_of_epoch(partition, event_id)
    state = await _from_outbox(core, partition, redemption_id, event_id) if in_core else None
    if state is None:
        await ledger.barrier(partition)
        state = await _from_ledger(db, partition, redemption_id)
    return None if state is None else Returnable(state=state, returned=returned, in_core=in_core)


async def _from_outbox(
    core: RedemptionCore, partition: Partition, redemption_id: str, event_id: str
) -> RedemptionState | None:
    """None: the event is in the ledger, and trimmed here."""
    position = Position.parse(event_id)
    before = str(Position(position.epoch, position.sequence - 1))
    entries = await core.read_outbox(partition, before, 1)
    if not entries or entries[0].event_id != event_id:
        return None
    return state_of(redemption_id, entries[0].event, entries[0].private)


async def _from_ledger(db: Database, partition: Partition, redemption_id: str) -> RedemptionState | None:
    async with db.reading() as session:
        row = await session.scalar(
            select(Redemption).where(
                Redemption.project_id == partition.project_id,
                Redemption.id == redemption_id,
                Redemption.object == "redemption",
                Redemption.result == "SUCCESS",
            )
        )
        if row is None:
            return None
        if row.parent_id is not None:
            return RedemptionState(id=row.id, parent_id=row.parent_id, at_us=_us(row))
        family = (
            await session.scalars(
                select(Redemption)
                .where(
                    Redemption.project_id == partition.project_id,
                    Redemption.epoch == row.epoch,
                    Redemption.seq == row.seq,
                    Redemption.object == "redemption",
                )
                .order_by(Redemption.parent_id.is_(None), Redemption.id)
            )
        ).all()
        postings = (
            await session.scalars(
                select(LedgerPosting)
                .where(
                    LedgerPosting.part == partition.name,
                    LedgerPosting.epoch == row.epoch,
                    LedgerPosting.seq == row.seq,
                    LedgerPosting.kind == "a",
                )
                .order_by(LedgerPosting.n)
            )
        ).all()
        if not postings:
            archived = await read_archived(session, partition.name)
            if archived.holds(Position(row.epoch or 0, row.seq or 0)):
                raise Refused(
                    400,
                    "invalid_redemption",
                    "Invalid redemption",
                    f"Redemption {row.id} is older than the ledger goes back",
                )
    return RedemptionState(
        id=row.id,
        parent_id=None,
        rolled_back=row.status == "ROLLED_BACK",
        children=[member.body for member in family],
        postings=[
            [posting.key, posting.field, posting.delta, 0, posting.until, posting.redeemable_no]
            for posting in postings
        ],
        order_id=row.order_id,
        order_applied=applied_of(row.body.get("order")),
        customer_id=row.customer_id,
        at_us=_us(row),
    )


def _us(row: Redemption) -> int:
    return int(row.date.timestamp() * 1_000_000)


def returning_adds(keys: Keys, state: RedemptionState) -> list[Add]:
    """The counters' way back. A window that has ended takes nothing back: the script sees to that (D7)."""
    adds: list[Add] = []
    for key, field, delta, base, until, redeemable_no in state.postings:
        if delta == 0 or (key.startswith(CUSTOMER_COUNTER) and field != GIFT_REDEEMED):
            continue
        adds.append(
            Add(
                key=keys.base + key,
                field=field,
                delta=-delta,
                base=base,
                until=until,
                redeemable_no=redeemable_no,
            )
        )
    return adds
