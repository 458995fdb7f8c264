"""What a campaign is, read from its request: type and code settings, inferred where clients leave them out,
and checked.
"""

from typing import Any, Protocol

from msgspec import UNSET

from app.api.campaigns.schemas import (
    CampaignCreate,
    CodeConfigBody,
    GiftBody,
    RedemptionBody,
)
from app.api.terms import checked_amount, checked_discount, refusal
from app.http.errors import invalid_payload
from app.redeemables.codes import CodeConfig, InvalidCodeConfig, code_config, refused_characters
from app.redeemables.issuing import VOUCHER_TYPES

CAMPAIGN_TYPES = ("DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM", "PROMOTION", "REFERRAL_PROGRAM")
TYPES = ("AUTO_UPDATE", "STATIC", "STANDALONE")
GIFT_EFFECTS = ("APPLY_TO_ORDER", "APPLY_TO_ITEMS")
PART_OF = {"DISCOUNT_VOUCHER": "discount", "GIFT_VOUCHER": "gift", "LOYALTY_CARD": "loyalty_card"}
QUANTITY_MAX = 10**9
CODE_MAX = 512


class HasParts(Protocol):
    """A body that says what a voucher gives."""

    type: str | None
    discount: dict[str, Any] | None
    gift: GiftBody | None
    loyalty_card: dict[str, Any] | None


def campaign_type_of(body: CampaignCreate) -> str:
    """As sent, else what the rest of the request can only mean.

    Raises: ApiError 400 invalid_campaign.
    """
    if body.campaign_type is not None:
        if body.campaign_type not in CAMPAIGN_TYPES:
            raise _not_allowed("campaign_type", CAMPAIGN_TYPES)
        return body.campaign_type
    voucher = body.voucher
    if body.promotion is not None:
        return "PROMOTION"
    if body.referral_program is not None or (voucher is not None and voucher.is_referral_code):
        return "REFERRAL_PROGRAM"
    if voucher is not None:
        kind = voucher_type_of(voucher)
        if kind == "GIFT_VOUCHER":
            return "GIFT_VOUCHERS"
        if kind == "LOYALTY_CARD":
            return "LOYALTY_PROGRAM"
        if kind == "DISCOUNT_VOUCHER":
            return "DISCOUNT_COUPONS"
    raise refusal("invalid_campaign", "Property 'voucher' or 'promotion' is required")


def voucher_type_of(voucher: HasParts) -> str | None:
    """As sent, else by the one part that is there.

    Raises: ApiError 400 invalid_payload.
    """
    if voucher.type is not None:
        if voucher.type not in PART_OF:
            raise _not_allowed("voucher.type", tuple(PART_OF))
        return voucher.type
    for kind, part in PART_OF.items():
        if getattr(voucher, part) is not None:
            return kind
    return None


def type_of(body: CampaignCreate, campaign_type: str) -> str:
    """AUTO_UPDATE unless a chosen code makes it STANDALONE; promotions have no codes that could be added.

    Raises: ApiError 400.
    """
    code = body.voucher.code if body.voucher is not None else None
    if body.type is None:
        if campaign_type == "PROMOTION":
            return "STATIC"
        return "STANDALONE" if code else "AUTO_UPDATE"
    if body.type not in TYPES:
        raise _not_allowed("type", TYPES)
    if body.type == "STANDALONE" and campaign_type != "PROMOTION" and not code:
        raise refusal("invalid_campaign", "Property 'voucher.code' is required for STANDALONE campaign")
    return body.type


def voucher_document(
    body: CampaignCreate, campaign_type: str, default_charset: str | None
) -> dict[str, Any] | None:
    """`body["voucher"]` of the campaign's row; None for a promotion.

    Raises: ApiError 400.
    """
    if campaign_type == "PROMOTION":
        return None
    kind = VOUCHER_TYPES[campaign_type]
    part = PART_OF[kind]
    voucher = body.voucher
    if voucher is None or getattr(voucher, part) is None:
        raise refusal("invalid_campaign", f"Property '{part}' is required for {campaign_type} campaign")
    if voucher.type is not None and voucher.type != kind:
        raise refusal(
            "invalid_campaign", f"Voucher type {voucher.type} is not allowed for {campaign_type} campaign"
        )
    document: dict[str, Any] = {"type": kind, part: part_document(voucher, part)}
    document["redemption"] = {"quantity": quantity_of(voucher.redemption)}
    config = checked_code_config(voucher.code_config, default_charset)
    document["code_config"] = {} if voucher.code and voucher.code_config is None else config.wire()
    document["is_referral_code"] = campaign_type == "REFERRAL_PROGRAM"
    return document


def part_document(voucher: HasParts, part: str) -> dict[str, Any]:
    """discount, gift or loyalty_card as stored: what was sent, once it makes sense.

    Raises: ApiError 400.
    """
    if part == "discount":
        return checked_discount(voucher.discount or {})
    if part == "gift":
        return gift_document(voucher.gift or GiftBody())
    card = voucher.loyalty_card or {}
    return {**card, "points": checked_amount(card.get("points") or 0, "loyalty_card.points")}


def gift_document(gift: GiftBody) -> dict[str, Any]:
    """Raises: ApiError 400."""
    if gift.amount is None:
        raise refusal("invalid_gift", "Property .gift.amount is required")
    return {"amount": checked_amount(gift.amount, "gift.amount"), "effect": gift_effect_of(gift)}


def gift_effect_of(gift: GiftBody) -> str:
    """Raises: ApiError 400 invalid_payload."""
    effect = gift.effect or GIFT_EFFECTS[0]
    if effect not in GIFT_EFFECTS:
        raise _not_allowed("gift.effect", GIFT_EFFECTS)
    return effect


def quantity_of(redemption: RedemptionBody | None) -> int | None:
    """How often a code may be redeemed; None is without limit.

    Raises: ApiError 400 invalid_payload.
    """
    if redemption is None or redemption.quantity is UNSET or redemption.quantity is None:
        return None
    if not 0 <= redemption.quantity <= QUANTITY_MAX:
        raise invalid_payload(f"Property .redemption.quantity must be between 0 and {QUANTITY_MAX}")
    return redemption.quantity


def checked_code_config(body: CodeConfigBody | None, default_charset: str | None) -> CodeConfig:
    """Raises: ApiError 400 invalid_code_config."""
    body = body or CodeConfigBody()
    if body.length is not None and body.length != int(body.length):
        raise refusal("invalid_code_config", "Property .code_config.length must be integer")
    try:
        return code_config(
            length=None if body.length is None else int(body.length),
            charset=body.charset,
            prefix=body.prefix,
            postfix=body.postfix,
            pattern=body.pattern,
            default_charset=default_charset,
        )
    except InvalidCodeConfig as error:
        raise refusal("invalid_code_config", str(error)) from None


def checked_code(code: str) -> str:
    """A code that somebody chose.

    Raises: ApiError 400 invalid_voucher.
    """
    if not code.strip():
        raise refusal("invalid_voucher", "Code must not be empty")
    if len(code) > CODE_MAX:
        raise refusal("invalid_voucher", f"Code must not have more than {CODE_MAX} characters")
    refused = refused_characters(code)
    if refused is not None:
        raise refusal("invalid_voucher", refused)
    return code


def _not_allowed(name: str, allowed: tuple[str, ...]) -> Exception:
    return invalid_payload(
        f"Property .{name} must be equal to one of the allowed values: {', '.join(allowed)}"
    )
