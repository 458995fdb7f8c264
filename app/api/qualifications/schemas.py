"""The body of a qualification (behaviour 4.9)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from app.redeemables.customers import CustomerPayload
from app.redeemables.order_request import OrderPayload

LIMIT_DEFAULT = 5
LIMIT_MAX = 50
FILTERED = (
    "category_id",
    "campaign_id",
    "campaign_type",
    "resource_id",
    "resource_type",
    "voucher_type",
    "code",
    "holder_role",
)

ScenarioName = Literal[
    "ALL",
    "CUSTOMER_WALLET",
    "AUDIENCE_ONLY",
    "PRODUCTS",
    "PRODUCTS_DISCOUNT",
    "PROMOTION_STACKS",
    "PRODUCTS_BY_CUSTOMER",
    "PRODUCTS_DISCOUNT_BY_CUSTOMER",
]
Operand = Annotated[list[Annotated[str, Meta(max_length=500)]], Meta(max_length=100)]


class ConditionsOfField(
    Struct,
    rename={
        "is_": "$is",
        "is_not": "$is_not",
        "in_": "$in",
        "not_in": "$not_in",
        "has_value": "$has_value",
        "is_unknown": "$is_unknown",
    },
):
    """Operators of one field; $is and $is_not look at the first value alone."""

    is_: Operand | None = None
    is_not: Operand | None = None
    in_: Operand | None = None
    not_in: Operand | None = None
    has_value: Any = None
    is_unknown: Any = None


class FilterOfField(Struct):
    conditions: ConditionsOfField | None = None


class QualificationFilters(Struct):
    junction: Literal["and", "or", "AND", "OR"] | None = None
    category_id: FilterOfField | None = None
    campaign_id: FilterOfField | None = None
    campaign_type: FilterOfField | None = None
    resource_id: FilterOfField | None = None
    resource_type: FilterOfField | None = None
    voucher_type: FilterOfField | None = None
    code: FilterOfField | None = None
    holder_role: FilterOfField | None = None


class QualificationOptions(Struct):
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] | None = None
    starting_after: datetime | None = None
    """`more_starting_after` of the page before, or the created_at of the last redeemable received."""
    filters: QualificationFilters | None = None
    expand: list[Literal["redeemable", "category", "validation_rules"]] | None = None
    sorting_rule: Literal["BEST_DEAL", "LEAST_DEAL", "DEFAULT"] | None = None


class QualificationSession(Struct):
    type: Literal["LOCK"] | None = None


class QualificationRequest(Struct):
    """POST /v1/qualifications and its client-side twin."""

    customer: CustomerPayload | None = None
    order: OrderPayload | None = None
    tracking_id: Annotated[str, Meta(max_length=500)] | None = None
    scenario: ScenarioName | None = None
    options: QualificationOptions | None = None
    session: QualificationSession | None = None
    metadata: dict[str, Any] | None = None

    @property
    def limit(self) -> int:
        return (self.options.limit if self.options else None) or LIMIT_DEFAULT

    @property
    def expand(self) -> frozenset[str]:
        return frozenset((self.options.expand if self.options else None) or ())
