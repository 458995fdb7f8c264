"""Imports and bulk updates of vouchers are started here."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import select

from app.api.call import Call
from app.api.csv_files import Row
from app.api.lookup import campaign_named, project_of
from app.api.starting import file_of, rows_of_body, start, start_streamed
from app.api.terms import category_id_of, refusal
from app.api.vouchers.csv_rows import campaign_layout, single_layout
from app.api.vouchers.schemas import SameMetadata
from app.db.models import Campaign, Category, Voucher
from app.http.errors import ApiError, invalid_payload
from app.jobs.inputs import pieces
from app.jobs.voucher_import import SINGLE, SINGLE_CSV, TO_CAMPAIGN, TO_CAMPAIGN_CSV, import_payload
from app.jobs.voucher_metadata import BULK, SAME, metadata_payload
from app.jobs.voucher_rows import VoucherRow
from app.redeemables.issuing import fold

CATEGORIES_MAX = 500
"""Different categories in one file: more is a column of something else."""



async def import_vouchers(call: Call) -> dict[str, Any]:
    """POST /v1/vouchers/import. Codes that exist are refused row by row."""
    return await _start(call, SINGLE, _rows_of(call.body()))


async def import_vouchers_csv(call: Call) -> dict[str, Any]:
    """POST /v1/vouchers/importCSV. Codes of single vouchers that exist are updated."""
    return await _start_file(call, SINGLE_CSV)


async def import_to_campaign(call: Call) -> dict[str, Any]:
    """POST /v1/campaigns/{campaignId}/import.

    Raises: ApiError 400 duplicate_key before anything is started when codes exist, or are sent twice.
    """
    campaign = await _campaign(call)
    rows = _rows_of(call.body())
    await _check_free(call, [str(row["code"]) for row in rows])
    return await _start(call, TO_CAMPAIGN, rows, campaign)


async def import_to_campaign_csv(call: Call) -> dict[str, Any]:
    """POST /v1/campaigns/{campaignId}/importCSV."""
    campaign = await _campaign(call)
    return await _start_file(call, TO_CAMPAIGN_CSV, campaign)


async def update_each(call: Call) -> dict[str, Any]:
    """POST /v1/vouchers/bulk/async: each code gets its own metadata, laid over what it has."""
    rows = rows_of_body(call.body())
    return await start(call, BULK, rows, metadata_payload(len(rows)))


async def update_same_metadata(call: Call) -> dict[str, Any]:
    """POST /v1/vouchers/metadata/async: all codes get the same metadata, laid over what they have."""
    body: SameMetadata = call.body()
    return await start(call, SAME, body.codes, metadata_payload(len(body.codes), body.metadata))


async def _campaign(call: Call) -> Campaign:
    async with call.read() as session:
        campaign = await campaign_named(session, call.project_id, call.path["campaignId"])
    if campaign.campaign_type == "PROMOTION":
        raise refusal("invalid_campaign", "A PROMOTION campaign has no vouchers.")
    if campaign.type == "STANDALONE":
        raise refusal("invalid_campaign", "You can not import vouchers to STANDALONE type campaign.")
    return campaign


def _rows_of(body: list[VoucherRow]) -> list[Row]:
    nameless = sum(1 for row in body if not row.code)
    if nameless:
        raise refusal("invalid_voucher", f"Found {nameless} voucher(s) without 'code' value")
    return rows_of_body(body)


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
    found = await _categories(call, rows)
    campaign_id = campaign.id if campaign is not None else None
    payload = import_payload(len(rows), campaign_id=campaign_id)
    return await start(call, kind, list(_categorised(rows, found)), payload)


async def _start_file(call: Call, kind: str, campaign: Campaign | None = None) -> dict[str, Any]:
    """A file with categories is read twice: which ones it names, then its rows, piece by piece."""
    rows = await file_of(call, "voucher", single_layout if campaign is None else campaign_layout)
    has_categories = "category" in await asyncio.to_thread(rows.columns)
    found = await _categories(call, rows) if has_categories else {}
    campaign_id = campaign.id if campaign is not None else None
    return await start_streamed(
        call, kind, _categorised(rows, found), lambda count: import_payload(count, campaign_id=campaign_id)
    )


async def _categories(call: Call, rows: Iterable[Row]) -> Mapping[str, str]:
    """Ids of the categories that the rows name, by id or by name: a new name makes a category, as everywhere.

    Raises: ApiError 400 invalid_payload for too many.
    """
    names, ids = await asyncio.to_thread(_named, rows)
    if not names and not ids:
        return {}
    # Categories are made by a write of their own; an idempotency key answers for the action's.
    claim, call.claim = call.claim, None
    async with call.write() as write:
        known = set(
            await write.session.scalars(
                select(Category.id).where(
                    Category.project_id == call.project_id, Category.id.in_({*names, *ids})
                )
            )
        )
        found = {one: one for one in known}
        for name in sorted(names - known):
            found[name] = await category_id_of(write, None, name) or ""
    call.claim = claim
    return found


def _named(rows: Iterable[Row]) -> tuple[set[str], set[str]]:
    names: set[str] = set()
    ids: set[str] = set()
    for row in rows:
        if "refused" in row:
            continue
        if row.get("category_id"):
            ids.add(row["category_id"])
        elif row.get("category"):
            names.add(row["category"])
        if len(names) + len(ids) > CATEGORIES_MAX:
            raise invalid_payload(f"The rows name more than {CATEGORIES_MAX} categories")
    return names, ids


def _categorised(rows: Iterable[Row], found: Mapping[str, str]) -> Iterator[Row]:
    for row in rows:
        asked, name = row.get("category_id"), row.get("category")
        if asked and found.get(asked) != asked:
            yield {**row, "refused": f"Cannot find category with id {asked}"}
        elif name and not asked and "refused" not in row:
            yield {**row, "category_id": found[name]}
        else:
            yield row
