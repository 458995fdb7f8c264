"""The body shared by validations and redemptions and their client-side twins (behaviour 4.1)."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from app.redeemables.customers import CustomerPayload
from app.redeemables.order_request import OrderPayload

REDEEMABLES_MAX = 30
"""The contract's bound for one request; a project's stacking rules may lower it."""
MINOR_UNITS_MAX = 10**12
"""D21."""


class GiftRequest(Struct):
    credits: Annotated[int, Meta(ge=0, le=MINOR_UNITS_MAX)] | None = None


class RewardRequest(Struct):
    id: str | None = None
    points: Annotated[int, Meta(ge=0, le=MINOR_UNITS_MAX)] | None = None


class RedeemableRequest(Struct):
    """One redeemable; `object` is inferred from the id's prefix when it is absent."""

    id: Annotated[str, Meta(min_length=1, max_length=500)]
    object: str | None = None
    gift: GiftRequest | None = None
    reward: RewardRequest | None = None

    @property
    def kind(self) -> str:
        if self.object:
            return self.object
        if self.id.startswith("promo_"):
            return "promotion_tier"
        if self.id.startswith("stack_"):
            return "promotion_stack"
        return "voucher"


class SessionRequest(Struct):
    """A lock on the redeemables of this request (behaviour 4.8)."""

    type: str | None = None
    key: Annotated[str, Meta(max_length=255)] | None = None
    ttl: Annotated[float, Meta(gt=0)] | None = None
    ttl_unit: str | None = None


class OptionsRequest(Struct):
    expand: list[str] | None = None


class StackRequest(Struct):
    """POST /v1/validations and POST /v1/redemptions."""

    redeemables: Annotated[list[RedeemableRequest], Meta(max_length=REDEEMABLES_MAX)]
    order: OrderPayload | None = None
    customer: CustomerPayload | None = None
    session: SessionRequest | None = None
    tracking_id: Annotated[str, Meta(max_length=500)] | None = None
    metadata: dict[str, Any] | None = None
    options: OptionsRequest | None = None

    @property
    def expand(self) -> frozenset[str]:
        return frozenset(self.options.expand or ()) if self.options else frozenset()
