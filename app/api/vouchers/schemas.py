"""Bodies of voucher requests. In an update a null takes a value away; properties that cannot change are not
listed.
"""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api.campaigns.schemas import CodeConfigBody, GiftBody, RedemptionBody
from app.api.terms import Windows
from app.http.documented import DiscountDocument, TermsDocument


class VoucherCreate(Windows, kw_only=True):
    code: str | None = None
    code_config: CodeConfigBody | None = None
    campaign: str | None = None
    campaign_id: str | None = None
    category: str | None = None
    category_id: str | None = None
    type: str | None = None
    discount: DiscountDocument | None = None
    gift: GiftBody | None = None
    loyalty_card: dict[str, Any] | None = None
    redemption: RedemptionBody | None = None
    active: bool | None = None
    additional_info: str | None = None
    metadata: dict[str, Any] | None = None
    validation_rules: list[str] | None = None
    extensions: TermsDocument | None = None


class VoucherUpdate(Windows, kw_only=True):
    category: str | UnsetType | None = UNSET
    category_id: str | UnsetType | None = UNSET
    active: bool | None = None
    additional_info: str | UnsetType | None = UNSET
    metadata: dict[str, Any] | None = None
    type: str | None = None
    discount: DiscountDocument | None = None
    gift: GiftBody | None = None
    redemption: RedemptionBody | None = None
    extensions: TermsDocument | None = None


class BulkMetadata(Struct, kw_only=True):
    """One row of a bulk update."""

    code: Annotated[str, Meta(min_length=1, max_length=512)]
    metadata: dict[str, Any]


class SameMetadata(Struct, kw_only=True):
    codes: Annotated[list[Annotated[str, Meta(min_length=1, max_length=512)]], Meta(min_length=1)]
    metadata: dict[str, Any]


class FileForm(Struct, kw_only=True):
    """multipart/form-data. `file`: CSV with a header."""

    file: str
    webhooks_enable: bool | None = None
