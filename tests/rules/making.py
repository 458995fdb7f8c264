"""Facts in a line or two, so that a table of cases reads as one."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rules.compile import compile_discount, compile_rule, compile_window
from rules.decide import decide
from rules.facts import Candidate, CustomerFacts, Facts, Gift, Line, Moment, OrderFacts, StackingRules
from rules.verdict import Decision, OrderState

MOMENT = Moment(now=datetime(2026, 3, 4, 12, 0, tzinfo=UTC), zone=ZoneInfo("UTC"))
ROOMY = StackingRules(applicable_redeemables_limit=30, applicable_redeemables_per_category_limit=None)


def line(
    index: int, product: str | None = None, quantity: int = 1, price: int | None = None, **more: Any
) -> Line:
    """One order line; `product` that begins with sku_ names a SKU."""
    if product is not None and product.startswith("sku_"):
        more.setdefault("sku_id", product)
    elif product is not None:
        more.setdefault("product_id", product)
    return Line(index=index, quantity=quantity, price=price, **more)


def order(*lines: tuple[Any, ...] | Line, amount: int | None = None, **more: Any) -> OrderFacts:
    """An order of (product, quantity, price) tuples or ready lines."""
    made = tuple(
        entry if isinstance(entry, Line) else line(index, *entry) for index, entry in enumerate(lines)
    )
    return OrderFacts(lines=made, amount=amount, has_lines=bool(made), **more)


def rule(document: dict[str, Any], rule_id: str = "val_1", **known: Any) -> Any:
    return compile_rule(
        rule_id, document, collections=known.get("collections", {}), segments=known.get("segments", {})
    )


def products(*names: str, **common: Any) -> dict[str, Any]:
    """`applicable_to` that lists products."""
    return {"applicable_to": {"included": [{"object": "product", "id": name, **common} for name in names]}}


def voucher(discount: dict[str, Any] | None = None, code: str = "CODE", **more: Any) -> Candidate:
    """A voucher with a discount; `rules` are documents or compiled rules."""
    made = [entry if not isinstance(entry, dict) else rule(entry) for entry in more.pop("rules", ())]
    windows = tuple(compile_window(entry) for entry in more.pop("windows", ()))
    return Candidate(
        object=more.pop("object", "voucher"),
        requested_id=code,
        id=more.pop("id", f"v_{code}"),
        code=code,
        discount=None if discount is None else compile_discount(discount),
        rules=tuple(made),
        windows=windows,
        **more,
    )


def tier(discount: dict[str, Any], name: str = "promo_1", **more: Any) -> Candidate:
    return voucher(discount, name, object="promotion_tier", id=name, kind="PROMOTION_TIER", **more)


def gift(
    opening: int, wanted: int | None = None, code: str = "GIFT", effect: str = "APPLY_TO_ORDER", **more: Any
) -> Any:
    return voucher(
        None, code, kind="GIFT_VOUCHER", gift=Gift(opening=opening, effect=effect), credits=wanted, **more
    )


def run(*candidates: Candidate, cart: OrderFacts | None = None, **more: Any) -> Decision:
    """Decide; without `stacking` the limits are out of the way."""
    moment = more.pop("moment", MOMENT)
    explain = more.pop("explain", False)
    more.setdefault("stacking", ROOMY)
    return decide(Facts(candidates=candidates, order=cart, **more), moment, explain=explain)


def totals(state: OrderState | None) -> tuple[int | None, int, int, int | None]:
    """(amount, order-level discount, item-level discount, total) of an order."""
    assert state is not None
    return (state.amount, state.discount_amount, state.items_discount_amount, state.total_amount)


def cuts(state: OrderState | None) -> list[int]:
    """Item-level discounts, line by line."""
    assert state is not None
    return [entry.discount_amount for entry in state.lines]


def customer(identifier: str = "cust_1", **more: Any) -> CustomerFacts:
    return CustomerFacts(id=identifier, **more)


def percent(value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "PERCENT", "percent_off": Decimal(str(value)), **more}


def amount(value: int, **more: Any) -> dict[str, Any]:
    return {"type": "AMOUNT", "amount_off": value, **more}


def reason(decision: Decision) -> str | None:
    """The name of the first refusal."""
    first = decision.first_refusal
    return None if first is None or first.refusal is None else first.refusal.reason.name
