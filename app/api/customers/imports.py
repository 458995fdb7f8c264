"""Imports and bulk updates of customers are started here."""

from typing import Any

from app.api.call import Call
from app.api.customers.csv_rows import CUSTOMERS
from app.api.customers.schemas import SameMetadata
from app.api.starting import file_of, rows_of_body, start, start_streamed
from app.jobs.customer_import import BULK, CSV, SAME, import_payload


async def import_csv(call: Call) -> dict[str, Any]:
    """POST /v1/customers/importCSV. Raises: ApiError 400 for a file without a readable header."""
    rows = await file_of(call, "customer", lambda _: CUSTOMERS)
    return await start_streamed(call, CSV, iter(rows), import_payload)


async def update_each(call: Call) -> dict[str, Any]:
    """POST /v1/customers/bulk/async: what each row says is laid over its customer."""
    rows = rows_of_body(call.body())
    return await start(call, BULK, rows, import_payload(len(rows)))


async def update_same_metadata(call: Call) -> dict[str, Any]:
    """POST /v1/customers/metadata/async: all get the same metadata, laid over what they have."""
    body: SameMetadata = call.body()
    return await start(
        call, SAME, list(body.source_ids), import_payload(len(body.source_ids), body.metadata)
    )
