"""What answers of exports look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.http.shown import Instant, Object, Shown


class EffectiveExportParameters(Shown, kw_only=True):
    """As asked for, with what was left out filled in."""

    order: str
    fields: list[str]
    filters: Object
    response_format: Literal["NDJSON"] | UnsetType = UNSET
    """Not there: CSV."""


class ExportResult(Shown, kw_only=True):
    """url: opens the file without a key."""

    url: str


class Export(Shown, kw_only=True):
    """A file that was asked for."""

    id: str
    object: Literal["export"]
    created_at: Instant
    status: Literal["SCHEDULED", "IN_PROGRESS", "DONE", "ERROR"]
    channel: Literal["API"]
    exported_object: Literal[
        "voucher", "redemption", "publication", "customer", "order", "voucher_transactions"
    ]
    parameters: EffectiveExportParameters
    result: ExportResult | None
    """null until it is done."""
    user_id: None


class ExportList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["exports"]
    exports: list[Export]
    total: int
