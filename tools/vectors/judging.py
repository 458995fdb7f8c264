"""What a validation answered beside what the case expects."""

from typing import Any

Answer = dict[str, Any]


def shipping_off(order: dict[str, Any], name: str = "discount_amount") -> int:
    """Minor units off the shipping methods, which are never part of the order's amount."""
    methods = (order.get("extensions") or {}).get("shipping") or ()
    return sum(method.get(name) or 0 for method in methods)


def line_off(item: dict[str, Any]) -> int:
    """Minor units off a line, its share of order-level discounts included."""
    share = (item.get("extensions") or {}).get("order_share") or 0
    return int(item.get("discount_amount") or 0) + int(share)


def given(answer: Answer, names: dict[str, str]) -> dict[str, int]:
    """Minor units that each applicable redeemable gave. names: of promotions, by the redeemable's id."""
    gave = {}
    for entry in answer["redeemables"]:
        if entry["status"] == "APPLICABLE":
            order = entry.get("order") or {}
            total = order.get("total_applied_discount_amount") or 0
            gave[names[entry["id"]]] = total + shipping_off(order, "applied_discount_amount")
    return gave


def faults(vector: dict[str, Any], answer: Answer, names: dict[str, str]) -> list[str]:
    """Where the answer differs from the case; nothing when it passes."""
    expected = vector["expected"]
    order = answer.get("order") or {}
    found: list[str] = []

    def differs(what: str, value: Any, allowed: Any) -> None:
        found.append(f"{what} {value}, expected {allowed}")

    total = order.get("total_discount_amount") or 0
    accepted = expected.get("accept_minor", [expected["order_discount_minor"]])
    if total not in accepted:
        differs("discount", total, accepted)
    if "total_minor" in expected and order:
        # Where nothing applies there is no order in the answer: the cart costs what it costs.
        methods = (order.get("extensions") or {}).get("shipping") or ()
        pays = (order.get("total_amount") or 0) + sum(method["amount"] for method in methods)
        allowed = [expected["total_minor"] + expected["order_discount_minor"] - one for one in accepted]
        if pays - shipping_off(order) not in allowed:
            differs("total", pays - shipping_off(order), allowed)
    shipping = shipping_off(order)
    if shipping != expected.get("shipping_discount_minor", 0):
        differs("shipping discount", shipping, expected.get("shipping_discount_minor", 0))
    # The order of the answer may have further lines: units added for nothing.
    lines = [line_off(item) for item in order.get("items", ())] or [0] * len(vector["items"])
    if "items" in expected:
        by_sku: dict[str, int] = {}
        for item, off in zip(vector["items"], lines, strict=False):
            by_sku[item["sku"]] = by_sku.get(item["sku"], 0) + off
        splits = [expected["items"], *expected.get("items_alternatives", ())]
        if not any(all(by_sku.get(sku, 0) == value for sku, value in one.items()) for one in splits):
            differs("lines", by_sku, splits)
    if "items_multiset" in expected and sorted(lines) != sorted(expected["items_multiset"]):
        differs("lines", sorted(lines), sorted(expected["items_multiset"]))
    gave = given(answer, names)
    nothing = {*expected.get("rejected", ()), *expected.get("no_effect", ())}
    found += [f"{name} gave {gave[name]}, not 0" for name in sorted(nothing) if gave.get(name)]
    if total or shipping:
        found += [f"{name} was not applied" for name in expected.get("applied", ()) if name not in gave]
    for name, value in expected.get("by_promotion", {}).items():
        if gave.get(name) != value:
            differs(f"{name} gave", gave.get(name), value)
    return found
