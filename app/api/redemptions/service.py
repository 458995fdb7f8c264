"""Reading redemptions: lists, single ones, and those of a voucher. Rows are projections, so a read waits for
the barrier first.
"""

from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.lookup import voucher_named
from app.db.models import Campaign, Customer, Redemption
from app.http.errors import not_found
from app.http.filtering import Field, filter_condition, page_of
from app.http.query import Query
from app.http.wire import listing

ORDER_FIELDS = ("created_at", "id", "voucher_code", "tracking_id", "customer_id")
PAGE_MAX = 99


def _columns() -> dict[str, Any]:
    return {
        "created_at": Redemption.date,
        "id": Redemption.id,
        "voucher_code": Redemption.body["voucher"]["code"].as_string(),
        "tracking_id": Redemption.body["tracking_id"].as_string(),
        "customer_id": Redemption.customer_id,
    }


def _fields() -> dict[str, Field]:
    return {
        "voucher_code": Field(Redemption.body["voucher"]["code"].as_string()),
        "related_object_id": Field(Redemption.related_object_id),
        "related_object_parent_id": Field(Redemption.campaign_id),
        "parent_redemption_id": Field(Redemption.parent_id),
        "failure_code": Field(Redemption.failure_code),
        "result": Field(Redemption.result),
        "object": Field(Redemption.object),
        "customer_id": Field(Redemption.customer_id),
        "campaign_name": Field(Redemption.body["voucher"]["campaign"].as_string()),
    }


def redemption_wire(row: Redemption) -> dict[str, Any]:
    """The wire object as stored, with the status of today: a rollback changes the redemption's."""
    return {**row.body, "status": row.status, "result": row.result}


async def get_redemption(session: AsyncSession, project_id: str, redemption_id: str) -> dict[str, Any]:
    """Also failures (rf_), rollbacks (rr_) and failed rollbacks (rrf_).

    Raises: ApiError 404.
    """
    row = await session.scalar(
        select(Redemption).where(Redemption.project_id == project_id, Redemption.id == redemption_id)
    )
    if row is None:
        raise not_found("redemption", redemption_id)
    return redemption_wire(row)


async def _conditions(
    session: AsyncSession, project_id: str, query: Query, now: Any
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Redemption.project_id == project_id]
    result = query.text("result")
    if result:
        if result.upper().startswith("FAILURE-"):
            conditions.append(Redemption.result == "FAILURE")
            conditions.append(Redemption.failure_code == result[8:].lower())
        else:
            conditions.append(Redemption.result == result.upper())
    campaign = query.text("campaign")
    if campaign:
        found = await session.scalars(
            select(Campaign.id).where(
                Campaign.project_id == project_id, or_(Campaign.id == campaign, Campaign.name == campaign)
            )
        )
        conditions.append(Redemption.campaign_id.in_(found.all()))
    customer = query.text("customer")
    if customer:
        identities = await session.scalars(
            select(Customer.id).where(
                Customer.project_id == project_id,
                or_(Customer.id == customer, Customer.source_id == customer),
            )
        )
        conditions.append(Redemption.customer_id.in_(identities.all()))
    between = query.between("created_at")
    if between.after is not None:
        conditions.append(Redemption.date > between.after)
    if between.before is not None:
        conditions.append(Redemption.date < between.before)
    conditions.append(filter_condition(query.filters(), _fields(), now))
    return conditions


async def list_redemptions(session: AsyncSession, project_id: str, query: Query, now: Any) -> dict[str, Any]:
    """Redemptions, rollbacks and failures, newest first (behaviour 4.6)."""
    paging = query.paging(ORDER_FIELDS, "-created_at", page_max=PAGE_MAX)
    conditions = await _conditions(session, project_id, query, now)
    statement = select(Redemption).where(*conditions)
    rows, total = await page_of(session, statement, paging, _columns(), Redemption.id)
    return listing("redemptions", [redemption_wire(row[0]) for row in rows], total)


async def redemptions_of_voucher(session: AsyncSession, project_id: str, code: str) -> dict[str, Any]:
    """What was taken of one voucher, with its quantity (behaviour 4.6)."""
    voucher, _campaign = await voucher_named(session, project_id, code)
    rows = (
        await session.scalars(
            select(Redemption)
            .where(
                Redemption.project_id == project_id,
                Redemption.voucher_id == voucher.id,
                Redemption.object == "redemption",
                Redemption.result == "SUCCESS",
            )
            .order_by(Redemption.date.desc(), Redemption.id.desc())
            .limit(ENTRIES_MAX)
        )
    ).all()
    return {
        "object": "list",
        "quantity": voucher.quantity,
        "redeemed_quantity": voucher.redeemed_base + voucher.redeemed_quantity,
        "url": f"/v1/vouchers/{voucher.code}/redemptions?page=1&limit=10",
        "total": len(rows),
        "data_ref": "redemption_entries",
        "redemption_entries": [redemption_wire(row) for row in rows],
    }


ENTRIES_MAX = 100
"""The operation has no paging: the newest, and GET /v1/redemptions for the rest."""
