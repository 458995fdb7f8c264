"""What the events carry, by kind (behaviour 7.3): the shapes of their data, from which the OpenAPI document
and the short objects of the events are made.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple

from msgspec import Meta, Struct

from app.webhooks.events import RULE

Whole = Annotated[dict[str, Any], Meta(description="The object as the API answers it.")]
Instant = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Object = dict[str, Any]


# Envelope
# ----------------------------------------------------------------------------------------------------


class EventSender(Struct, kw_only=True):
    """The webhook that is told."""

    object: Literal["webhook"]
    id: str
    target_url: str


class EventKey(Struct, kw_only=True):
    name: str | None
    app_id: str


class EventSource(Struct, kw_only=True):
    """Who did it. user: always null, there are no users but keys."""

    channel: Literal["API", "CLIENT_API", "INTERNAL"]
    user: None
    api_key: EventKey | None


class EventNote(Struct, kw_only=True):
    """id: the same for every webhook that is told. entity_id: of what it happened to; null in an example.
    group_id: the request that did it, where one did.
    """

    id: str
    type: str
    created_at: Instant
    entity_id: str | None
    group_id: str | None
    event_source: EventSource


class EventEnvelope(Struct, kw_only=True):
    """id: the same at every attempt, and the header `webhook-id`."""

    id: str
    project_id: str
    created_at: Instant
    type: str
    data: Object
    source: EventSender
    event: EventNote


# Short objects: what other objects' events show of them
# ----------------------------------------------------------------------------------------------------


class EventCustomer(Struct, kw_only=True):
    """A customer in events of others; where somebody else is told of, its id alone."""

    id: str
    name: str | None = None
    email: str | None = None
    source_id: str | None = None
    metadata: Object | None = None
    object: Literal["customer"]


class EventVoucher(Struct, kw_only=True):
    id: str
    code: str
    gift: Object | None = None
    discount: Object | None = None
    loyalty_card: Object | None = None
    type: str
    campaign: str | None = None
    campaign_id: str | None = None
    is_referral_code: bool | None = None
    holder_id: str | None = None
    referrer_id: str | None = None
    category_id: str | None = None
    categories: list[Object] | None = None
    active: bool
    created_at: Instant | None = None
    updated_at: Instant | None = None
    redemption: Object | None = None
    start_date: Instant | None = None
    expiration_date: Instant | None = None
    metadata: Object | None = None
    object: Literal["voucher"]


class EventCampaign(Struct, kw_only=True):
    id: str
    name: str
    campaign_type: str
    type: str
    voucher: Object | None = None
    referral_program: Object | None = None
    auto_join: bool | None = None
    join_once: bool | None = None
    active: bool
    category_id: str | None = None
    category: str | None = None
    categories: list[Object] | None = None
    metadata: Object | None = None
    start_date: Instant | None = None
    expiration_date: Instant | None = None
    description: str | None = None
    created_at: Instant
    updated_at: Instant | None = None
    object: Literal["campaign"]


class EventPromotionTier(Struct, kw_only=True):
    id: str
    name: str | None = None
    banner: str | None = None
    campaign: Object | None = None
    metadata: Object | None = None


class EventOrder(Struct, kw_only=True):
    """Amounts are minor units."""

    id: str
    source_id: str | None = None
    status: str | None = None
    customer_id: str | None = None
    referrer_id: str | None = None
    amount: int | None = None
    initial_amount: int | None = None
    discount_amount: int | None = None
    applied_discount_amount: int | None = None
    items_discount_amount: int | None = None
    items_applied_discount_amount: int | None = None
    total_discount_amount: int | None = None
    total_applied_discount_amount: int | None = None
    total_amount: int | None = None
    items: list[Object] | None = None
    metadata: Object | None = None
    object: Literal["order"] | None = None


class EventRedemption(Struct, kw_only=True):
    """A redemption or, with the id of the redemption in `redemption`, a rollback."""

    id: str
    customer_id: str | None = None
    tracking_id: str | None = None
    date: Instant | None = None
    amount: int | None = None
    order: EventOrder | None = None
    reward: Object | None = None
    customer: EventCustomer | None = None
    result: Literal["SUCCESS", "FAILURE"] | None = None
    status: str | None = None
    voucher: EventVoucher | None = None
    promotion_tier: EventPromotionTier | None = None
    redemption: str | None = None
    metadata: Object | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    reason: str | None = None
    channel: Object | None = None
    related_object_type: str | None = None
    related_object_id: str | None = None
    object: Literal["redemption", "redemption_rollback"]


class EventSegment(Struct, kw_only=True):
    id: str
    name: str
    object: Literal["segment"]


class EventSchema(Struct, kw_only=True):
    """Of a custom event; without an id when nobody has made a schema of that name."""

    id: str | None
    name: str


# Data
# ----------------------------------------------------------------------------------------------------


class RuleCreatedData(Struct, kw_only=True):
    rule: Whole
    created_at: Instant


class RuleUpdatedData(Struct, kw_only=True):
    rule: Whole
    updated_at: Instant


class RuleDeletedData(Struct, kw_only=True):
    rule: Whole
    deleted_at: Instant


class RuleAssignedData(Struct, kw_only=True):
    rule: Whole | None
    assignment: Whole
    voucher: EventVoucher | None
    campaign: EventCampaign | None
    promotion_tier: EventPromotionTier | None
    distribution: None
    earning_rule: None


class CampaignCreatedData(Struct, kw_only=True):
    campaign: Whole
    created_at: Instant


class CampaignChangedData(Struct, kw_only=True):
    campaign: Whole


class CampaignDeletedData(Struct, kw_only=True):
    campaign: Whole
    deleted_at: Instant


class GenerationStartedData(Struct, kw_only=True):
    campaign: EventCampaign


class GenerationEndedData(Struct, kw_only=True):
    """count: codes that were made in this run."""

    campaign: EventCampaign
    count: int
    completed_at: Instant | None


class VouchersAddedData(Struct, kw_only=True):
    campaign: EventCampaign
    count: int


class TierChangedData(Struct, kw_only=True):
    campaign: EventCampaign
    promotion_tier: Whole


class StackChangedData(Struct, kw_only=True):
    campaign: EventCampaign
    promotion_stack: Whole


class CustomerChangedData(Struct, kw_only=True):
    customer: Whole


class CustomerMovedData(Struct, kw_only=True):
    customer: Whole
    segment: EventSegment


class CustomEventTrackedData(Struct, kw_only=True):
    event: Object
    event_schema: EventSchema
    customer: EventCustomer | None
    referral: Object | None
    loyalty: Object | None


class VoucherPublishedData(Struct, kw_only=True):
    customer: EventCustomer | None
    campaign: EventCampaign | None
    publication: Whole
    voucher: EventVoucher | None
    created_at: Instant


class PublicationSucceededData(Struct, kw_only=True):
    """voucher: the first one. user: always null, keys publish."""

    customer: EventCustomer | None
    campaign: EventCampaign | None
    publication: Whole
    voucher: EventVoucher | None
    user: None


class RedemptionData(Struct, kw_only=True):
    customer: EventCustomer | None
    order: EventOrder | None
    campaign: EventCampaign | None
    voucher: EventVoucher | None
    holder: EventCustomer | None
    promotion_tier: EventPromotionTier | None
    promotion_stack: None
    redemption: EventRedemption


class RedeemedData(RedemptionData, kw_only=True):
    created_at: Instant


class RolledBackData(RedemptionData, kw_only=True):
    redemption_rollback: EventRedemption


class VoucherChangedData(Struct, kw_only=True):
    voucher: Whole
    campaign: EventCampaign | None


class BalanceAddedData(Struct, kw_only=True):
    voucher: EventVoucher | None
    balance: Object
    campaign: EventCampaign | None
    transaction: Whole


class TransactionCreatedData(Struct, kw_only=True):
    """redemption, rollback: what moved the card, when that did."""

    transaction: Whole
    voucher: Whole
    campaign: EventCampaign | None
    holder: EventCustomer | None
    balance: Object
    order: EventOrder | None
    redemption: EventRedemption | None
    rollback: EventRedemption | None


class Payload(NamedTuple):
    """when: what happened, in a few words."""

    when: str
    data: type[Struct]


PAYLOADS: Final[Mapping[str, Payload]] = {
    f"{RULE}.created": Payload("A rule was made", RuleCreatedData),
    f"{RULE}.updated": Payload("A rule was changed", RuleUpdatedData),
    f"{RULE}.deleted": Payload("A rule was deleted, and its assignments with it", RuleDeletedData),
    f"{RULE}.assignment.created": Payload("A rule was assigned", RuleAssignedData),
    f"{RULE}.assignment.deleted": Payload("An assignment was taken away by itself", RuleAssignedData),
    "campaign.created": Payload("A campaign was made", CampaignCreatedData),
    "campaign.updated": Payload("The terms of a campaign were changed", CampaignChangedData),
    "campaign.deleted": Payload("A campaign was deleted, and its codes with it", CampaignDeletedData),
    "campaign.enabled": Payload("A campaign was switched on", CampaignChangedData),
    "campaign.disabled": Payload("A campaign was stopped, by hand or by its own rules", CampaignChangedData),
    "campaign.vouchers.generation.started": Payload("Codes are being made", GenerationStartedData),
    "campaign.vouchers.generation.completed": Payload("The codes are there", GenerationEndedData),
    "campaign.vouchers.generation.failed": Payload("Not all codes could be made", GenerationEndedData),
    "campaign.vouchers.added": Payload("Codes were added to a campaign that existed", VouchersAddedData),
    "campaign.promotion_tier.created": Payload("A promotion tier was made", TierChangedData),
    "campaign.promotion_tier.updated": Payload("A promotion tier was changed", TierChangedData),
    "campaign.promotion_tier.deleted": Payload("A promotion tier was deleted", TierChangedData),
    "campaign.promotion_tier.enabled": Payload("A promotion tier was switched on", TierChangedData),
    "campaign.promotion_tier.disabled": Payload("A promotion tier was switched off", TierChangedData),
    "campaign.promotion_stack.created": Payload("A stack of tiers was made", StackChangedData),
    "campaign.promotion_stack.updated": Payload("A stack of tiers was changed", StackChangedData),
    "customer.created": Payload("A customer is known", CustomerChangedData),
    "customer.updated": Payload("A customer's profile was changed", CustomerChangedData),
    "customer.deleted": Payload("A customer was deleted", CustomerChangedData),
    "customer.segment.entered": Payload("A customer entered an active segment", CustomerMovedData),
    "customer.segment.left": Payload("A customer left an active segment", CustomerMovedData),
    "customer.custom_event": Payload("A custom event was tracked", CustomEventTrackedData),
    "publication.succeeded": Payload("Codes were given to a customer", PublicationSucceededData),
    "redemption.succeeded": Payload("A code or tier was redeemed", RedeemedData),
    "redemption.failed": Payload("A redemption was refused", RedeemedData),
    "redemption.rollback.succeeded": Payload("A redemption was taken back, or a part of it", RolledBackData),
    "redemption.rollback.failed": Payload("It had been taken back whole before", RolledBackData),
    "voucher.created": Payload("A single code was made", VoucherChangedData),
    "voucher.updated": Payload("A code's terms or metadata were changed", VoucherChangedData),
    "voucher.deleted": Payload("A code was deleted by itself", VoucherChangedData),
    "voucher.enabled": Payload("A code was switched on", VoucherChangedData),
    "voucher.disabled": Payload("A code was switched off", VoucherChangedData),
    "voucher.published": Payload("A code was given to a customer", VoucherPublishedData),
    "voucher.gift.balance_added": Payload("Credits were added by hand", BalanceAddedData),
    "voucher.gift.transaction.created": Payload("Credits of a gift card moved", TransactionCreatedData),
}
"""The kinds that something here raises."""
