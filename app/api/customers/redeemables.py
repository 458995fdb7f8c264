"""What a customer holds: the codes that were given to him, each with whether it can still be used."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.customers.service import stored
from app.api.lookup import live_vouchers, project_of
from app.api.vouchers.wire import voucher_wires
from app.db.models import Campaign, Customer, Publication, PublicationVoucher, Voucher
from app.http.errors import invalid_query
from app.http.filtering import Field, filter_condition
from app.http.wire import iso, listing

PREFIX: Final = "rh_"
"""Of what a customer holds: the same characters as the voucher's id, so that ids sort alike."""


async def list_redeemables(call: Call, name: str) -> dict[str, Any]:
    """Raises: ApiError 404 for an unknown customer."""
    order = call.query.order(("id",), "-id")
    limit, after = call.query.limit, call.query.text("starting_after_id")
    if after is not None and not after.startswith(PREFIX):
        raise invalid_query(f"Query .starting_after_id must be an id that begins with {PREFIX}")
    now = call.engine.now()
    row = await stored(call, name)
    async with call.read() as session:
        held = live_vouchers(call.project_id).where(
            Voucher.holder_id == row.id, filter_condition(call.query.filters(), _fields(), now)
        )
        total = await session.scalar(select(func.count()).select_from(held.subquery()))
        if after is not None:
            voucher_id = "v_" + after.removeprefix(PREFIX)
            held = held.where(Voucher.id < voucher_id if order.descending else Voucher.id > voucher_id)
        ordering = Voucher.id.desc() if order.descending else Voucher.id.asc()
        statement: Select[Any] = held.add_columns(_given_at()).order_by(ordering).limit(limit + 1)
        rows = [tuple(found) for found in await session.execute(statement)]
        pairs = [(voucher, campaign) for voucher, campaign, _ in rows[:limit]]
        wires = await _wires(session, call, pairs)
    data = [
        _wire(voucher, campaign, given_at, wire, now)
        for (voucher, campaign, given_at), wire in zip(rows[:limit], wires, strict=True)
    ]
    answer = listing("data", data, total or 0, has_more=len(rows) > limit)
    if answer["has_more"]:
        answer["more_starting_after"] = data[-1]["id"]
    return answer


async def _wires(
    session: AsyncSession, call: Call, pairs: list[tuple[Voucher, Campaign | None]]
) -> list[dict[str, Any]]:
    project = await project_of(session, call.project_id)
    return await voucher_wires(session, project, pairs, call.engine.settings.public_url)


async def held_vouchers(session: AsyncSession, call: Call, row: Customer, limit: int) -> list[dict[str, Any]]:
    """The codes that the customer holds, whole, the newest first."""
    held = live_vouchers(call.project_id).where(Voucher.holder_id == row.id)
    rows: list[Any] = list(await session.execute(held.order_by(Voucher.id.desc()).limit(limit)))
    return await _wires(session, call, [(voucher, campaign) for voucher, campaign in rows])


def _given_at() -> ColumnElement[datetime]:
    """When the voucher was last published; for one that was never, when it was made."""
    published = (
        select(func.max(Publication.created_at))
        .join(
            PublicationVoucher,
            and_(
                PublicationVoucher.project_id == Publication.project_id,
                PublicationVoucher.publication_id == Publication.id,
            ),
        )
        .where(
            PublicationVoucher.project_id == Voucher.project_id, PublicationVoucher.voucher_id == Voucher.id
        )
        .correlate(Voucher)
        .scalar_subquery()
    )
    return func.coalesce(published, Voucher.created_at)


def _role() -> ColumnElement[str]:
    return case((Voucher.is_referral_code, literal("REFERRER")), else_=literal("OWNER"))


def _fields() -> dict[str, Field]:
    return {
        "id": Field(literal(PREFIX).concat(func.substr(Voucher.id, 3))),
        "created_at": Field(_given_at(), "instant"),
        "redeemable_id": Field(Voucher.id),
        "redeemable_object": Field(literal("voucher")),
        "holder_role": Field(_role()),
        "campaign_id": Field(Voucher.campaign_id),
        "campaign_type": Field(Campaign.campaign_type),
        "voucher_type": Field(Voucher.type),
    }


def _wire(
    row: Voucher, campaign: Campaign | None, given_at: datetime, voucher: dict[str, Any], now: datetime
) -> dict[str, Any]:
    return {
        "id": PREFIX + row.id.removeprefix("v_"),
        "created_at": iso(given_at),
        "redeemable_id": row.id,
        "redeemable_object": "voucher",
        "customer_id": row.holder_id,
        "holder_role": "REFERRER" if row.is_referral_code else "OWNER",
        "campaign_id": row.campaign_id,
        "campaign_type": None if campaign is None else campaign.campaign_type,
        "voucher_type": row.type,
        "redeemable": {
            "type": "voucher",
            "voucher": voucher,
            "status": status_of(row, campaign, voucher, now),
        },
    }


def status_of(row: Voucher, campaign: Campaign | None, voucher: dict[str, Any], now: datetime) -> str:
    """The first that fits of DISABLED, EXPIRED, NOT_ACTIVE_YET, USED, NO_BALANCE; else ACTIVE."""
    if not row.active or (campaign is not None and not campaign.active):
        return "DISABLED"
    start_date = row.start_date or (campaign.start_date if campaign is not None else None)
    expiration_date = row.expiration_date or (campaign.expiration_date if campaign is not None else None)
    if expiration_date is not None and expiration_date < now:
        return "EXPIRED"
    if start_date is not None and start_date > now:
        return "NOT_ACTIVE_YET"
    quantity, used = voucher["redemption"]["quantity"], voucher["redemption"]["redeemed_quantity"]
    if quantity is not None and used >= quantity:
        return "USED"
    card = voucher["gift"] or voucher["loyalty_card"]
    if card is not None and card["balance"] <= 0:
        return "NO_BALANCE"
    return "ACTIVE"
