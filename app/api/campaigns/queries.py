"""The list of campaigns: simple filters, advanced filters, paging."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.campaigns.definition import CAMPAIGN_TYPES
from app.db.models import Campaign
from app.http.filtering import Field, Fields, compare, filter_condition, page_of
from app.http.query import Condition, Paging, Query

VOUCHER = Campaign.body["voucher"]
REFERRAL = "REFERRAL_PROGRAM"
STATUSES = ("DONE", "IN_PROGRESS", "FAILED", "DRAFT", "MODIFYING")
FIELDS: Fields = {
    "campaigns": Field(Campaign.name),
    "name": Field(Campaign.name),
    "campaigns_id": Field(Campaign.id),
    "campaign_ids": Field(Campaign.id),
    "id": Field(Campaign.id),
    "campaign_status": Field(Campaign.creation_status),
    "campaign_type": Field(Campaign.campaign_type),
    "active": Field(Campaign.active, "flag"),
    "voucher_type": Field(VOUCHER["type"].as_string()),
    "category_ids": Field(Campaign.category_id),
    "category_id": Field(Campaign.category_id),
    "created_date": Field(Campaign.created_at, "instant"),
    "created_at": Field(Campaign.created_at, "instant"),
    "updated_at": Field(Campaign.updated_at, "instant"),
    "start_date": Field(Campaign.start_date, "instant"),
    "expiration_date": Field(Campaign.expiration_date, "instant"),
    "validity_timeframe": Field(Campaign.body["validity_timeframe"].as_string()),
    "validity_day_of_week": Field(Campaign.body["validity_day_of_week"].as_string()),
}
SORTABLE = {"created_at": Campaign.created_at, "updated_at": Campaign.updated_at}


def special_condition(condition: Condition, now: datetime) -> ColumnElement[bool] | None:
    """`status` with its named states; `is_referral_code`; `type`, which knows the virtual BULK; `categories`
    by name or id.
    """
    if condition.field == "status":
        states: dict[str, ColumnElement[bool]] = {
            "$active": Campaign.creation_status == "DONE",
            "$failed": Campaign.creation_status == "FAILED",
            "$in_progress": Campaign.vouchers_generation_status.in_(("IN_PROGRESS", "MODIFYING")),
            "$expired": and_(Campaign.expiration_date.is_not(None), Campaign.expiration_date < now),
            "$before_start": and_(Campaign.start_date.is_not(None), Campaign.start_date > now),
            "before_start": and_(Campaign.start_date.is_not(None), Campaign.start_date > now),
        }
        return states.get(condition.operator)
    if condition.field == "is_referral_code" and condition.operator == "$is" and condition.values:
        referral = Campaign.campaign_type == REFERRAL
        return referral if condition.values[0].lower() == "true" else ~referral
    if condition.field == "type" and condition.operator in ("$is", "$in", "$is_not", "$not_in"):
        values = condition.values if condition.operator in ("$in", "$not_in") else condition.values[:1]
        meant = {kind for value in values for kind in _kinds(value)}
        of_kind = or_(Campaign.campaign_type.in_(meant), Campaign.type.in_(values))
        return of_kind if condition.operator in ("$is", "$in") else ~of_kind
    if condition.field == "categories":
        return compare(Field(Campaign.category_id), condition, now)
    return None


def _kinds(value: str) -> tuple[str, ...]:
    """BULK: campaigns with a pool of codes."""
    return ("DISCOUNT_COUPONS", "GIFT_VOUCHERS") if value == "BULK" else (value,)


async def page_of_campaigns(
    session: AsyncSession, project_id: str, query: Query, paging: Paging, now: datetime
) -> tuple[Sequence[Campaign], int]:
    """One page and the total. What is in the bin is not listed."""
    statement = select(Campaign).where(Campaign.project_id == project_id, Campaign.deleted_at.is_(None))
    campaign_type = query.choice("campaign_type", CAMPAIGN_TYPES)
    if campaign_type is not None:
        statement = statement.where(Campaign.campaign_type == campaign_type)
    status = query.choice("campaign_status", STATUSES)
    if status is not None:
        statement = statement.where(Campaign.creation_status == status)
    is_referral = query.flag("is_referral_code")
    if is_referral is not None:
        referral = Campaign.campaign_type == REFERRAL
        statement = statement.where(referral if is_referral else ~referral)
    if query.flag("mintable") is True:
        statement = statement.where(Campaign.body["extensions"]["mintable"].as_boolean())
    condition = filter_condition(
        query.filters(), FIELDS, now, metadata=Campaign.body["metadata"], special=special_condition
    )
    rows, total = await page_of(session, statement.where(condition), paging, SORTABLE, Campaign.id)
    return [row[0] for row in rows], total
