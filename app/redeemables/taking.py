"""One redemption put together before the script runs: its ids, wire objects, event and operations.

Everything is made from the decision alone, so a resend under the same rid carries the same bytes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from app.core.ops import Add, Apply, Claim, Op
from app.identifiers import new_id
from app.ledger.entries import REDEMPTION, Event, Private, Taken, encode_event, encode_private
from app.redeemables.answer import encode_answer, entry_wire, tracking_of
from app.redeemables.charges import Charged, operations
from app.redeemables.customers import (
    GIFT_REDEEMED,
    REDEMPTIONS_SUCCEEDED,
    private_customer,
    says_nothing,
    simple_customer,
)
from app.redeemables.documents import instant_text
from app.redeemables.gather import Gathered
from app.redeemables.hiding import hidden
from app.redeemables.order_wire import OrderWriter
from app.redeemables.orders import AMOUNTS, StoredOrder, order_ops, private_order, summary_adds
from app.redeemables.read_trip import Asked
from app.redeemables.redemption_state import REDEMPTION_TTL_SECONDS
from app.redeemables.redemption_wire import redeemed_wire
from app.redeemables.request import StackRequest
from app.redeemables.sessions import consume
from app.redeemables.settle import record_checks
from rules.verdict import Decision, Result


class Ids:
    """Made once per request: attempts and resends mean the same redemption. The root's id is the request's as
    well (D1), so that what Redis keeps of the request finds the redemption.
    """

    __slots__ = ("_children", "order", "root")

    def __init__(self) -> None:
        self.root = new_id("r_")
        self.order = new_id("ord_")
        self._children: list[str] = []

    def redemptions(self, count: int) -> list[str]:
        """Of as many redeemables: a single one's is the root, those of a stack have it as their parent."""
        if count == 1:
            return [self.root]
        while len(self._children) < count:
            self._children.append(new_id("r_"))
        return self._children[:count]


class Taking(Struct, frozen=True):
    """What will be taken, and the answer to it."""

    call: Apply
    answer: dict[str, Any]


def take(
    asked: Asked,
    gathered: Gathered,
    request: StackRequest,
    decision: Decision,
    charged: Charged,
    ids: Ids,
    now: datetime,
    request_id: str,
) -> Taking:
    """Compose the call for what applies."""
    return _Composer(asked, gathered, request, decision, charged, ids, now).compose(request_id)


class _Composer:
    """The parts of one taking, in the order in which they need one another."""

    def __init__(
        self,
        asked: Asked,
        gathered: Gathered,
        request: StackRequest,
        decision: Decision,
        charged: Charged,
        ids: Ids,
        now: datetime,
    ) -> None:
        self.asked = asked
        self.gathered = gathered
        self.request = request
        self.decision = decision
        self.charged = charged
        self.ids = ids
        self.now = now
        self.at_us = round(now.timestamp() * 1_000_000)
        self.date = instant_text(now)
        self.applied: Sequence[Result] = decision.applied
        self.child_ids = ids.redemptions(len(self.applied))
        self.root_id = ids.root
        self.parent_id = ids.root if len(self.applied) > 1 else None
        self.writer: OrderWriter
        """There when an order is written."""
        self.identity: dict[str, Any] | None = None
        """What all redemptions of a stack say of their order."""
        self.common = self._common()
        self.new_order = self._new_order()
        self.summary = self._summary()
        self.session = consume(gathered.keys, gathered.owned)

    # The order
    # -------------------------------------------------------------------------------------------------

    def _new_order(self) -> StoredOrder | None:
        """The order as it will be stored: calculated, paid, this redemption in its map (behaviour 4.6)."""
        facts = self.gathered.facts.order
        state = self.decision.order
        if facts is None or state is None or self.request.order is None:
            return None
        self.writer = OrderWriter(facts, self.gathered.facts.catalogue)
        return StoredOrder.redeemed(
            stored=self.gathered.order,
            payload=self.request.order,
            fresh_id=self.ids.order,
            customer_id=self.gathered.customer_id,
            calculated=self.writer.wire(state),
            redemption_id=self.root_id,
            entry=self._map_entry(),
            at_us=self.at_us,
            date=self.date,
        )

    def _summary(self) -> list[Add]:
        """The customer's own counters, moved by the same call, so that segments on them are never stale
        (D15).
        """
        keys = self.gathered.keys
        adds = summary_adds(keys, self.gathered.order, self.new_order) if self.new_order else []
        customer_id = self.gathered.customer_id
        if customer_id is not None:
            key = keys.counter("customer", customer_id)
            adds.append(Add(key=key, field=REDEMPTIONS_SUCCEEDED, delta=len(self.applied)))
            used = 0
            for result in self.applied:
                used += result.credits or 0
            if used:
                adds.append(Add(key=key, field=GIFT_REDEEMED, delta=used))
        return adds

    def _map_entry(self) -> dict[str, Any]:
        if self.parent_id is not None:
            return {
                "date": self.date,
                "related_object_type": "redemption",
                "related_object_id": self.parent_id,
                "stacked": self.child_ids,
            }
        candidate = self.applied[0].candidate
        entry = {
            "date": self.date,
            "related_object_type": candidate.object,
            "related_object_id": candidate.id,
        }
        if candidate.campaign_id is not None:
            entry["related_object_parent_id"] = candidate.campaign_id
        return entry

    def _order_of(self, result: Result | None) -> dict[str, Any] | None:
        """The order within a redemption: amounts cumulative up to it, identity of the stored one."""
        if self.new_order is None:
            return None
        identity = self.new_order.body
        if self.parent_id is None or result is None or result.order is None:
            return identity  # The root's own: nothing comes after it.
        if self.identity is None:
            # An amount that was zero at a redeemable is left out, and the root's must not stand in its place.
            self.identity = {name: value for name, value in identity.items() if name not in AMOUNTS}
        wire = {**self.identity, **self.writer.wire(result.order)}
        if "extensions" in identity:
            wire["extensions"] = {**identity["extensions"], **wire.get("extensions", {})}
        return wire

    # The redemptions
    # -------------------------------------------------------------------------------------------

    def _common(self) -> dict[str, Any]:
        """What all redemptions of the taking say alike, in the order of the wire."""
        wire: dict[str, Any] = {
            "id": "",
            "object": "redemption",
            "date": self.date,
            "customer_id": self.gathered.customer_id,
            "tracking_id": tracking_of(self.gathered),
            "metadata": self.request.metadata or {},
            "redemption": None,
            "result": "SUCCESS",
            "status": "SUCCEEDED",
            "related_redemptions": None,
            "failure_code": None,
            "failure_message": None,
            "order": None,
            "channel": {"channel_id": self.asked.key_id, "channel_type": "API"},
            "customer": simple_customer(self.gathered.customer_id, self.gathered.facts.customer),
        }
        if self.request.session is not None and self.request.session.key:
            wire["session"] = {"key": self.request.session.key}
        return wire

    def _redemption(self, redemption_id: str, result: Result | None) -> dict[str, Any]:
        wire = self.common.copy()
        wire["id"] = redemption_id
        wire["order"] = self._order_of(result)
        if result is None:
            wire["related_object_type"] = "redemption"
            wire["related_object_id"] = redemption_id
            return wire
        wire["redemption"] = self.parent_id
        if result.credits is not None:
            wire["amount"] = result.credits
        wire.update(redeemed_wire(result, self.gathered, self.gathered.written))
        return wire

    def _kept(self, row: dict[str, Any]) -> dict[str, Any]:
        """The redemption as the ledger keeps it: without the order where that is its event's own."""
        written = self.gathered.written
        kept = row.copy()
        if self.new_order is None or row["order"] is self.new_order.body:
            del kept["order"]
        if written is not None and "voucher" in row:
            kept["voucher"] = written[row["related_object_id"]].kept
        return kept

    def _taken(self, redemption_id: str, result: Result) -> Taken:
        candidate = result.candidate
        order = result.order
        kind = candidate.object
        return Taken(
            redemption_id,
            "redemption",
            kind,
            candidate.id,
            candidate.id if kind == "voucher" else None,
            candidate.id if kind == "promotion_tier" else None,
            candidate.campaign_id,
            self.parent_id,
            None,
            result.credits,
            order.total_applied_discount_amount if order else 0,
            (order.amount or 0) if order else 0,
        )

    # The call
    # --------------------------------------------------------------------------------------------------

    def compose(self, request_id: str) -> Taking:
        children = [
            self._redemption(redemption_id, result)
            for redemption_id, result in zip(self.child_ids, self.applied, strict=True)
        ]
        taken = [
            self._taken(redemption_id, result)
            for redemption_id, result in zip(self.child_ids, self.applied, strict=True)
        ]
        parent = None
        rows = list(children)
        if self.parent_id is not None:
            parent = self._redemption(self.parent_id, None)
            rows.append(parent)
            taken.append(
                Taken(
                    id=self.parent_id,
                    object="redemption",
                    related_object_type="redemption",
                    related_object_id=self.parent_id,
                    discount=sum(one.discount for one in taken),
                    order_amount=(self.decision.order.amount or 0) if self.decision.order else 0,
                )
            )
        gathered = self.gathered
        event = Event(
            kind=REDEMPTION,
            rid=self.root_id,
            project_id=self.asked.partition.project_id,
            at_us=self.at_us,
            actor_key_id=self.asked.key_id,
            postings=[*self.charged.postings(gathered.keys, self.summary), *self.session.postings],
            taken=taken,
            customer_id=gathered.customer_id,
            order_id=self.new_order.id if self.new_order else None,
            order_version=self.new_order.version if self.new_order else 0,
            locks=self.session.locks,
        )
        answer = self._answer(children, parent, request_id)
        private = Private(
            redemptions=[self._kept(row) for row in rows],
            order=private_order(self.new_order) if self.new_order else None,
            customer=self._private_customer(),
            metadata=self.request.metadata,
            answer=encode_answer(answer) if self.asked.scope_hash else None,
        )
        call = Apply(
            partition=self.asked.partition,
            mode="R",
            rid=self.root_id,
            guards=gathered.guards,
            ops=self._ops(),
            event=encode_event(event),
            private=encode_private(private),
            idempotency_key=gathered.keys.idempotency(self.asked.scope_hash) if self.asked.scope_hash else "",
            fingerprint=self.asked.fingerprint,
            replay_ttl_seconds=REDEMPTION_TTL_SECONDS,
        )
        return Taking(call=call, answer=answer)

    def _answer(
        self, children: list[dict[str, Any]], parent: dict[str, Any] | None, request_id: str
    ) -> dict[str, Any]:
        """The two lists of what was not taken are always there, empty on full success (D20)."""
        wire: dict[str, Any] = {"redemptions": children}
        if parent is not None:
            wire["parent_redemption"] = parent
        if self.new_order is not None:
            wire["order"] = self.new_order.body
        if len(self.applied) == len(self.decision.results):
            wire["inapplicable_redeemables"] = []
            wire["skipped_redeemables"] = []
            return wire
        left = tuple(result for result in self.decision.results if result.status != "APPLICABLE")
        if self.asked.hides_codes:
            left = hidden(left, self.gathered)
        entries = [entry_wire(result, self.gathered, request_id, self.request.expand) for result in left]
        wire["inapplicable_redeemables"] = [entry for entry in entries if entry["status"] == "INAPPLICABLE"]
        wire["skipped_redeemables"] = [entry for entry in entries if entry["status"] == "SKIPPED"]
        return wire

    def _private_customer(self) -> dict[str, Any] | None:
        gathered = self.gathered
        if gathered.customer_id is None or not self.asked.stores_customer:
            return None
        sent = self.request.customer
        if gathered.customer is not None and (sent is None or says_nothing(sent)):
            return None  # Known, and nothing new was said of it.
        return private_customer(
            gathered.customer_id,
            gathered.source_id,
            self.request.customer,
            created=gathered.customer is None,
            at_us=self.at_us,
        )

    def _is_named(self, order: StoredOrder) -> bool:
        """Whether anybody could name the order before this is answered. Else its id is new and nothing can
        contend for it: the event is its record.
        """
        return order.source_id is not None or self.gathered.order is not None or order.id != self.ids.order

    def _ops(self) -> list[Op]:
        """Adds first (their currents are read by position), then what pins the decision, then what is
        written.
        """
        gathered = self.gathered
        keys = gathered.keys
        ops = operations(self.charged)
        ops.extend(self.summary)
        ops.extend(self.session.ops)
        ops.extend(record_checks(gathered))
        if gathered.source_id is not None and gathered.customer_id is not None and not gathered.claimed:
            ops.append(
                Claim(
                    key=keys.source_claim(gathered.source_id),
                    field=gathered.source_id,
                    value=gathered.customer_id.encode(),
                )
            )
        if self.new_order is not None and self._is_named(self.new_order):
            ops.extend(order_ops(keys, gathered.order, self.new_order))
        return ops
