"""Imports and bulk updates of products are started here."""

from typing import Any

from app.api.call import Call
from app.api.products.csv_rows import products_layout, skus_layout
from app.api.products.schemas import SameProductMetadata
from app.api.starting import file_of, rows_of_body, start, start_streamed
from app.jobs.product_import import BULK, CSV, SAME, SKUS_CSV, import_payload


async def import_products(call: Call) -> dict[str, Any]:
    """POST /v1/products/importCSV. Raises: ApiError 400 for a file without a readable header."""
    return await start_streamed(
        call, CSV, iter(await file_of(call, "product", products_layout)), import_payload
    )


async def import_skus(call: Call) -> dict[str, Any]:
    """POST /v1/skus/importCSV. Raises: ApiError 400 for a file without a readable header."""
    return await start_streamed(
        call, SKUS_CSV, iter(await file_of(call, "product", skus_layout)), import_payload
    )


async def update_each(call: Call) -> dict[str, Any]:
    """POST /v1/products/bulk/async: what each row says is laid over its product."""
    rows = rows_of_body(call.body())
    return await start(call, BULK, rows, import_payload(len(rows)))


async def update_same_metadata(call: Call) -> dict[str, Any]:
    """POST /v1/products/metadata/async: all get the same metadata, laid over what they have."""
    body: SameProductMetadata = call.body()
    payload = import_payload(len(body.source_ids), body.metadata)
    return await start(call, SAME, list(body.source_ids), payload)
