"""Give back what a redemption took, at most once (P4, D9).

One rid for both ways, `rr:<redemption>:<part>`: whoever comes second, on whichever way, meets the first one's
event.
"""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.core.core import RedemptionCore
from app.core.keys import Keys
from app.core.ops import Add, Apply, Equal, Op, Put
from app.core.outcome import Code, CoreUnavailable
from app.db.database import Database
from app.db.models import LedgerEvent, RollbackIntent
from app.identifiers import new_id, next_version
from app.ledger.client import LedgerClient
from app.ledger.entries import (
    ROLLBACK,
    Event,
    Private,
    Taken,
    decode_event,
    encode_event,
    encode_private,
)
from app.redeemables.answer import encode_answer
from app.redeemables.catalogue import Catalogue
from app.redeemables.checks import Refused
from app.redeemables.customers import REDEMPTIONS_ROLLED_BACK, CustomerPayload, identity
from app.redeemables.documents import instant_text
from app.redeemables.gather import Admit, Asked
from app.redeemables.order_changes import rolled_back_order
from app.redeemables.order_reading import order_after
from app.redeemables.orders import (
    StoredOrder,
    order_ops,
    postings_of,
    private_order,
    summary_adds,
)
from app.redeemables.redemption_state import FIELDS, REDEMPTION_TTL_SECONDS, RETURNED, without_order
from app.redeemables.replay import first_event
from app.redeemables.returns import Returnable, returnable, returning_adds
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
) -> RolledBack:
    """Raises: Refused, Contended, Replayed, KeyReused, CoreUnavailable."""
    partition = asked.partition
    project = await catalogue.project(partition.project_id)
    mine = _Ids(new_id("rr_"), new_id("rr_"))
    for _ in range(GATHER_ATTEMPTS_MAX):
        keys = await core.open(partition)
        replies = await core.read(
            partition,
            [
                ("HMGET", keys.redemption(ask.redemption_id), *FIELDS),
                ("GET", keys.idempotency(asked.scope_hash or "none")),
                *asked.riders,
            ],
        )
        await admit(replies[2:])
        first = first_event(replies[1], asked.fingerprint) if asked.scope_hash else None
        if first is not None:
            raise Replayed(first)
        found = await returnable(core, ledger, db, keys, partition, ask.redemption_id, replies[0])
        if found is None:
            raise _not_found(ask.redemption_id)
        order = None
        if found.state.order_id is not None:
            order = await order_after(core, db, partition, found.state.order_id, found.state.order)
        _check(ask, found, order, project.secret, now)
        if not found.in_core:
            await _intend(db, partition.project_id, ask.redemption_id, now)
        mode = project.stacking.redeemables_rollback_order_mode
        returning = _Returning(asked, ask, found, order, mode, mine, keys, now)
        outcome = await core.apply(returning.call())
        if outcome.code is Code.OK:
            return RolledBack(event_id=outcome.event_id, answer=returning.answer())
        if outcome.code is Code.DUP and outcome.name == "idempotency":
            raise Replayed(outcome.event_id)
        if outcome.code is Code.DUP:
            if await _is_mine(core, db, keys, asked, ask.redemption_id, mine):
                return RolledBack(event_id=outcome.event_id, answer=returning.answer())
            raise _already(ask.redemption_id)
        if outcome.code is not Code.STALE:
            raise CoreUnavailable(f"the core answered {outcome.code.name}")
    raise Contended


class _Ids(Struct, frozen=True):
    """Of the rollback itself, and of a stack's parent rollback."""

    first: str
    parent: str


def _not_found(redemption_id: str) -> Refused:
    return Refused(
        404,
        "not_found",
        "Resource not found",
        f"Cannot find redemption with id {redemption_id}",
        resource_id=redemption_id,
        resource_type="redemption",
    )


def _already(redemption_id: str) -> Refused:
    return Refused(
        400,
        "already_rolled_back",
        "Already rolled back",
        f"Redemption {redemption_id} was rolled back before",
        resource_id=new_id("rrf_"),
        resource_type="redemption_rollback",
    )


def _check(ask: RollBack, found: Returnable, order: StoredOrder | None, secret: bytes, now: datetime) -> None:
    """In the contract's order: kind of redemption, done before, too old, somebody else's (behaviour 4.7)."""
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
    if state.rolled_back or found.returned is not None:
        raise _already(state.id)
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


async def _intend(db: Database, project_id: str, redemption_id: str, now: datetime) -> None:
    """One row per redemption and part: beyond the hour it stands where the record in Redis stood (D9)."""
    try:
        async with db.writing() as session:
            session.add(RollbackIntent(project_id=project_id, redemption_id=redemption_id, n=0, at=now))
    except IntegrityError:
        # Somebody intended it before and may have died before the script ran: the rid decides who took it
        # back.
        return


async def _is_mine(
    core: RedemptionCore, db: Database, keys: Keys, asked: Asked, redemption_id: str, mine: _Ids
) -> bool:
    """Whether the event that our rid met is our own, sent again after its answer was lost."""
    reply = (await core.read(asked.partition, [("HGET", keys.redemption(redemption_id), RETURNED)]))[0]
    if reply is not None:
        return bool(reply.endswith(mine.first.encode()))
    async with db.reading() as session:
        body = await session.scalar(select(LedgerEvent.body).where(LedgerEvent.rid == rid_of(redemption_id)))
    return body is not None and any(taken.id == mine.first for taken in decode_event(body).taken)


def rid_of(redemption_id: str) -> str:
    return f"rr:{redemption_id}:0"


class _Returning:
    """One rollback put together: wire objects, event, operations."""

    def __init__(
        self,
        asked: Asked,
        ask: RollBack,
        found: Returnable,
        order: StoredOrder | None,
        order_mode: str,
        ids: _Ids,
        keys: Keys,
        now: datetime,
    ) -> None:
        self.asked = asked
        self.ask = ask
        self.state = found.state
        self.order = order
        self.ids = ids
        self.keys = keys
        self.at_us = int(now.timestamp() * 1_000_000)
        self.date = instant_text(now)
        self.children = [
            child for child in self.state.children if child["related_object_type"] != "redemption"
        ]
        self.stacked = len(self.children) > 1
        self.rollback_ids = [ids.first, *(new_id("rr_") for _ in self.children[1:])]
        self.root_rollback_id = ids.parent if self.stacked else ids.first
        self.new_order = None
        if order is not None:
            self.new_order = rolled_back_order(
                order,
                redemption_id=self.state.id,
                rollback_id=self.root_rollback_id,
                rollback_date=self.date,
                rollback_stacked=self.rollback_ids if self.stacked else (),
                applied=self.state.order_applied,
                keep_amounts=order_mode == "WITHOUT_ORDER",
                version=next_version(order.version),
                at_us=self.at_us,
            )
        self.rows = self._rows()

    def _wire(self, rollback_id: str, taken: dict[str, Any]) -> dict[str, Any]:
        wire = {
            **taken,
            "id": rollback_id,
            "object": "redemption_rollback",
            "date": self.date,
            "metadata": self.ask.metadata or {},
            "redemption": taken["id"],
            "reason": self.ask.reason,
            "result": "SUCCESS",
            "status": "SUCCEEDED",
            "related_redemptions": None,
            "order": self.new_order.body if self.new_order else None,
            "channel": {"channel_id": self.asked.key_id, "channel_type": "API"},
        }
        amount = taken.get("amount")
        wire["amount"] = -amount if amount is not None else None
        if taken.get("gift"):
            wire["gift"] = {"amount": -taken["gift"]["amount"]}
        return wire

    def _rows(self) -> list[dict[str, Any]]:
        rows = [
            self._wire(rollback_id, child)
            for rollback_id, child in zip(self.rollback_ids, self.children, strict=True)
        ]
        if self.stacked:
            parent = next(child for child in self.state.children if child["id"] == self.state.id)
            rows.append(
                {**self._wire(self.ids.parent, parent), "related_object_id": parent["related_object_id"]}
            )
        return rows

    def answer(self) -> dict[str, Any]:
        """The rollback itself, or the three parts of a stacked one (behaviour 4.7)."""
        if not self.ask.stacked:
            return self.rows[0]
        if not self.stacked:
            wire: dict[str, Any] = {"rollbacks": self.rows}
        else:
            wire = {"rollbacks": self.rows[:-1], "parent_rollback": self.rows[-1]}
        if self.new_order is not None:
            wire["order"] = self.new_order.body
        return wire

    def _taken(self, row: dict[str, Any]) -> Taken:
        related_type = row["related_object_type"]
        related_id = row["related_object_id"]
        redeemed = row.get("voucher") or row.get("promotion_tier") or {}
        return Taken(
            id=row["id"],
            object="redemption_rollback",
            related_object_type=related_type,
            related_object_id=related_id,
            voucher_id=related_id if related_type == "voucher" else None,
            tier_id=related_id if related_type == "promotion_tier" else None,
            campaign_id=redeemed.get("campaign_id"),
            parent_id=self.ids.parent if self.stacked and row["id"] != self.ids.parent else None,
            redemption_id=row["redemption"],
            amount=row["amount"],
        )

    def call(self) -> Apply:
        adds = returning_adds(self.keys, self.state)
        if self.state.customer_id is not None:
            adds.append(
                Add(
                    key=self.keys.counter("customer", self.state.customer_id),
                    field=REDEMPTIONS_ROLLED_BACK,
                    delta=len(self.children),
                )
            )
        if self.new_order is not None:
            adds.extend(summary_adds(self.keys, self.order, self.new_order))
        event = Event(
            kind=ROLLBACK,
            rid=rid_of(self.state.id),
            project_id=self.asked.partition.project_id,
            at_us=self.at_us,
            actor_key_id=self.asked.key_id,
            postings=postings_of(self.keys, adds),
            taken=[self._taken(row) for row in self.rows],
            customer_id=self.state.customer_id,
            order_id=self.new_order.id if self.new_order else None,
            order_version=self.new_order.version if self.new_order else 0,
        )
        private = Private(
            redemptions=[without_order(row) for row in self.rows],
            order=private_order(self.new_order) if self.new_order else None,
            metadata=self.ask.metadata,
            answer=encode_answer(self.answer()) if self.asked.scope_hash else None,
        )
        return Apply(
            partition=self.asked.partition,
            mode="B",
            rid=rid_of(self.state.id),
            guards={},
            ops=self._ops(adds),
            event=encode_event(event),
            private=encode_private(private),
            idempotency_key=self.keys.idempotency(self.asked.scope_hash) if self.asked.scope_hash else "",
            fingerprint=self.asked.fingerprint,
        )

    def _ops(self, adds: list[Add]) -> list[Op]:
        key = self.keys.redemption(self.state.id)
        ops: list[Op] = [
            *adds,
            Equal(key=key, field=RETURNED, expected=None),
            Put(
                key=key,
                field=RETURNED,
                value=f"1:{self.ids.first}".encode(),
                ttl_seconds=REDEMPTION_TTL_SECONDS,
            ),
        ]
        if self.new_order is not None:
            ops.extend(order_ops(self.keys, self.order, self.new_order))
        return ops
