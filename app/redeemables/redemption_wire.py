"""Redemptions and what they redeemed as answered on the wire and kept by the ledger (behaviour 2.12, appendix
A2).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.core.records import VoucherRecord
from app.ledger.entries import packed_part
from app.redeemables.answer import encode_answer
from app.redeemables.documents import instant_text_us
from app.redeemables.gather import Gathered
from app.redeemables.memory import Written
from app.redeemables.programs import CampaignProgram
from rules.verdict import Result


def voucher_wire(record: VoucherRecord, campaign: CampaignProgram | None) -> dict[str, Any]:
    """The voucher within a redemption: its own terms, or its campaign's."""
    discount = record.discount
    if discount is None and campaign is not None and campaign.discount is not None:
        discount = campaign.discount.document
    gift = None
    if record.type == "GIFT_VOUCHER":
        effect = record.gift_effect or (campaign.gift_effect if campaign else "APPLY_TO_ORDER")
        gift = {"amount": record.gift_opening, "effect": effect}
    validity: Mapping[str, Any] = record.validity or (campaign.validity if campaign else {})
    return {
        "id": record.id,
        "code": record.code,
        "campaign": campaign.name if campaign else None,
        "campaign_id": record.campaign_id,
        "category_id": record.category_id,
        "categories": [],
        "type": record.type,
        "discount": discount,
        "gift": gift,
        "loyalty_card": None,
        "start_date": None if record.start_date is None else instant_text_us(record.start_date),
        "expiration_date": (
            None if record.expiration_date is None else instant_text_us(record.expiration_date)
        ),
        "validity_timeframe": validity.get("validity_timeframe"),
        "validity_day_of_week": validity.get("validity_day_of_week"),
        "active": record.active,
        "metadata": record.metadata or (dict(campaign.metadata) if campaign else {}),
        "is_referral_code": record.is_referral_code,
        "holder_id": record.holder_id,
        "object": "voucher",
    }


def tier_wire(campaign: CampaignProgram, tier_id: str) -> dict[str, Any]:
    """The promotion tier within a redemption."""
    tier = campaign.tiers[tier_id]
    return {
        "id": tier.id,
        "name": tier.name,
        "banner": tier.banner,
        "action": tier.body.get("action"),
        "metadata": dict(tier.metadata),
        "hierarchy": tier.hierarchy,
        "promotion_id": campaign.id,
        "campaign_id": campaign.id,
        "campaign": {"id": campaign.id, "object": "campaign"},
        "object": "promotion_tier",
    }


def redeemed_wire(
    result: Result, gathered: Gathered, written: dict[str, Written] | None = None
) -> dict[str, Any]:
    """`voucher` or `promotion_tier`, with `gift` for a card, and what the redemption is related to. written:
    vouchers by id as they were written before; then the voucher is JSON, and one that is missing is added.
    """
    candidate = result.candidate
    campaign = gathered.campaigns.get(candidate.campaign_id) if candidate.campaign_id else None
    wire: dict[str, Any] = {
        "related_object_type": candidate.object,
        "related_object_id": candidate.id,
    }
    if candidate.object == "promotion_tier":
        assert campaign is not None
        wire["promotion_tier"] = tier_wire(campaign, candidate.id)
        return wire
    known = None if written is None else written.get(candidate.id)
    if known is not None:
        wire["voucher"] = known.answered
    else:
        for record in gathered.records.values():
            if record.id == candidate.id:
                voucher = voucher_wire(record, campaign)
                if written is None:
                    wire["voucher"] = voucher
                else:
                    answered = wire["voucher"] = msgspec.Raw(encode_answer(voucher))
                    written[record.id] = Written(answered, packed_part(voucher))
                break
    if candidate.gift is not None:
        wire["gift"] = {"amount": result.credits}
    return wire
