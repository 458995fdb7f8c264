"""The world as the rules see it: frozen structures, filled by the caller, never fetched from here.

Amounts are integers of minor units. Instants are aware datetimes in UTC; `Moment` carries the project's zone.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from rules.happenings import Happening
from rules.programs import CompiledDiscount, CompiledRule, CompiledWindow


class Moment(Struct, frozen=True):
    """The instant of a decision and the zone in which days, weeks and hours are counted (D23)."""

    now: datetime
    zone: ZoneInfo


class ItemFacts(Struct, frozen=True):
    """What is known of a product or SKU: stored facts with the request's own values laid over them."""

    id: str | None = None
    source_id: str | None = None
    name: str | None = None
    price: int | None = None
    cost: int | None = None
    metadata: Mapping[str, Any] = {}
    attributes: Mapping[str, Any] = {}
    product_id: str | None = None
    """For a SKU: the id of its product."""
    sku: str | None = None
    """For a SKU: its name."""


class Line(Struct, frozen=True):
    """One order line as requested, prices resolved (payload, SKU, product: behaviour 3.2)."""

    index: int
    quantity: int = 1
    price: int | None = None
    amount: int | None = None
    product_id: str | None = None
    sku_id: str | None = None
    source_id: str | None = None
    related_object: str | None = None
    """"product" or "sku": what `source_id` names."""
    product: ItemFacts | None = None
    sku: ItemFacts | None = None
    cost: int | None = None
    metadata: Mapping[str, Any] = {}
    discount_amount: int = 0
    """Item-level discount that earlier redemptions left on the line of a stored order."""
    discount_quantity: int = 0
    initial_quantity: int | None = None
    initial_amount: int | None = None
    collections: frozenset[str] = frozenset()
    """Ids of the static collections that the line's product or SKU belongs to."""


class Shipping(Struct, frozen=True):
    """One shipping method of the order (`order.extensions.shipping`); never part of the order's amount."""

    id: str
    amount: int
    discount_amount: int = 0


class OrderFacts(Struct, frozen=True):
    """The order before this request's redeemables."""

    lines: tuple[Line, ...] = ()
    amount: int | None = None
    """Explicit amount, else the sum of the lines; None when nothing is known (behaviour 3.2)."""
    initial_amount: int | None = None
    discount_amount: int = 0
    """Order-level discount of earlier redemptions on a stored order."""
    metadata: Mapping[str, Any] = {}
    currency: str | None = None
    has_lines: bool = True
    shipping: tuple[Shipping, ...] = ()


class CustomerFacts(Struct, frozen=True):
    """The customer: stored values with those of the request laid over them for this call."""

    id: str | None = None
    source_id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    birthdate: str | None = None
    address: Mapping[str, Any] = {}
    metadata: Mapping[str, Any] = {}
    system_metadata: Mapping[str, Any] = {}
    summary: Mapping[str, Any] = {}
    """Counters as on the wire: {"redemptions": {...}, "orders": {...}}."""
    loyalty: Mapping[str, Any] = {}
    extensions: Mapping[str, Any] = {}
    """What is worked out from the customer's orders: {"orders": {...}}."""
    events: Mapping[Happening, int] = {}
    """How often the customer did what the rules of this request ask for."""
    created_at: datetime | None = None
    updated_at: datetime | None = None


class CounterName(Struct, frozen=True, order=True, gc=False):
    """Names a counter without knowing how it is stored (D7).

    scope: project, campaign, tier, voucher, gift, points, apikey, user. field: used, amount, orders,
    balance, units. window: "" for a counter that never ends, else "d", "w" or "m" and its first day, e.g.
    "d2026-11-22".
    """

    scope: str
    id: str
    field: str = "used"
    customer: str = ""
    product: str = ""
    window: str = ""


class Counter(Struct, frozen=True):
    """The current state of a counter as last read: what is used and what others hold."""

    value: int
    held: int = 0


class Gift(Struct, frozen=True):
    """A gift card's own terms. `opening` is the immutable first balance in minor units."""

    opening: int
    effect: str = "APPLY_TO_ORDER"


class Reward(Struct, frozen=True):
    """What points are spent on. `kind` is COIN (pays the order), MATERIAL or CAMPAIGN (cost `points`).

    A COIN turns `points_ratio` points into `exchange_ratio` major units of money.
    """

    kind: str
    points: int | None = None
    exchange_ratio: int | float | Decimal = 1
    points_ratio: int | float | Decimal = 1


class Holder(Struct, frozen=True):
    """Who holds a voucher (behaviour 2.11)."""

    customer_id: str


class Candidate(Struct, frozen=True):
    """One redeemable of the request, ready to be decided.

    `windows` and `rules` are the redeemable's own followed by its campaign's: all must hold.
    `absent` True: nothing was found under the requested id (404 not_found).
    """

    object: str
    """"voucher" or "promotion_tier"."""
    requested_id: str
    id: str = ""
    """v_… or promo_…; empty when absent."""
    code: str | None = None
    name: str | None = None
    banner: str | None = None
    absent: bool = False
    kind: str = "DISCOUNT_VOUCHER"
    """DISCOUNT_VOUCHER, GIFT_VOUCHER, LOYALTY_CARD or PROMOTION_TIER."""
    discount: CompiledDiscount | None = None
    gift: Gift | None = None
    rules: tuple[CompiledRule, ...] = ()
    windows: tuple[CompiledWindow, ...] = ()
    quantity: int | None = None
    """redemption.quantity: None is unlimited."""
    redeemed_base: int = 0
    """redeemed_quantity with which the voucher was imported."""
    campaign_id: str | None = None
    campaign_name: str | None = None
    category_ids: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = {}
    holder: Holder | None = None
    is_referral_code: bool = False
    publish_count: int = 0
    start_date: datetime | None = None
    expiration_date: datetime | None = None
    credits: int | None = None
    """Gift credits asked for in this request; None takes as much as possible."""
    points: int | None = None
    reward_id: str | None = None
    extensions: Mapping[str, Any] = {}
    publication_metadata: Mapping[str, Any] = {}
    reward: Reward | None = None
    """For a loyalty card: what its points are spent on."""
    points_opening: int = 0
    """Points of the card as it was issued, for a balance that was never read."""


class CategoryFacts(Struct, frozen=True):
    id: str
    name: str
    hierarchy: int = 0


class StackingRules(Struct, frozen=True, kw_only=True):
    """The project's stacking rules object (behaviour 4.4), defaults as decided there and in section 10
    (30).
    """

    redeemables_limit: int = 30
    applicable_redeemables_limit: int = 5
    applicable_redeemables_per_category_limit: int | None = 1
    applicable_redeemables_category_limits: Mapping[str, int] = {}
    applicable_exclusive_redeemables_limit: int = 1
    applicable_exclusive_redeemables_per_category_limit: int | None = 1
    exclusive_categories: tuple[str, ...] = ()
    joint_categories: tuple[str, ...] = ()
    redeemables_application_mode: str = "PARTIAL"
    redeemables_sorting_rule: str = "REQUESTED_ORDER"
    grouped_redeemables_sorting_rule: str = "JOINT_ALWAYS_LAST"
    redeemables_products_application_mode: str = "STACK"
    redeemables_no_effect_rule: str = "REDEEM_ANYWAY"
    no_effect_skip_categories: tuple[str, ...] = ()
    no_effect_redeem_anyway_categories: tuple[str, ...] = ()
    redeemables_rollback_order_mode: str = "WITH_ORDER"
    discount_calculation_mode: str = "DISCOUNTED_AMOUNT"
    initial_amount_mode_categories: tuple[str, ...] = ()
    discounted_amount_mode_categories: tuple[str, ...] = ()


class Facts(Struct, frozen=True):
    """Everything that one decision looks at."""

    candidates: tuple[Candidate, ...]
    order: OrderFacts | None = None
    customer: CustomerFacts | None = None
    metadata: Mapping[str, Any] = {}
    """Redemption metadata."""
    counters: Mapping[CounterName, Counter] = {}
    """Counters as last read; one that is missing is taken as not limiting here: the script checks it (D6)."""
    stacking: StackingRules = field(default_factory=StackingRules)
    categories: Mapping[str, CategoryFacts] = {}
    api_key_id: str | None = None
    user_login: str | None = None
    week_start: int = 0
    """First day of the week, Monday is 0."""
    project_id: str = ""
    currency: str | None = None
    """The project's currency (D22)."""
    accept_language: str | None = None
    omitted_rules: frozenset[str] = frozenset()
    """Names of rules that are taken as holding (qualification is lenient, behaviour 4.9)."""
    event: Mapping[str, Any] = {}
    """Metadata of the custom event that a rule is checked for; empty outside of events."""
    project_extensions: Mapping[str, Any] = {}
    catalogue: Mapping[str, ItemFacts | None] = {}
    """Stored facts of the products and SKUs that discounts may add (`CompiledDiscount.products`), by id. An
    id mapped to None is known not to exist; an id that is missing is taken as a product without a price."""
