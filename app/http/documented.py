"""Shapes that only the OpenAPI document needs: discounts, extensions and traces are decoded as free objects
and read by the rules, which say what is wrong with them in the contract's words.

`DiscountDocument` and `TermsDocument` are the types of the fields that hold them.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Object = dict[str, Any]
MinorUnits = Annotated[int, Meta(ge=0, le=10**12)]
Percent = Annotated[float, Meta(ge=0, le=10_000)]
Units = Annotated[int, Meta(ge=0, le=10**6)]


def described_by(name: str) -> Meta:
    """A free object whose shape is a component of the document."""
    return Meta(extra_json_schema={"$ref": f"#/components/schemas/{name}"})


DiscountDocument = Annotated[dict[str, Any], described_by("Discount")]
TermsDocument = Annotated[dict[str, Any], described_by("RedeemableExtensions")]


class OfferSide(Struct, kw_only=True):
    """items: `{"included": [], "excluded": []}` or a list of products, SKUs, collections; absent: all."""

    items: Object | list[Object] | None = None
    quantity: Annotated[int, Meta(ge=1, le=10**6)] = 1


class OfferGet(OfferSide, kw_only=True):
    percent_off: Percent = 100


class BuyXGetY(Struct, kw_only=True):
    """Buy n of these, get m of those at p per cent off."""

    buy: OfferSide
    get: OfferGet
    repeat: bool | Units = True
    max_free_units: Units | None = None
    selection: Literal["cheapest", "most_expensive", "cheapest_per_group"] = "cheapest"
    partial_get: bool = False
    buy_includes_get: bool = False


class DiscountStep(Struct, kw_only=True, rename={"start": "from"}):
    """One of the values, as the discount's type says."""

    start: MinorUnits = 0
    percent_off: Percent | None = None
    amount_off: MinorUnits | None = None
    fixed_amount: MinorUnits | None = None


class TieredDiscount(Struct, kw_only=True):
    by: Literal["amount", "quantity"] = "amount"
    tiers: Annotated[list[DiscountStep], Meta(min_length=1, max_length=100)]


class UnitGroups(Struct, kw_only=True):
    """Only complete groups of units count."""

    size: Annotated[int, Meta(ge=1, le=10**6)]
    max_groups: Units | None = None
    selection: Literal["requested", "cheapest", "most_expensive"] = "requested"


class ShippingMethods(Struct, kw_only=True):
    """Ids of methods; none: all."""

    methods: Annotated[list[str], Meta(max_length=100)] = []


class DiscountExtensions(Struct, kw_only=True):
    """Of a discount. What is unknown is kept and left alone."""

    buy_x_get_y: BuyXGetY | None = None
    tiered: TieredDiscount | None = None
    group: UnitGroups | None = None
    shipping: ShippingMethods | bool | None = None


class Discount(Struct, kw_only=True):
    """A discount. Amounts are minor units; formulas count in major units."""

    type: Literal["AMOUNT", "PERCENT", "FIXED", "UNIT"]
    effect: str | None = None
    amount_off: MinorUnits | None = None
    amount_off_formula: str | None = None
    percent_off: Percent | None = None
    percent_off_formula: str | None = None
    fixed_amount: MinorUnits | None = None
    fixed_amount_formula: str | None = None
    amount_limit: MinorUnits | None = None
    aggregated_amount_limit: MinorUnits | None = None
    unit_off: Units | None = None
    unit_off_formula: str | None = None
    unit_type: str | None = None
    units: list[Object] | None = None
    extensions: DiscountExtensions | None = None


class MarginTerms(Struct, kw_only=True):
    """Percentages of what is left of a line's amount."""

    exclude_below_percent: Annotated[float, Meta(ge=0, le=100)] | None = None
    floor_percent: Annotated[float, Meta(ge=0, le=99)] | None = None
    on_floor: Literal["cut", "refuse"] = "cut"
    missing_cost: Literal["exclude", "include", "refuse"] = "exclude"


class Area(Struct, kw_only=True):
    """Every member that is given must hold."""

    country: str | None = None
    region: str | None = None
    city: str | None = None
    postal_prefix: str | None = None
    circle: Object | None = None
    """`{"center": "geo:lat,lng", "radius_metres": 5000}`"""
    polygon: Object | None = None
    """GeoJSON."""


class GeoTerms(Struct, kw_only=True):
    """A text stands for a country."""

    include: Annotated[list[Area | str], Meta(max_length=500)] | None = None
    exclude: Annotated[list[Area | str], Meta(max_length=500)] | None = None
    missing: Literal["refuse", "pass"] = "refuse"
    property: str = "location"


class GroupTerms(Struct, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    mode: Literal["first", "best"] = "first"


class RedeemableExtensions(Struct, kw_only=True):
    """Of a campaign, a tier or a voucher. What is unknown is kept and left alone."""

    margin: MarginTerms | None = None
    geo: GeoTerms | None = None
    group: GroupTerms | str | None = None
    currency: Annotated[str, Meta(pattern="^[A-Za-z]{3}$")] | None = None
    messages: dict[str, str | dict[str, str]] | None = None
    """By refusal key: a sentence, or sentences by language."""
    holder_only: bool | None = None
    """Only the holder of the code may use it."""


class ShippingMethod(Struct, kw_only=True):
    id: Annotated[str, Meta(min_length=1, max_length=512)]
    amount: MinorUnits
    discount_amount: MinorUnits = 0
    applied_discount_amount: MinorUnits = 0


class OrderExtensions(Struct, kw_only=True):
    shipping: Annotated[list[ShippingMethod], Meta(max_length=50)] | None = None
    currency: str | None = None


class TraceRule(Struct, kw_only=True):
    """A rule set, a junction (`node`: and, or) or a numbered rule with what it asks for and what it found."""

    result: bool | None
    rule_id: str | None = None
    node: str | None = None
    name: str | None = None
    conditions: list[Object] | None = None
    actual: Any = None
    reason: str | None = None
    omitted_reason: str | None = None
    rules: list["TraceRule"] | None = None


class TraceRefusal(Struct, kw_only=True):
    key: str
    number: int
    details: str
    transient: bool


class TraceNearest(Struct, kw_only=True):
    """The failed comparison that is nearest to hold, and what it lacks."""

    name: str
    by: int
    more: int | None = None
    less: int | None = None


class TraceCounter(Struct, kw_only=True):
    counter: dict[str, str]
    seen: int | None
    delta: int
    cap: int | None
    floor: int | None


class TraceEntry(Struct, kw_only=True):
    """One redeemable, also one that was skipped."""

    id: str
    object: str
    status: Literal["APPLICABLE", "INAPPLICABLE", "SKIPPED"]
    refused_by: TraceRefusal | None = None
    skipped_by: TraceRefusal | None = None
    rules: list[TraceRule] | None = None
    nearest: TraceNearest | None = None
    amounts: list[Object] | None = None
    counters: list[TraceCounter] | None = None
    multiplied_by_bundles: int | None = None
    withheld_lines: list[int] | None = None
    """Indices of items that may take no discount (margins)."""
    product_rules: int | None = None
    order_before: Object | None = None
    order_after: Object | None = None


class Trace(Struct, kw_only=True):
    """Why a decision came out as it did. Its members may grow in any version."""

    now: str
    timezone: str
    redeemables: list[TraceEntry]


SHAPES = (Discount, RedeemableExtensions, OrderExtensions, Trace)
"""In the document whether or not an operation names them."""
