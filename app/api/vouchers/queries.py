"""The list of vouchers: simple filters, advanced filters, paging."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Campaign, Category, Customer, Project, Voucher
from app.http.filtering import Field, Fields, filter_condition, page_of
from app.http.query import Condition, Paging, Query
from app.redeemables.issuing import fold

FIELDS: Fields = {
    "id": Field(Voucher.id),
    "code": Field(Voucher.code),
    "campaign": Field(Campaign.name),
    "campaign_name": Field(Campaign.name),
    "campaigns": Field(Campaign.name),
    "campaign_id": Field(Voucher.campaign_id),
    "campaign_ids": Field(Voucher.campaign_id),
    "campaign_type": Field(Campaign.campaign_type),
    "category_id": Field(Voucher.category_id),
    "category_ids": Field(Voucher.category_id),
    "type": Field(Voucher.type),
    "voucher_type": Field(Voucher.type),
    "holder_id": Field(Voucher.holder_id),
    "customer_id": Field(Voucher.holder_id),
    "is_referral_code": Field(Voucher.is_referral_code, "flag"),
    "created_at": Field(Voucher.created_at, "instant"),
    "updated_at": Field(Voucher.updated_at, "instant"),
    "start_date": Field(Voucher.start_date, "instant"),
    "expiration_date": Field(Voucher.expiration_date, "instant"),
    "redeemed_quantity": Field(Voucher.redeemed_quantity, "number"),
    "quantity": Field(Voucher.quantity, "number"),
    "publish_count": Field(Voucher.publish_count, "number"),
}
SORTABLE = {"created_at": Voucher.created_at, "updated_at": Voucher.updated_at, "code": Voucher.folded_code}


def active_condition(condition: Condition, now: datetime) -> ColumnElement[bool] | None:
    """The field `active` with its states $active, $expired, $enabled and $disabled."""
    if condition.field != "active":
        return None
    enabled = and_(Voucher.active, or_(Campaign.id.is_(None), Campaign.active))
    expired = or_(Voucher.expiration_date < now, Campaign.expiration_date < now)
    states: dict[str, ColumnElement[bool]] = {
        "$active": and_(enabled, ~_or_false(expired)),
        "$expired": _or_false(expired),
        "$enabled": enabled,
        "$disabled": ~enabled,
    }
    return states.get(condition.operator)


def _or_false(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Dates that are not set compare to null, which is neither true nor false."""
    return condition.is_(True)


def _live(project_id: str) -> Select[Voucher, Campaign]:
    """As live_vouchers, for pages of many. Asked of the joined campaign whether it is in the bin, PostgreSQL
    expects hardly any row to pass, and sorts all codes for a page that lies deep.
    """
    live = select(Campaign.id).where(Campaign.project_id == project_id, Campaign.deleted_at.is_(None))
    return (
        select(Voucher, Campaign)
        .outerjoin(
            Campaign, (Campaign.project_id == Voucher.project_id) & (Campaign.id == Voucher.campaign_id)
        )
        .where(
            Voucher.project_id == project_id,
            Voucher.deleted_at.is_(None),
            or_(Voucher.campaign_id.is_(None), Voucher.campaign_id.in_(live)),
        )
    )


async def _of_campaign(session: AsyncSession, project_id: str, id_or_name: str) -> ColumnElement[bool]:
    """By its id, so that the page is read from the campaign's own index."""
    found = await session.scalars(
        select(Campaign.id).where(
            Campaign.project_id == project_id, or_(Campaign.id == id_or_name, Campaign.name == id_or_name)
        )
    )
    ids = found.all()
    return Voucher.campaign_id == ids[0] if len(ids) == 1 else Voucher.campaign_id.in_(ids)


async def page_of_vouchers(
    session: AsyncSession, project: Project, query: Query, paging: Paging, now: datetime
) -> tuple[Sequence[tuple[Voucher, Campaign | None]], int]:
    """One page and the total."""
    statement = _live(project.id)
    campaign_id, campaign = query.text("campaign_id"), query.text("campaign")
    if campaign_id is not None:
        statement = statement.where(Voucher.campaign_id == campaign_id)
    if campaign is not None:
        statement = statement.where(await _of_campaign(session, project.id, campaign))
    code, ids, category = query.text("code"), query.texts("ids"), query.text("category")
    if code is not None:
        statement = statement.where(Voucher.folded_code == fold(project, code))
    if ids is not None:
        statement = statement.where(Voucher.id.in_(ids))
    if category is not None:
        named = select(Category.id).where(
            Category.project_id == project.id, or_(Category.name == category, Category.id == category)
        )
        statement = statement.where(
            or_(
                Voucher.category_id.in_(named),
                and_(Voucher.category_id.is_(None), Campaign.category_id.in_(named)),
            )
        )
    customer = query.text("customer")
    if customer is not None:
        holders = select(Customer.id).where(
            Customer.project_id == project.id,
            or_(Customer.id == customer, Customer.source_id == customer),
        )
        statement = statement.where(Voucher.holder_id.in_(holders))
    for name, column in (("created_at", Voucher.created_at), ("updated_at", Voucher.updated_at)):
        bounds = query.between(name)
        if bounds.after is not None:
            statement = statement.where(column > bounds.after)
        if bounds.before is not None:
            statement = statement.where(column < bounds.before)
    condition = filter_condition(
        query.filters(), FIELDS, now, metadata=Voucher.body["metadata"], special=active_condition
    )
    rows, total = await page_of(session, statement.where(condition), paging, SORTABLE, Voucher.id)
    return [(row[0], row[1]) for row in rows], total
