"""What answers of wallets look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.api.vouchers.answers import GiftCard
from app.http.documented import DiscountDocument
from app.http.shown import Amount, Instant, Shown


class WalletMissing(Shown, kw_only=True):
    """Why a code does not apply."""

    key: str
    message: str
    name: str | UnsetType = UNSET
    """Of the rule that looks at the cart, where the cart is short of a number."""
    more: int | UnsetType = UNSET
    """By how much it is short; amounts are minor units."""


class WalletCode(Shown, kw_only=True):
    """uses_left: null: any number. balance: of a gift card."""

    id: str
    code: str
    type: Literal["DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"]
    discount: DiscountDocument | None
    gift: GiftCard | None
    campaign: str | None
    campaign_id: str | None
    start_date: Instant | None
    expiration_date: Instant | None
    uses_left: int | None
    balance: Amount | None
    applicable: bool
    discount_amount: Amount
    missing: WalletMissing | None
    """Null where the code applies."""


class Wallet(Shown, kw_only=True):
    """The newest codes that the customer holds."""

    object: Literal["wallet"]
    data_ref: Literal["data"]
    data: list[WalletCode]
    has_more: bool
