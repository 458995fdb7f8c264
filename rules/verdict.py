"""What a decision says: reasons in order of precedence, amounts per line, and what must be charged.

Nothing in here can refer back to what holds it, so none of it is tracked by the cycle collector (`gc=False`).
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from rules.facts import Candidate, CounterName
from rules.reasons import Reason


class Refusal(Struct, frozen=True, gc=False):
    """Why a redeemable gives nothing. `message` is the custom message of the violated rule, if it has one."""

    reason: Reason
    details: str = ""
    message: str | None = None
    rule_id: str | None = None
    resource_id: str | None = None
    resource_type: str | None = None


class LineState(Struct, frozen=True, gc=False):
    """A line after a redeemable; amounts in minor units. `applied_*` is by this redeemable alone."""

    index: int
    source_index: int | None
    """Index of the requested line; None when a free item was appended."""
    product_id: str | None
    sku_id: str | None
    source_id: str | None
    related_object: str | None
    quantity: int
    price: int | None
    amount: int | None
    discount_amount: int = 0
    applied_discount_amount: int = 0
    plain: bool = False
    """Everything below has its default, and nothing but the amounts of its discount tells this line from
    the requested one."""
    discount_quantity: int = 0
    applied_discount_quantity: int = 0
    applied_quantity: int | None = None
    applied_quantity_amount: int | None = None
    initial_quantity: int | None = None
    initial_amount: int | None = None
    order_share: int = 0
    """This line's part of the order-level discounts so far; filled when shares are tracked (margins, or
    `share_order_discounts` in the project's extensions)."""
    replaced: int = 0
    """Units that left the line for others (REPLACE_ITEMS)."""


class ShippingState(Struct, frozen=True, gc=False):
    """A shipping method after a redeemable."""

    id: str
    amount: int
    discount_amount: int = 0
    applied_discount_amount: int = 0


class OrderState(Struct, frozen=True, gc=False):
    """The calculated order (behaviour 3.1). `amount` includes free items; `initial_amount` is set only when
    items were added.
    """

    amount: int | None
    lines: tuple[LineState, ...] = ()
    initial_amount: int | None = None
    discount_amount: int = 0
    applied_discount_amount: int = 0
    items_discount_amount: int = 0
    items_applied_discount_amount: int = 0
    total_discount_amount: int = 0
    total_applied_discount_amount: int = 0
    total_amount: int | None = None
    shipping: tuple[ShippingState, ...] = ()


class Charge(Struct, frozen=True, gc=False):
    """One counter that taking this redeemable moves. The script checks `cap` and `floor`; see D2.

    `base` is the value of a counter that was never written. `until` is the epoch second at which a windowed
    counter ends, 0 when it never does. `refusal` is what hitting the limit means.
    """

    counter: CounterName
    delta: int
    base: int = 0
    cap: int | None = None
    floor: int | None = None
    until: int = 0
    refusal: Refusal | None = None
    reads: bool = False
    """True when an amount depends on the counter: its value as seen must be pinned (D6)."""


class Result(Struct, frozen=True, gc=False):
    """The decision on one redeemable, in application order."""

    candidate: Candidate
    status: str
    """APPLICABLE, INAPPLICABLE or SKIPPED."""
    refusal: Refusal | None = None
    order: OrderState | None = None
    """Cumulative after this redeemable; None without an order."""
    applicable_to: tuple[Mapping[str, Any], ...] = ()
    inapplicable_to: tuple[Mapping[str, Any], ...] = ()
    discount: Mapping[str, Any] | None = None
    """The discount as answered on the wire, with `effect` and `is_dynamic` resolved."""
    credits: int | None = None
    """Gift credits used."""
    balance: int | None = None
    """Gift balance before this use, when known."""
    points: int | None = None
    bundle: Mapping[str, Any] | None = None
    charges: tuple[Charge, ...] = ()
    category_ids: tuple[str, ...] = ()
    application_details: tuple[Mapping[str, Any], ...] = ()
    """For REPLACE_ITEMS: which units left and which came."""


class Decision(Struct, frozen=True, gc=False):
    """The whole answer. `results` are in application order; `order` is the root order summed over the
    request.
    """

    valid: bool
    results: tuple[Result, ...]
    order: OrderState | None
    trace: Mapping[str, Any] | None = None
    applied: tuple[Result, ...] = ()
    """Of the results, those that are APPLICABLE."""

    @property
    def first_refusal(self) -> Result | None:
        return next((result for result in self.results if result.status == "INAPPLICABLE"), None)
