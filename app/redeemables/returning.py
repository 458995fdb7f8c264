"""One rollback put together: wire objects, event and operations; of a whole redemption, or of a part of it.

Everything is made from what was read alone, so a resend under the same rid carries the same bytes.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct

from app.core.keys import Keys
from app.core.ops import Add, Apply, Equal, Op, Put
from app.identifiers import new_id, next_version
from app.ledger.entries import ROLLBACK, Event, Private, Taken, encode_event, encode_private
from app.redeemables.answer import encode_answer
from app.redeemables.customers import REDEMPTIONS_ROLLED_BACK
from app.redeemables.documents import instant_text
from app.redeemables.order_changes import rolled_back_order
from app.redeemables.orders import StoredOrder, order_ops, postings_of, private_order, summary_adds
from app.redeemables.portions import Portion, Progress, encode_progress
from app.redeemables.read_trip import Asked
from app.redeemables.redemption_state import PROGRESS, REDEMPTION_TTL_SECONDS, RETURNED, without_order
from app.redeemables.returns import Returnable, returning_adds


class RollbackIds(Struct, frozen=True):
    """Of the rollback itself, and of a stack's parent rollback."""

    first: str
    parent: str


def rid_of(redemption_id: str, parts: int) -> str:
    """Whoever comes second with the same number of parts before him, on whichever way, meets the first."""
    return f"rr:{redemption_id}:{parts}"


class Returning:
    """The parts of one rollback, in the order in which they need one another."""

    def __init__(
        self,
        asked: Asked,
        *,
        found: Returnable,
        order: StoredOrder | None,
        order_mode: str,
        ids: RollbackIds,
        keys: Keys,
        now: datetime,
        stacked_answer: bool,
        reason: str | None,
        metadata: dict[str, Any] | None,
        order_metadata: dict[str, Any] | None,
        portion: Portion | None,
        parts: int,
    ) -> None:
        self.asked = asked
        self.stacked_answer = stacked_answer
        self.reason = reason
        self.metadata = metadata
        self.found = found
        self.state = found.state
        self.order = order
        self.ids = ids
        self.keys = keys
        self.portion = portion
        self.parts = parts
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
                applied=self.state.order_applied if portion is None else portion.applied,
                keep_amounts=order_mode == "WITHOUT_ORDER",
                complete=self.complete,
                version=next_version(order.version),
                at_us=self.at_us,
                metadata=order_metadata,
            )
        self.rows = self._rows()

    @property
    def complete(self) -> bool:
        return self.portion is None or self.portion.complete

    # The rollbacks
    # ----------------------------------------------------------------------------------------------

    def _wire(self, rollback_id: str, taken: dict[str, Any], number: int | None) -> dict[str, Any]:
        wire = {
            **taken,
            "id": rollback_id,
            "object": "redemption_rollback",
            "date": self.date,
            "metadata": self.metadata or {},
            "redemption": taken["id"],
            "reason": self.reason,
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
        portion = self.portion
        if portion is not None:
            if number is not None and taken.get("gift"):
                wire["gift"] = {"amount": -portion.credits[number]}
                wire["amount"] = -portion.credits[number]
            wire["extensions"] = portion.wire(number if self.stacked else None)
        return wire

    def _rows(self) -> list[dict[str, Any]]:
        rows = [
            self._wire(rollback_id, child, number)
            for number, (rollback_id, child) in enumerate(zip(self.rollback_ids, self.children, strict=True))
        ]
        if self.stacked:
            parent = next(child for child in self.state.children if child["id"] == self.state.id)
            wire = self._wire(self.ids.parent, parent, None)
            rows.append({**wire, "related_object_id": parent["related_object_id"]})
        return rows

    def answer(self) -> dict[str, Any]:
        """The rollback itself, or the three parts of a stacked one (behaviour 4.7)."""
        if not self.stacked_answer:
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

    # The call
    # --------------------------------------------------------------------------------------------------

    def call(self) -> Apply:
        adds = (
            returning_adds(self.keys, self.state)
            if self.portion is None
            else self.portion.adds(self.keys, self.state)
        )
        if self.state.customer_id is not None and self.complete:
            adds.append(
                Add(
                    key=self.keys.counter("customer", self.state.customer_id),
                    field=REDEMPTIONS_ROLLED_BACK,
                    delta=len(self.children),
                )
            )
        if self.new_order is not None:
            adds.extend(summary_adds(self.keys, self.order, self.new_order))
        rid = rid_of(self.state.id, self.parts)
        event = Event(
            kind=ROLLBACK,
            rid=rid,
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
            metadata=self.metadata,
            answer=encode_answer(self.answer()) if self.asked.scope_hash else None,
        )
        return Apply(
            partition=self.asked.partition,
            mode="B",
            rid=rid,
            guards={},
            ops=self._ops(adds),
            event=encode_event(event),
            private=encode_private(private),
            idempotency_key=self.keys.idempotency(self.asked.scope_hash) if self.asked.scope_hash else "",
            fingerprint=self.asked.fingerprint,
        )

    def _ops(self, adds: list[Add]) -> list[Op]:
        """Pinned by how many parts were taken back before, of which the record tells for an hour (D9)."""
        key = self.keys.redemption(self.state.id)
        progress = self.portion.after if self.portion is not None else Progress(self.parts + 1, complete=True)
        count = f"{progress.parts}:{self.ids.first}".encode()
        ops: list[Op] = [
            *adds,
            Equal(key=key, field=RETURNED, expected=self.found.returned),
            Put(key=key, field=RETURNED, value=count, ttl_seconds=REDEMPTION_TTL_SECONDS),
            Put(key=key, field=PROGRESS, value=encode_progress(progress), ttl_seconds=REDEMPTION_TTL_SECONDS),
        ]
        if self.new_order is not None:
            ops.extend(order_ops(self.keys, self.order, self.new_order))
        return ops
