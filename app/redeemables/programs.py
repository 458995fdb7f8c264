"""Catalogue objects compiled for the hot path, as kept in the process. Each carries the versions it was
compiled from (D4).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from app.redeemables.metadata_schemas import MetadataSchemas
from rules.compile import CompiledDiscount, CompiledRule, CompiledWindow
from rules.facts import CategoryFacts, StackingRules


class ProjectProgram(Struct, frozen=True, kw_only=True):
    """A project's settings as decisions need them. `version` is the guard "s"."""

    id: str
    version: int
    secret: bytes
    zone: ZoneInfo
    currency: str | None
    case_sensitive_codes: bool
    is_sandbox: bool
    settings: Mapping[str, Any]
    stacking: StackingRules
    stacking_wire: Mapping[str, Any]
    """The stacking rules object as answered (behaviour 4.4)."""
    categories: Mapping[str, CategoryFacts]
    metadata_schemas: MetadataSchemas | None = None
    """None: nothing is defined, so nothing is checked."""

    def fold(self, code: str) -> str:
        """The code as it is looked up."""
        return code if self.case_sensitive_codes else code.upper()


class TierProgram(Struct, frozen=True, kw_only=True):
    id: str
    campaign_id: str
    name: str | None
    banner: str | None
    discount: CompiledDiscount | None
    rules: tuple[CompiledRule, ...]
    windows: tuple[CompiledWindow, ...]
    category_ids: tuple[str, ...]
    metadata: Mapping[str, Any]
    extensions: Mapping[str, Any]
    """Its campaign's with its own laid over them, key by key."""
    hierarchy: int
    body: Mapping[str, Any]


class CampaignProgram(Struct, frozen=True, kw_only=True):
    """A campaign with its tiers. `guards`: every name and version that went into it, its own first."""

    id: str
    name: str
    campaign_type: str
    guards: Mapping[str, int]
    deleted: bool
    discount: CompiledDiscount | None
    rules: tuple[CompiledRule, ...]
    start_date: datetime | None
    expiration_date: datetime | None
    validity: Mapping[str, Any]
    voucher_windows: tuple[CompiledWindow, ...]
    """For its vouchers without dates of their own: the campaign's dates, refused in the voucher's words."""
    switch: CompiledWindow
    """On or off, without dates: for vouchers that have dates of their own."""
    category_ids: tuple[str, ...]
    metadata: Mapping[str, Any]
    extensions: Mapping[str, Any]
    gift_effect: str
    public: bool
    """Its code is one for everybody (STANDALONE)."""
    tiers: Mapping[str, TierProgram]
    stacks: Mapping[str, tuple[str, ...]] = {}
    """Promotion stacks: the ids of their tiers, in the order in which they apply."""


class VoucherProgram(Struct, frozen=True, kw_only=True):
    """What a voucher's own record compiles to; cached by (id, version of the record, version of its
    campaign).
    """

    discount: CompiledDiscount | None
    rules: tuple[CompiledRule, ...]
    windows: tuple[CompiledWindow, ...]
    guards: Mapping[str, int]
    extensions: Mapping[str, Any]
    """Its campaign's with its own laid over them, key by key."""
