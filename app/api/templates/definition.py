"""What a template keeps of a campaign or a tier, and the requests that are made of it again.

Kept is a request, not a row: what is made from a template goes the way of every other campaign.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from app.api.campaigns.definition import checked_code_config
from app.api.campaigns.schemas import CampaignCreate, CodeConfigBody
from app.api.promotions.schemas import TierAction, TierCreate
from app.api.templates.schemas import CampaignSetup, TierSetup
from app.api.terms import windows_wire
from app.db.models import Campaign, PromotionTier, ValidationRule
from app.http.errors import ApiError, invalid_payload

SUPPORTED = ("DISCOUNT_COUPONS", "GIFT_VOUCHERS")
_PLAIN = (
    "auto_join",
    "join_once",
    "use_voucher_metadata_schema",
    "activity_duration_after_publishing",
    "description",
    "metadata",
)
_VOUCHER = ("type", "discount", "gift", "redemption", "code_config")
_WINDOWS = (
    "start_date",
    "expiration_date",
    "validity_timeframe",
    "validity_day_of_week",
    "validity_hours",
)


def not_supported() -> ApiError:
    return ApiError(
        400,
        "campaign_type_is_not_supported_by_campaign_template",
        "Campaign of the given type is not supported by campaign template",
    )


def of_campaign(campaign: Campaign) -> dict[str, Any]:
    """Raises: ApiError 400 for a campaign of another type."""
    if campaign.campaign_type not in SUPPORTED:
        raise not_supported()
    body = campaign.body
    voucher = {name: body["voucher"][name] for name in _VOUCHER if body["voucher"].get(name)}
    if "code_config" in voucher:  # the pattern says how long a code is
        voucher["code_config"] = {n: v for n, v in voucher["code_config"].items() if n != "length"}
    definition = {
        "type": campaign.type,
        **{name: body[name] for name in _PLAIN if body.get(name) is not None},
        **windows_wire(campaign, body),
        "voucher": voucher,
    }
    return _with_extensions(definition, body)


def of_tier(tier: PromotionTier) -> dict[str, Any]:
    """A tier becomes a campaign of discount codes (contract, Templates)."""
    body = tier.body
    definition: dict[str, Any] = {
        **windows_wire(tier, body),
        "voucher": {"type": "DISCOUNT_VOUCHER", "discount": body["action"]["discount"]},
    }
    if body.get("metadata"):
        definition["metadata"] = body["metadata"]
    return _with_extensions(definition, body)


def _with_extensions(definition: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Why a campaign was stopped by its own rules is no part of what is made again."""
    extensions = {name: value for name, value in (body.get("extensions") or {}).items() if name != "stopped"}
    return {**definition, "extensions": extensions} if extensions else definition


def rules_of(rules: Sequence[ValidationRule]) -> list[dict[str, Any]]:
    return [{"name": rule.name, "body": rule.body} for rule in rules]


def campaign_of(campaign_type: str, definition: Mapping[str, Any], sent: CampaignSetup) -> CampaignCreate:
    """The request for a campaign: the template's, under what was sent.

    Raises: ApiError 400 invalid_payload.
    """
    voucher = {**definition["voucher"], **(_sent(sent.voucher) if sent.voucher is not None else {})}
    wire = {**_overlaid(definition, sent), "campaign_type": campaign_type, "voucher": voucher}
    if wire.get("type") != "STANDALONE":
        if voucher.pop("code", None) is not None:
            raise invalid_payload("Property .voucher.code must be absent but for STANDALONE campaigns")
    elif not voucher.get("code"):
        config = msgspec.convert(voucher.get("code_config") or {}, CodeConfigBody)
        voucher["code"] = checked_code_config(config, None).draw(1)[0]
    return msgspec.convert(wire, CampaignCreate)


def tier_of(definition: Mapping[str, Any], banner: str | None, sent: TierSetup) -> TierCreate:
    """The request for a tier: the template's, under what was sent."""
    kept = {
        name: definition[name] for name in (*_WINDOWS, "metadata", "extensions") if name in definition
    }
    wire = _overlaid({"banner": banner, **kept}, sent)
    wire.pop("campaign_id")
    tier = msgspec.convert(wire, TierCreate)
    tier.action = TierAction(discount=definition["voucher"]["discount"])
    return tier


def _overlaid(definition: Mapping[str, Any], sent: Struct) -> dict[str, Any]:
    """Windows contradict one another: those that are sent stand alone."""
    kept = dict(definition)
    told = _sent(sent)
    for one, others in (
        ("validity_hours", ("validity_timeframe", "validity_day_of_week")),
        ("validity_timeframe", ("validity_hours",)),
        ("validity_day_of_week", ("validity_hours",)),
    ):
        if told.get(one) is not None:
            for other in others:
                kept.pop(other, None)
    return {**kept, **told}


def _sent(body: Struct) -> dict[str, Any]:
    """What was said. A null says something of dates and windows alone."""
    told = {}
    for name in body.__struct_fields__:
        value = getattr(body, name)
        if value is not UNSET and (value is not None or name in _WINDOWS):
            told[name] = msgspec.to_builtins(value) if isinstance(value, Struct) else value
    return told
