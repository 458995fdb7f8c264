"""Give back what a redemption took, at most once (P4, D9).

One rid for both ways, `rr:<redemption>:<parts before>`: whoever comes second, on whichever way, meets the
first one's event.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.ops import Apply
from app.core.outbox import Position
from app.core.outcome import Code, CoreUnavailable, Outcome
from app.db.database import Database
from app.db.models import LedgerEvent, RollbackIntent
from app.identifiers import new_id
from app.ledger.client import LedgerClient
from app.ledger.entries import decode_event
from app.redeemables.catalogue import Catalogue
from app.redeemables.checks import Refused
from app.redeemables.customers import CustomerPayload, identity
from app.redeemables.gather import Admit
from app.redeemables.order_reading import order_after
from app.redeemables.orders import StoredOrder
from app.redeemables.portions import (
    WHEN_COMPLETE,
    Progress,
    ReturnedItem,
    decode_progress,
    portion_of,
    progress_of,
)
from app.redeemables.read_trip import Asked
from app.redeemables.redemption_state import PROGRESS, RETURNED
from app.redeemables.refusals import note_failed_rollback
from app.redeemables.replay import KeyLife, KeyReused, first_event, keep_key
from app.redeemables.returning import Returning, RollbackIds
from app.redeemables.returns import Returnable, returnable
from app.redeemables.settle import GATHER_ATTEMPTS_MAX, Contended, Replayed


class RollBack(Struct, frozen=True):
    """What was asked for. `stacked`: by the operation for stacks, which also takes a single redemption."""

    redemption_id: str
    stacked: bool
    reason: str | None = None
    tracking_id: str | None = None
    customer: CustomerPayload | None = None
    order_id: str | None = None
    order_source_id: str | None = None
    window_days: int = 92
    """How long after the redemption; the contract's three months (behaviour 4.7)."""
    metadata: dict[str, Any] | None = None
    order_metadata: dict[str, Any] | None = None
    """Laid over the order's own."""
    items: Sequence[ReturnedItem] | None = None
    """The units that come back; None: all that are left."""
    restore_use: str = WHEN_COMPLETE
    """When uses come back: never, when_complete or always (with the first part)."""


class RolledBack(Struct, frozen=True):
    event_id: str
    answer: dict[str, Any]


async def roll_back(
    core: RedemptionCore,
    catalogue: Catalogue,
    ledger: LedgerClient,
    db: Database,
    asked: Asked,
    ask: RollBack,
    now: datetime,
    admit: Admit,
    key_life: KeyLife | None = None,
) -> RolledBack:
    """key_life: of the request's idempotency key, when it has one.

    Raises: Refused, Contended, Replayed, KeyReused, CoreUnavailable.
    """
    partition = asked.partition
    project = await catalogue.project(partition.project_id)
    mine = RollbackIds(new_id("rr_"), new_id("rr_"))
    for _ in range(GATHER_ATTEMPTS_MAX):
        keys = await core.open(partition)
        record = await _record(core, keys, asked, ask.redemption_id, admit)
        if record is None:
            continue
        made, returned, progress = record
        found = await returnable(core, ledger, db, partition, ask.redemption_id, made, returned)
        if found is None:
            raise _not_found(ask.redemption_id)
        order = None
        if found.state.order_id is not None:
            order = await order_after(core, db, partition, found.state.order_id, found.state.order)
        before = await _progress(db, partition, found, progress)
        _check_kind(ask, found)
        if found.state.rolled_back or before.complete:
            raise _already(core, asked, ask, found, now)
        _check(ask, found, order, project.secret, now)
        portion = None
        if ask.items is not None or before.parts:
            portion = portion_of(found.state, before, ask.items, ask.restore_use)
        if not found.in_core:
            await _intend(db, partition.project_id, ask.redemption_id, before.parts, now)
        returning = Returning(
            asked,
            found=found,
            order=order,
            order_mode=project.stacking.redeemables_rollback_order_mode,
            ids=mine,
            keys=keys,
            now=now,
            stacked_answer=ask.stacked,
            reason=ask.reason,
            metadata=ask.metadata,
            order_metadata=ask.order_metadata,
            portion=portion,
            parts=before.parts,
        )
        call = returning.call()
        keep_key(call, key_life)
        outcome = await core.apply(call)
        if outcome.code is Code.OK:
            return RolledBack(event_id=outcome.event_id, answer=returning.answer())
        _raise(outcome)
        if outcome.code is Code.DUP and await _is_mine(core, db, ledger, call, outcome.event_id, mine):
            return RolledBack(event_id=outcome.event_id, answer=returning.answer())
        # Somebody else's part, or another change of the order, came first: what is left is read anew.
    raise Contended


async def _record(
    core: RedemptionCore, keys: Keys, asked: Asked, redemption_id: str, admit: Admit
) -> tuple[bytes | None, bytes | None, bytes | None] | None:
    """The replay record under the redemption's id, RETURNED and PROGRESS of its record; None when they may be
    of before a rebuild, on which nothing is refused.

    Raises: Replayed, KeyReused, CoreUnavailable, and what `admit` raises.
    """
    partition = asked.partition
    made, record, key, belief, *riders = await core.read(
        partition,
        [
            ("GET", keys.replay(redemption_id)),
            ("HMGET", keys.redemption(redemption_id), RETURNED, PROGRESS),
            ("GET", keys.idempotency(asked.scope_hash or "none")),
            core.belief_command(partition),
            *asked.riders,
        ],
    )
    await admit(riders)
    if not core.believes(partition, belief):
        await core.refresh(partition)
        return None
    first = first_event(key, asked.fingerprint) if asked.scope_hash else None
    if first is not None:
        raise Replayed(first)
    returned, progress = record
    return made, returned, progress


def _raise(outcome: Outcome) -> None:
    """For every outcome that reading again does not answer."""
    if outcome.code is Code.DUP and outcome.name == "idempotency":
        raise Replayed(outcome.event_id)
    if outcome.code is Code.CONFLICT:
        raise KeyReused
    if outcome.code not in (Code.STALE, Code.DUP):
        raise CoreUnavailable(f"the core answered {outcome.code.name}")


async def _progress(db: Database, partition: Partition, found: Returnable, raw: bytes | None) -> Progress:
    """What was taken back before: from the record for an hour after the last part, else from SQL (D9)."""
    if raw is not None:
        return decode_progress(raw)
    if found.returned is not None:
        return Progress(1, complete=True)
    if found.in_core or found.state.parent_id is not None:
        return Progress()
    return await progress_of(db, partition, found.state.id)


def _not_found(redemption_id: str) -> Refused:
    return Refused(
        404,
        "not_found",
        "Resource not found",
        f"Cannot find redemption with id {redemption_id}",
        resource_id=redemption_id,
        resource_type="redemption",
    )


def _already(
    core: RedemptionCore, asked: Asked, ask: RollBack, found: Returnable, now: datetime
) -> Refused:
    """The one refusal that leaves a failed rollback behind, and names it (behaviour 4.7)."""
    key, message = "already_rolled_back", "Already rolled back"
    redeemed = next(child for child in found.state.children if child["id"] == found.state.id)
    return Refused(
        400,
        key,
        message,
        f"Redemption {found.state.id} was rolled back before",
        resource_id=note_failed_rollback(
            core, asked, redeemed, now, key=key, message=message, reason=ask.reason, metadata=ask.metadata
        ),
        resource_type="redemption_rollback",
    )


def _check_kind(ask: RollBack, found: Returnable) -> None:
    """In the contract's order: the kind of redemption first, whether it was done before, then `_check`."""
    state = found.state
    if state.parent_id is not None:
        raise Refused(
            400,
            "invalid_redemption_parent",
            "Invalid redemption parent",
            f"Redemption {state.id} is part of {state.parent_id}: roll that back",
        )
    if not ask.stacked and len(state.children) > 1:
        raise Refused(
            400, "invalid_redemption", "Invalid redemption", "Use different endpoint for stacked redemption"
        )


def _check(
    ask: RollBack, found: Returnable, order: StoredOrder | None, secret: bytes, now: datetime
) -> None:
    """Too old, somebody else's (behaviour 4.7)."""
    state = found.state
    if int(now.timestamp() * 1_000_000) - state.at_us > timedelta(days=ask.window_days) // timedelta(
        microseconds=1
    ):
        raise Refused(
            400,
            "invalid_redemption",
            "Invalid redemption",
            f"Redemption {state.id} is older than {ask.window_days} days",
        )
    if ask.customer is not None or ask.tracking_id is not None:
        customer_id, source_id = identity(secret, ask.customer, ask.tracking_id)
        known = {state.customer_id, *(_source_ids(state.children))}
        if customer_id is not None and customer_id not in known and source_id not in known:
            raise Refused(
                400, "invalid_customer", "Invalid customer", "Customer is not related with redemption."
            )
    if ask.order_id is not None or ask.order_source_id is not None:
        named = {order.id, order.source_id} if order is not None else set()
        if (ask.order_id or ask.order_source_id) not in named:
            raise Refused(400, "invalid_order", "Invalid order", "Order is not related with redemption.")


def _source_ids(children: list[dict[str, Any]]) -> set[str]:
    return {
        child["customer"]["source_id"]
        for child in children
        if child.get("customer") and child["customer"].get("source_id")
    }


async def _intend(db: Database, project_id: str, redemption_id: str, parts: int, now: datetime) -> None:
    """One row per redemption and part: beyond the hour it stands where the record in Redis stood (D9)."""
    try:
        async with db.writing() as session:
            session.add(RollbackIntent(project_id=project_id, redemption_id=redemption_id, n=parts, at=now))
    except IntegrityError:
        # Somebody intended it before and may have died before the script ran: the rid decides who took it
        # back.
        return


async def _is_mine(
    core: RedemptionCore, db: Database, ledger: LedgerClient, call: Apply, event_id: str, mine: RollbackIds
) -> bool:
    """Whether the event that our rid met is our own, sent again after its answer was lost."""
    position = Position.parse(event_id)
    before = str(Position(position.epoch, position.sequence - 1))
    entries = await core.read_outbox(call.partition, before, 1)
    if entries and entries[0].event_id == event_id:
        body: bytes | None = entries[0].event
    else:
        await ledger.barrier(call.partition)
        async with db.reading() as session:
            body = await session.scalar(select(LedgerEvent.body).where(LedgerEvent.rid == call.rid))
    return body is not None and any(taken.id == mine.first for taken in decode_event(body).taken)
