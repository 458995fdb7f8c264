"""Shapes that stand in the OpenAPI document alone agree with what the engine reads and answers."""

from typing import Any

import httpx
import msgspec
import pytest

from app.api.redemptions.answers import RedemptionAnswer
from app.api.validations.answers import ValidationAnswer
from app.http import documented
from rules.compile import RuleError, compile_discount, compile_extensions
from tests.support.shop import amount_off, created, public_code, rule, stack

OFFER = {
    "buy": {"items": [{"object": "product", "id": "p"}], "quantity": 2},
    "get": {"quantity": 1, "percent_off": 50},
    "repeat": 3,
    "max_free_units": 4,
    "selection": "most_expensive",
    "partial_get": True,
    "buy_includes_get": False,
}
DISCOUNTS = (
    {"buy_x_get_y": OFFER},
    {"tiered": {"by": "quantity", "tiers": [{"from": 3, "percent_off": 5}]}},
    {"group": {"size": 3, "max_groups": 2, "selection": "cheapest"}},
    {"shipping": {"methods": ["post"]}},
    {"shipping": True},
)
TERMS = (
    {"margin": {"exclude_below_percent": 5, "on_floor": "refuse"}},
    {"margin": {"floor_percent": 1, "missing_cost": "refuse"}},
    {"geo": {"include": ["DE", {"country": "GB", "city": "Leeds"}], "missing": "pass", "property": "at"}},
    {"geo": {"exclude": [{"circle": {"center": "geo:1,2", "radius_metres": 5}}]}},
    {"group": "spring"},
    {"group": {"name": "spring", "mode": "best"}},
    {"currency": "EUR", "messages": {"not_found": "No.", "voucher_expired": {"de": "Zu spät."}}},
)


@pytest.mark.parametrize("extensions", DISCOUNTS)
def test_documented_extensions_of_a_discount_are_read(extensions: dict[str, Any]) -> None:
    """What the document describes compiles, and each of its closed words is refused when it is another."""
    discount = {"type": "PERCENT", "percent_off": 10, "extensions": extensions}
    described = msgspec.convert(discount, documented.Discount)
    assert described.extensions is not None
    compile_discount(discount)


@pytest.mark.parametrize("terms", TERMS)
def test_documented_extensions_of_a_redeemable_are_read(terms: dict[str, Any]) -> None:
    """The same of campaigns, tiers and vouchers."""
    described = msgspec.to_builtins(msgspec.convert(terms, documented.RedeemableExtensions))
    compiled = compile_extensions(terms)
    assert all(described[name] is not None for name in terms)
    for name in ("margin", "geo"):
        assert (getattr(compiled, name) is not None) is (name in terms)


@pytest.mark.parametrize(
    "terms",
    [
        {"margin": {"on_floor": "sell"}},
        {"geo": {"missing": "guess"}},
        {"group": {"name": "g", "mode": "worst"}},
    ],
)
def test_both_refuse_the_same(terms: dict[str, Any]) -> None:
    """A word that the document does not know is none for the rules either."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(terms, documented.RedeemableExtensions)
    with pytest.raises(RuleError):
        compile_extensions(terms)


def test_answers_and_traces_are_as_documented(api: httpx.Client) -> None:
    """Every member of a trace has its place in the document; so have those of validations and redemptions."""
    rules = [rule(api, "order.amount", {"$more_than": [least]}) for least in (1, 99_999)]
    codes = [public_code(api, amount_off(1), validation_rules=[one], quantity=3)[0] for one in rules]
    for path, shape in (
        ("/v1/validations", ValidationAnswer),
        ("/v1/redemptions", RedemptionAnswer),
    ):
        answer = created(api.post(path, params={"explain": "true"}, json=stack(*codes)))
        msgspec.convert(answer, msgspec.defstruct("Strict", [], bases=(shape,), forbid_unknown_fields=True))
        for entry in answer["trace"]["redeemables"]:
            strict = msgspec.defstruct(
                "Entry", [], bases=(documented.TraceEntry,), forbid_unknown_fields=True
            )
            msgspec.convert(entry, strict)
