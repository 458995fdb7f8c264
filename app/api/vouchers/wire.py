"""The voucher object (behaviour 2.3): every key is always there; what a campaign's code does not have of its
own is its campaign's.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncSession

from app.api.terms import (
    VALIDITY,
    assignments_of,
    assignments_wire,
    categories_of,
    category_wire,
)
from app.db.models import Campaign, Category, Project, ValidationRuleAssignment, Voucher
from app.http.wire import iso
from app.redeemables.asset_ids import PICTURES, asset_id, asset_url


def voucher_wire(
    row: Voucher,
    campaign: Campaign | None,
    assignments: Sequence[ValidationRuleAssignment],
    categories: Mapping[str, Category],
    secret: bytes,
    public_url: str,
) -> dict[str, Any]:
    """Counts are as new as the last read barrier. public_url: what addresses of pictures begin with."""
    body = row.body
    shared = campaign.body if campaign is not None else {}
    terms: Mapping[str, Any] = shared.get("voucher") or {}
    category = categories.get(category_id_of(row, campaign) or "")
    path = f"/v1/vouchers/{quote(row.code, safe='')}"
    start_date = row.start_date or (campaign.start_date if campaign is not None else None)
    expiration_date = row.expiration_date or (campaign.expiration_date if campaign is not None else None)
    answer: dict[str, Any] = {
        "id": row.id,
        "code": row.code,
        "campaign": None if campaign is None else campaign.name,
        "campaign_id": row.campaign_id,
        "category": None if category is None else category.name,
        "category_id": None if category is None else category.id,
        "categories": [] if category is None else [category_wire(category)],
        "type": row.type,
        "discount": (body.get("discount") or terms.get("discount"))
        if row.type == "DISCOUNT_VOUCHER"
        else None,
        "gift": _gift_wire(row, terms) if row.type == "GIFT_VOUCHER" else None,
        "loyalty_card": _card_wire(row) if row.type == "LOYALTY_CARD" else None,
        "start_date": iso(start_date),
        "expiration_date": iso(expiration_date),
        **{name: body.get(name) or shared.get(name) for name in VALIDITY},
        "active": row.active,
        "additional_info": body.get("additional_info"),
        "metadata": body.get("metadata") or {},
        "assets": {
            picture: {"id": token, "url": asset_url(public_url, token, picture)}
            for picture in PICTURES
            for token in [asset_id(secret, row, picture)]
        },
        "is_referral_code": row.is_referral_code,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "holder_id": row.holder_id,
        "referrer_id": None,
        "publish": {
            "object": "list",
            "count": row.publish_count,
            "url": f"{path}/publications?page=1&limit=10",
        },
        "redemption": _redemption_wire(row, path),
        "validation_rules_assignments": assignments_wire(assignments),
        "object": "voucher",
    }
    if body.get("extensions"):
        answer["extensions"] = body["extensions"]
    return answer


def category_id_of(row: Voucher, campaign: Campaign | None) -> str | None:
    return row.category_id or (campaign.category_id if campaign is not None else None)


def first_amount(row: Voucher) -> int:
    """A gift card's amount when it was made, what was spent of it elsewhere before included."""
    return row.gift_opening + int((row.body.get("gift") or {}).get("redeemed_before") or 0)


def _gift_wire(row: Voucher, terms: Mapping[str, Any]) -> dict[str, Any]:
    own = row.body.get("gift") or {}
    effect = own.get("effect") or (terms.get("gift") or {}).get("effect")
    return {
        "amount": first_amount(row) + row.credited_amount,
        "subtracted_amount": row.subtracted_amount,
        "balance": row.gift_opening + row.credited_amount - row.subtracted_amount - row.redeemed_amount,
        "effect": effect or "APPLY_TO_ORDER",
    }


def _card_wire(row: Voucher) -> dict[str, Any]:
    points = (row.body.get("loyalty_card") or {}).get("points") or 0
    return {
        "points": points,
        "balance": points - row.redeemed_amount,
        "next_expiration_date": None,
        "next_expiration_points": None,
        "pending_points": 0,
        "expired_points": 0,
        "subtracted_points": 0,
    }


def _redemption_wire(row: Voucher, path: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "quantity": row.quantity,
        "redeemed_quantity": row.redeemed_base + row.redeemed_quantity,
    }
    if row.type == "GIFT_VOUCHER":
        before = int((row.body.get("gift") or {}).get("redeemed_before") or 0)
        answer["redeemed_amount"] = before + row.redeemed_amount
    elif row.type == "LOYALTY_CARD":
        answer["redeemed_points"] = row.redeemed_amount
    answer["object"] = "list"
    answer["url"] = f"{path}/redemptions?page=1&limit=10"
    return answer


async def voucher_wires(
    session: AsyncSession,
    project: Project,
    pairs: Sequence[tuple[Voucher, Campaign | None]],
    public_url: str = "",
) -> list[dict[str, Any]]:
    """Answers for vouchers with their campaigns: two reads, however many there are. Without a public_url the
    addresses of pictures are paths.
    """
    if not pairs:
        return []
    assignments = await assignments_of(session, project.id, [row.id for row, _ in pairs])
    categories = await categories_of(session, project.id, [category_id_of(row, of) for row, of in pairs])
    base = public_url.rstrip("/")
    return [
        voucher_wire(row, campaign, assignments.get(row.id, ()), categories, project.secret, base)
        for row, campaign in pairs
    ]
