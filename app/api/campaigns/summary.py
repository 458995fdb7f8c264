"""What a campaign has done so far, or between two days: sums of the projections of its redemptions."""

from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Answer, Call
from app.api.campaigns.answers import CampaignSummary
from app.api.campaigns.wire import campaign_wires
from app.api.lookup import campaign_named
from app.db.models import Campaign, Publication, Redemption, Voucher, VoucherTransaction
from app.http.query import Between
from app.http.routing import Route


async def get_summary(call: Call) -> Answer:
    """`start_date` and `end_date` are days, both included; without them everything counts."""
    start, end = call.query.instant("start_date"), call.query.instant("end_date")
    between = Between(after=start, before=end + timedelta(days=1) if end is not None else None)
    await call.barrier()
    async with call.read() as session:
        campaign = await campaign_named(session, call.project_id, call.path["campaignId"])
        wire = (await campaign_wires(session, call.project_id, [campaign]))[0]
        for name in ("promotion", "validation_rules_assignments"):
            wire.pop(name, None)
        answer: dict[str, Any] = {"object": "campaign_summary", "campaign": wire}
        answer |= await _redemptions(session, campaign, between)
        if campaign.campaign_type != "PROMOTION":
            answer |= await _vouchers(session, campaign, between)
        if campaign.campaign_type == "GIFT_VOUCHERS":
            answer |= await _credits(session, campaign, between)
    return Answer(answer)


def _within(column: Any, between: Between) -> list[Any]:
    conditions = []
    if between.after is not None:
        conditions.append(column >= between.after)
    if between.before is not None:
        conditions.append(column < between.before)
    return conditions


async def _redemptions(session: AsyncSession, campaign: Campaign, between: Between) -> dict[str, Any]:
    """Validations leave nothing behind that could be counted."""
    row = Redemption
    order = row.body["order"]
    amount = func.coalesce(cast(order["amount"].as_string(), BigInteger), 0)
    discount = func.coalesce(cast(order["total_applied_discount_amount"].as_string(), BigInteger), 0)
    taken = (row.object == "redemption") & (row.result == "SUCCESS")
    back = taken & (row.status == "ROLLED_BACK")

    def count(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    def total(condition: Any, value: Any) -> Any:
        return func.coalesce(func.sum(case((condition, value), else_=0)), 0)

    rollback = row.object == "redemption_rollback"
    found = (
        await session.execute(
            select(
                count(taken),
                count((row.object == "redemption") & (row.result == "FAILURE")),
                count(rollback & (row.result == "SUCCESS")),
                count(rollback & (row.result == "FAILURE")),
                total(taken, amount),
                total(back, amount),
                total(taken, discount),
                total(back, discount),
            ).where(
                row.project_id == campaign.project_id,
                row.campaign_id == campaign.id,
                *_within(row.date, between),
            )
        )
    ).one()
    succeeded, failed, rolled_back, rollbacks_failed, *amounts = (int(value) for value in found)
    return {
        "redemptions": succeeded + failed,
        "redemptions_succeeded": succeeded,
        "redemptions_failed": failed,
        "rollbacks": rolled_back + rollbacks_failed,
        "rollbacks_succeeded": rolled_back,
        "rollbacks_failed": rollbacks_failed,
        "validations": 0,
        "validations_succeeded": 0,
        "validations_failed": 0,
        "orders_amount": amounts[0],
        "orders_rolledback_amount": amounts[1],
        "discounted_amount": amounts[2],
        "rolledback_discounted_amount": amounts[3],
    }


async def _vouchers(session: AsyncSession, campaign: Campaign, between: Between) -> dict[str, Any]:
    async def count(statement: Any) -> int:
        return int(await session.scalar(statement) or 0)

    owned = (Voucher.project_id == campaign.project_id) & (Voucher.campaign_id == campaign.id)
    vouchers = select(func.count()).select_from(Voucher).where(owned)
    published = await count(
        select(func.coalesce(func.sum(Publication.codes), 0)).where(
            Publication.project_id == campaign.project_id,
            Publication.campaign_id == campaign.id,
            *_within(Publication.created_at, between),
        )
    )
    return {
        "vouchers_created": await count(vouchers.where(*_within(Voucher.created_at, between))),
        "vouchers_deleted": await count(
            vouchers.where(Voucher.deleted_at.is_not(None), *_within(Voucher.deleted_at, between))
        ),
        "publications": published,
        "publications_succeeded": published,
        "publications_failed": 0,
    }


async def _credits(session: AsyncSession, campaign: Campaign, between: Between) -> dict[str, Any]:
    owned = (Voucher.project_id == campaign.project_id) & (Voucher.campaign_id == campaign.id)
    made = await session.scalar(
        select(func.coalesce(func.sum(Voucher.gift_opening), 0)).where(
            owned, *_within(Voucher.created_at, between)
        )
    )
    gone = await session.scalar(
        select(func.coalesce(func.sum(Voucher.gift_opening - Voucher.redeemed_amount), 0)).where(
            owned, Voucher.deleted_at.is_not(None), *_within(Voucher.deleted_at, between)
        )
    )
    rows = await session.execute(
        select(VoucherTransaction.type, func.sum(VoucherTransaction.amount))
        .where(
            VoucherTransaction.project_id == campaign.project_id,
            VoucherTransaction.campaign_id == campaign.id,
            *_within(VoucherTransaction.created_at, between),
        )
        .group_by(VoucherTransaction.type)
    )
    moved = {kind: abs(int(amount or 0)) for kind, amount in rows}
    return {
        "created_vouchers_amount": int(made or 0),
        "amount_added": moved.get("CREDITS_ADDITION", 0),
        "amount_deleted": int(gone or 0),
        "amount_redeemed": moved.get("CREDITS_REDEMPTION", 0),
        "amount_rolledback": moved.get("CREDITS_REFUND", 0),
        "amount_subtracted": moved.get("CREDITS_REMOVAL", 0),
    }


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/campaigns/{campaignId}/summary",
        operation_id="get-campaign-summary",
        handler=get_summary,
        permission="campaigns.read",
        tag="Campaigns",
        summary="Get Campaign Summary",
        answer=CampaignSummary,
        query=("start_date", "end_date"),
        errors=("not_found",),
    ),
)
