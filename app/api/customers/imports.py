"""Imports and bulk updates of customers are started here: what was sent is read and stored, app.jobs does the
work.
"""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec

from app.api.call import Call
from app.api.customers.csv_rows import rows_of_csv
from app.api.customers.schemas import BulkCustomer, SameMetadata
from app.http.errors import invalid_payload
from app.http.multipart import form_field, form_parts
from app.identifiers import new_id
from app.jobs.actions import start_action
from app.jobs.customer_import import BULK, CSV, SAME, import_payload
from app.jobs.inputs import store_inputs


async def import_csv(call: Call) -> dict[str, Any]:
    """POST /v1/customers/importCSV. Raises: ApiError 400 for a file without a readable header."""
    raw = form_field(form_parts(call.headers.get("content-type", ""), call.raw_body), "file")
    rows = await asyncio.to_thread(rows_of_csv, raw)
    return await _enqueue(call, CSV, rows, import_payload(len(rows)))


async def update_each(call: Call, body: list[BulkCustomer]) -> dict[str, Any]:
    """POST /v1/customers/bulk/async: what each row says is laid over its customer."""
    if not body:
        raise invalid_payload("Payload must NOT have fewer than 1 items")
    rows = [msgspec.to_builtins(one, builtin_types=(Decimal,)) for one in body]
    return await _enqueue(call, BULK, rows, import_payload(len(rows)))


async def update_same_metadata(call: Call, body: SameMetadata) -> dict[str, Any]:
    """POST /v1/customers/metadata/async: all get the same metadata, laid over what they have."""
    return await _enqueue(
        call, SAME, list(body.source_ids), import_payload(len(body.source_ids), body.metadata)
    )


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
        write.answer(answer, 202)
    return answer
