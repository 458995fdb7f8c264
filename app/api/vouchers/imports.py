"""Imports and bulk updates of vouchers are started here: what was sent is read and stored, app.jobs does
the work.
"""

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import select

from app.api.call import Call
from app.api.lookup import campaign_named, project_of
from app.api.terms import category_id_of, refusal
from app.api.vouchers.csv_rows import rows_of_csv
from app.api.vouchers.schemas import BulkMetadata, SameMetadata
from app.db.models import Campaign, Category, Voucher
from app.http.errors import ApiError, invalid_payload
from app.http.multipart import form_field, form_parts
from app.identifiers import new_id
from app.jobs.actions import start_action
from app.jobs.inputs import pieces, store_inputs
from app.jobs.voucher_import import SINGLE, SINGLE_CSV, TO_CAMPAIGN, TO_CAMPAIGN_CSV, import_payload
from app.jobs.voucher_metadata import BULK, SAME, metadata_payload
from app.jobs.voucher_rows import VoucherRow
from app.redeemables.issuing import fold
from rules.currencies import exponent_of

CATEGORIES_MAX = 500
"""Different categories in one file: more is a column of something else."""

Row = dict[str, Any]


async def import_vouchers(call: Call, body: list[VoucherRow]) -> dict[str, Any]:
    """POST /v1/vouchers/import. Codes that exist are refused row by row."""
    return await _start(call, SINGLE, _rows_of(body))


async def import_vouchers_csv(call: Call) -> dict[str, Any]:
    """POST /v1/vouchers/importCSV. Codes of single vouchers that exist are updated."""
    return await _start(call, SINGLE_CSV, await _rows_of_file(call, of_campaign=False))


async def import_to_campaign(call: Call, id_or_name: str, body: list[VoucherRow]) -> dict[str, Any]:
    """POST /v1/campaigns/{campaignId}/import.

    Raises: ApiError 400 duplicate_key before anything is started when codes exist, or are sent twice.
    """
    campaign = await _campaign(call, id_or_name)
    rows = _rows_of(body)
    await _check_free(call, [str(row["code"]) for row in rows])
    return await _start(call, TO_CAMPAIGN, rows, campaign)


async def import_to_campaign_csv(call: Call, id_or_name: str) -> dict[str, Any]:
    """POST /v1/campaigns/{campaignId}/importCSV."""
    campaign = await _campaign(call, id_or_name)
    return await _start(call, TO_CAMPAIGN_CSV, await _rows_of_file(call, of_campaign=True), campaign)


async def update_metadata(call: Call, body: list[BulkMetadata]) -> dict[str, Any]:
    """POST /v1/vouchers/bulk/async: each code gets its own metadata, laid over what it has."""
    if not body:
        raise invalid_payload("Payload must NOT have fewer than 1 items")
    rows = [{"code": one.code, "metadata": one.metadata} for one in body]
    return await _enqueue(call, BULK, rows, metadata_payload(len(rows)))


async def update_same_metadata(call: Call, body: SameMetadata) -> dict[str, Any]:
    """POST /v1/vouchers/metadata/async: all codes get the same metadata, laid over what they have."""
    return await _enqueue(call, SAME, body.codes, metadata_payload(len(body.codes), body.metadata))


async def _campaign(call: Call, id_or_name: str) -> Campaign:
    async with call.read() as session:
        campaign = await campaign_named(session, call.project_id, id_or_name)
    if campaign.campaign_type == "PROMOTION":
        raise refusal("invalid_campaign", "A PROMOTION campaign has no vouchers.")
    if campaign.type == "STANDALONE":
        raise refusal("invalid_campaign", "You can not import vouchers to STANDALONE type campaign.")
    return campaign


def _rows_of(body: list[VoucherRow]) -> list[Row]:
    if not body:
        raise invalid_payload("Payload must NOT have fewer than 1 items")
    nameless = sum(1 for row in body if not row.code)
    if nameless:
        raise refusal("invalid_voucher", f"Found {nameless} voucher(s) without 'code' value")
    return [msgspec.to_builtins(row, builtin_types=(Decimal,)) for row in body]


async def _rows_of_file(call: Call, *, of_campaign: bool) -> list[Row]:
    parts = form_parts(call.headers.get("content-type", ""), call.raw_body)
    raw = form_field(parts, "file")
    async with call.read() as session:
        digits = exponent_of((await project_of(session, call.project_id)).currency)
    return await asyncio.to_thread(rows_of_csv, raw, of_campaign=of_campaign, digits=digits)


async def _check_free(call: Call, codes: list[str]) -> None:
    async with call.read() as session:
        project = await project_of(session, call.project_id)
        counts = Counter(fold(project, code) for code in codes)
        taken = sum(count - 1 for count in counts.values())
        for piece in pieces(list(counts)):
            rows = await session.scalars(
                select(Voucher.folded_code).where(
                    Voucher.project_id == call.project_id, Voucher.folded_code.in_(piece)
                )
            )
            taken += len(rows.all())
    if taken:
        raise ApiError(400, "duplicate_key", "Duplicate codes", f"{taken} voucher codes(s) already exist.")


async def _start(call: Call, kind: str, rows: list[Row], campaign: Campaign | None = None) -> dict[str, Any]:
    # Categories are made by a write of their own; an idempotency key answers for the action's.
    claim, call.claim = call.claim, None
    await _name_categories(call, rows)
    call.claim = claim
    payload = import_payload(len(rows), campaign_id=campaign.id if campaign is not None else None)
    return await _enqueue(call, kind, rows, payload)


async def _name_categories(call: Call, rows: list[Row]) -> None:
    """Categories by id, or by name: a new name makes a category, as everywhere."""
    names = {row["category"] for row in rows if row.get("category")}
    ids = {row["category_id"] for row in rows if row.get("category_id")}
    if len(names) + len(ids) > CATEGORIES_MAX:
        raise invalid_payload(f"The rows name more than {CATEGORIES_MAX} categories")
    if not names and not ids:
        return
    async with call.write() as write:
        known = set(
            await write.session.scalars(
                select(Category.id).where(
                    Category.project_id == call.project_id, Category.id.in_({*names, *ids})
                )
            )
        )
        found = {
            name: name if name in known else await category_id_of(write, None, name) for name in sorted(names)
        }
    for row in rows:
        if row.get("category_id"):
            if row["category_id"] not in known:
                row["refused"] = f"Cannot find category with id {row['category_id']}"
        elif row.get("category"):
            row["category_id"] = found[row["category"]]


async def _enqueue(call: Call, kind: str, rows: list[Any], payload: dict[str, Any]) -> dict[str, Any]:
    """The rows are stored first, so that the action, once it is seen, has all of them."""
    action_id = new_id("aa_")
    await store_inputs(call.engine.db, call.project_id, action_id, rows)
    answer = {"async_action_id": action_id}
    async with call.write() as write:
        start_action(
            write.session,
            call.project_id,
            kind,
            payload,
            call.engine.now(),
            call.request_id,
            action_id=action_id,
        )
        write.answer(answer, call.route.status)
    return answer
