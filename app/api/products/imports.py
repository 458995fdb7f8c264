"""Imports and bulk updates of products are started here: what was sent is read and stored, app.jobs does the
work.
"""

from decimal import Decimal
from typing import Any

import msgspec

from app.api.call import Call
from app.api.csv_files import rows_of_csv
from app.api.lookup import project_of
from app.api.products.csv_rows import products_layout, skus_layout
from app.api.products.schemas import BulkProduct, SameProductMetadata
from app.api.starting import start, start_streamed
from app.http.errors import invalid_payload
from app.http.multipart import form_field, form_parts
from app.jobs.product_import import BULK, CSV, SAME, SKUS_CSV, import_payload
from app.redeemables.metadata_schemas import load_metadata_schemas
from rules.currencies import exponent_of


async def import_products(call: Call) -> dict[str, Any]:
    """POST /v1/products/importCSV. Raises: ApiError 400 for a file without a readable header."""
    return await _import(call, CSV)


async def import_skus(call: Call) -> dict[str, Any]:
    """POST /v1/skus/importCSV. Raises: ApiError 400 for a file without a readable header."""
    return await _import(call, SKUS_CSV)


async def _import(call: Call, kind: str) -> dict[str, Any]:
    raw = form_field(form_parts(call.headers.get("content-type", ""), call.raw_body), "file")
    async with call.read() as session:
        digits = exponent_of((await project_of(session, call.project_id)).currency)
        schemas = await load_metadata_schemas(session, call.project_id)
    layout = skus_layout(digits) if kind == SKUS_CSV else products_layout(digits)
    schema = schemas.schemas.get("product") if schemas is not None else None
    return await start_streamed(call, kind, rows_of_csv(raw, layout, schema), import_payload, status=200)


async def update_each(call: Call, body: list[BulkProduct]) -> dict[str, Any]:
    """POST /v1/products/bulk/async: what each row says is laid over its product."""
    if not body:
        raise invalid_payload("Payload must NOT have fewer than 1 items")
    rows = [msgspec.to_builtins(one, builtin_types=(Decimal,)) for one in body]
    return await start(call, BULK, rows, import_payload(len(rows)), status=202)


async def update_same_metadata(call: Call, body: SameProductMetadata) -> dict[str, Any]:
    """POST /v1/products/metadata/async: all get the same metadata, laid over what they have."""
    payload = import_payload(len(body.source_ids), body.metadata)
    return await start(call, SAME, list(body.source_ids), payload, status=202)
