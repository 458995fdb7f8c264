"""Shipping methods of an order (`order.extensions.shipping: [{id, amount}]`) and what comes off them.

Owns their shape on the wire and how stored ones are merged with sent ones. A method is never part of the
order's amount, so its discounts are in none of the order's totals.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rules.facts import Shipping
from rules.verdict import ShippingState

METHODS_MAX: Final = 50
ID_MAX: Final = 512
AMOUNT_MAX: Final = 10**12
"""As prices of lines (D21)."""
_WHERE: Final = "extensions.shipping"


def check_shipping(extensions: Mapping[str, Any] | None) -> None:
    """Raises: ValueError when what was sent as shipping is no list of methods, each named once."""
    sent = None if extensions is None else extensions.get("shipping")
    if sent is None:
        return
    if not isinstance(sent, list) or len(sent) > METHODS_MAX:
        raise ValueError(f"{_WHERE} must be array of at most {METHODS_MAX} items")
    named: set[str] = set()
    for method in sent:
        if not isinstance(method, Mapping):
            raise ValueError(f"{_WHERE} items must be object")  # noqa: TRY004 msgspec turns it into a 400.
        identifier = method.get("id")
        if not isinstance(identifier, str) or not 0 < len(identifier) <= ID_MAX:
            raise ValueError(f"{_WHERE} items should have required property 'id'")
        if identifier in named:
            raise ValueError(f"{_WHERE} must NOT have duplicate ids")
        named.add(identifier)
        for name in ("amount", "discount_amount"):
            value = method.get(name, 0)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= AMOUNT_MAX:
                raise ValueError(f"{_WHERE} items {name} must be integer >= 0 and <= {AMOUNT_MAX}")
        if "amount" not in method:
            raise ValueError(f"{_WHERE} items should have required property 'amount'")


def shipping_facts(
    sent: Mapping[str, Any] | None, stored: Mapping[str, Any] | None, *, trusted: bool = False
) -> tuple[Shipping, ...]:
    """The methods that count: those sent, else the stored ones. sent, stored: `extensions` of the orders.

    A discount on a sent method counts only when `trusted`, as that on a line; else the stored one stays.
    """
    before = {method["id"]: method for method in (stored or {}).get("shipping") or ()}
    asked = (sent or {}).get("shipping")
    found = []
    for method in before.values() if asked is None else asked:
        kept = before.get(method["id"], {}).get("discount_amount", 0)
        discount = method.get("discount_amount", kept) if trusted or asked is None else kept
        found.append(Shipping(method["id"], method["amount"], min(discount, method["amount"])))
    return tuple(found)


def shipping_wire(states: Iterable[ShippingState]) -> list[dict[str, Any]]:
    """Zeros are left out, as those of lines."""
    wire: list[dict[str, Any]] = []
    for state in states:
        method: dict[str, Any] = {"id": state.id, "amount": state.amount}
        if state.discount_amount:
            method["discount_amount"] = state.discount_amount
        if state.applied_discount_amount:
            method["applied_discount_amount"] = state.applied_discount_amount
        wire.append(method)
    return wire


def shipping_applied(order: Mapping[str, Any]) -> list[tuple[str, int]]:
    """(method, minor units) that the redemption of which this is the order took off."""
    methods = (order.get("extensions") or {}).get("shipping") or ()
    return [
        (method["id"], method["applied_discount_amount"])
        for method in methods
        if method.get("applied_discount_amount")
    ]


def without_applied(
    methods: Sequence[Mapping[str, Any]], taken_back: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The methods of a stored order after a rollback gave back what it says by method id."""
    settled = []
    for method in methods:
        left = method.get("discount_amount", 0) - taken_back.get(method["id"], 0)
        settled.append(
            {
                "id": method["id"],
                "amount": method["amount"],
                **({"discount_amount": left} if left > 0 else {}),
            }
        )
    return settled
