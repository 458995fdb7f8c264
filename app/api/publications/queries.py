"""The list of publications."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.lookup import project_of
from app.db.models import Campaign, Customer, Publication, PublicationVoucher, Voucher
from app.http.errors import ApiError
from app.http.filtering import Field, Fields, compare, filter_condition, page_of
from app.http.query import Condition
from app.redeemables.issuing import VOUCHER_TYPES, fold

PAGE_MAX = 1_000
ORDERS = ("created_at", "id", "voucher_code", "tracking_id", "customer_id", "channel")
COLUMNS = {
    "created_at": Publication.created_at,
    "id": Publication.id,
    "voucher_code": Publication.voucher_code,
    "tracking_id": Customer.source_id,
    "customer_id": Publication.customer_id,
    "channel": Publication.channel,
}
FIELDS: Fields = {
    "result": Field(Publication.result),
    "customer_id": Field(Publication.customer_id),
    "campaign_name": Field(Campaign.name),
    "campaign_id": Field(Publication.campaign_id),
    "voucher_type": Field(Publication.voucher_type),
    "is_referral_code": Field(Publication.is_referral_code, "flag"),
    "parent_object_id": Field(Publication.campaign_id),
    "source_id": Field(Publication.source_id),
    "channel": Field(Publication.channel),
    "created_at": Field(Publication.created_at, "instant"),
    "agent": Field(Publication.agent),
    "reason": Field(Publication.reason),
}


def _special(condition: Condition, now: object) -> ColumnElement[bool] | None:
    """`related_object_id` is any of the codes; a publication that is listed has not failed."""
    if condition.field == "related_object_id":
        given = compare(Field(PublicationVoucher.voucher_id), condition, now)  # type: ignore[arg-type]
        return Publication.id.in_(
            select(PublicationVoucher.publication_id).where(
                PublicationVoucher.project_id == Publication.project_id, given
            )
        )
    if condition.field == "failure_code":
        return Publication.result.is_(None) if condition.operator != "$is_unknown" else Publication.id != ""
    return None


async def page_of_publications(session: AsyncSession, call: Call) -> tuple[Sequence[Publication], int]:
    """One page and the total.

    Raises: ApiError 400 page_over_limit beyond page 1000.
    """
    query = call.query
    page = query.integer("page", low=1)
    if page is not None and page > PAGE_MAX:
        raise ApiError(
            400,
            "page_over_limit",
            f"Listing resource above {PAGE_MAX} page is not supported",
            f"Property .page cannot be higher than {PAGE_MAX}",
        )
    paging = query.paging(ORDERS, page_max=PAGE_MAX)
    statement = (
        select(Publication)
        .outerjoin(
            Campaign,
            (Campaign.project_id == Publication.project_id) & (Campaign.id == Publication.campaign_id),
        )
        .outerjoin(
            Customer,
            (Customer.project_id == Publication.project_id) & (Customer.id == Publication.customer_id),
        )
        .where(Publication.project_id == call.project_id)
    )
    campaign, customer, source_id = query.text("campaign"), query.text("customer"), query.text("source_id")
    if campaign is not None:
        statement = statement.where(or_(Campaign.name == campaign, Publication.campaign_id == campaign))
    if customer is not None:
        statement = statement.where(or_(Publication.customer_id == customer, Customer.source_id == customer))
    if source_id is not None:
        statement = statement.where(Publication.source_id == source_id)
    result = query.choice("result", ("SUCCESS", "FAILURE"))
    if result is not None:
        statement = statement.where(Publication.result == result)
    voucher_type = query.choice("voucher_type", tuple(dict.fromkeys(VOUCHER_TYPES.values())))
    if voucher_type is not None:
        statement = statement.where(Publication.voucher_type == voucher_type)
    is_referral = query.flag("is_referral_code")
    if is_referral is not None:
        statement = statement.where(Publication.is_referral_code.is_(is_referral))
    code = query.text("voucher")
    if code is not None:
        folded = fold(await project_of(session, call.project_id), code)
        of_voucher = (
            select(PublicationVoucher.publication_id)
            .join(
                Voucher,
                (Voucher.project_id == PublicationVoucher.project_id)
                & (Voucher.id == PublicationVoucher.voucher_id),
            )
            .where(
                PublicationVoucher.project_id == call.project_id,
                or_(Voucher.folded_code == folded, Voucher.id == code),
            )
        )
        statement = statement.where(Publication.id.in_(of_voucher))
    condition = filter_condition(
        query.filters(),
        FIELDS,
        call.engine.now(),
        metadata=Publication.body["metadata"],
        special=_special,
    )
    rows, total = await page_of(session, statement.where(condition), paging, COLUMNS, Publication.id)
    return [row[0] for row in rows], total
