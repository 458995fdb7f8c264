"""What answers of async actions look like."""

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from app.http.shown import Instant, Shown


class StartedAction(Shown, kw_only=True):
    """Work that goes on behind the answer: what it comes to is told under its id."""

    async_action_id: str


class ListedAsyncAction(Shown, kw_only=True):
    id: str
    type: Literal[
        "CAMPAIGN.VOUCHERS_DELETE",
        "CAMPAIGN.VOUCHERS_GENERATE",
        "CAMPAIGN.VOUCHERS_IMPORT",
        "CAMPAIGN.VOUCHERS_IMPORT_CSV",
        "CUSTOMERS.BULK_UPDATE",
        "CUSTOMERS.IMPORT_CSV",
        "CUSTOMERS.METADATA_UPDATE",
        "ORDERS.IMPORT",
        "PRODUCTS.BULK_UPDATE",
        "PRODUCTS.IMPORT_CSV",
        "PRODUCTS.METADATA_UPDATE",
        "PROJECT.DELETE",
        "SKUS.IMPORT_CSV",
        "VOUCHERS.BULK_UPDATE",
        "VOUCHERS.IMPORT",
        "VOUCHERS.IMPORT_CSV",
        "VOUCHERS.METADATA_UPDATE",
    ]
    status: Literal["ENQUEUED", "IN_PROGRESS", "DONE", "FAILED"]
    operation_status: Literal["SUCCESS", "FAILED"] | None
    """null until it is over."""
    created_at: Instant
    updated_at: Instant | None
    """null until it begins."""
    request_id: str | None
    progress: int
    """Per cent."""
    processing_time: int | None
    """Milliseconds; null until it is over."""
    object: Literal["async_action"]


class AsyncActionRow(Shown, kw_only=True):
    """What became of a row, named by its source_id."""

    source_id: str
    found: bool
    updated: bool


class AsyncActionFailure(Shown, kw_only=True):
    """A row that was refused, named by the code of vouchers and else by its source_id."""

    code: str | UnsetType = UNSET
    source_id: str | UnsetType = UNSET
    reason: str
    row: int | UnsetType = UNSET
    """Its number in a file."""


class AsyncActionError(Shown, kw_only=True):
    """A row that was refused. Of vouchers: code and reason alone."""

    key: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    details: str | UnsetType = UNSET
    source_id: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class AsyncActionResult(Shown, kw_only=True):
    """Work on rows tells which were refused, as far as a report goes; updates of many tell more."""

    message: str
    done_count: int
    failed_count: int | UnsetType = UNSET
    failed: list[AsyncActionFailure] | UnsetType = UNSET
    results: list[AsyncActionRow] | UnsetType = UNSET
    """Of updates of customers and products."""
    reports: list[Any] | UnsetType = UNSET
    """Of updates; none is made."""
    reports_available_till: UnsetType | None = UNSET
    errors: list[AsyncActionError] | UnsetType = UNSET
    """Of updates."""


class AsyncAction(ListedAsyncAction, kw_only=True):
    result: AsyncActionResult | None
    """null until it is over."""


class AsyncActionList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["async_actions"]
    async_actions: list[ListedAsyncAction]
    has_more: bool
