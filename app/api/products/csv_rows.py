"""Files of products and of SKUs as rows of an import. Prices are major units with the currency's digits, as
in exported files.
"""

from functools import partial
from typing import Any

import msgspec

from app.api.csv_files import CellRefused, Layout, Row, minor_units


def products_layout(digits: int) -> Layout:
    """digits: of minor units of the project's currency."""
    return Layout(
        fields={
            "name": "name",
            "source_id": "source_id",
            "price": "price",
            "attributes": "attributes",
            "image_url": "image_url",
            "extensions.cost": "extensions.cost",
        },
        required=("name",),
        key="source_id",
        finish=partial(_finish_product, digits),
    )


def skus_layout(digits: int) -> Layout:
    return Layout(
        fields={
            "product_id": "product_id",
            "sku": "sku",
            "source_id": "source_id",
            "price": "price",
            "currency": "currency",
            "attributes": "attributes",
            "image_url": "image_url",
            "extensions.cost": "extensions.cost",
        },
        required=("source_id", "product_id"),
        key="source_id",
        finish=partial(_finish_sku, digits),
    )


def _finish_product(digits: int, row: Row) -> None:
    _amounts(digits, row)
    if "attributes" in row:
        row["attributes"] = [name.strip() for name in row["attributes"].split(",") if name.strip()]


def _finish_sku(digits: int, row: Row) -> None:
    _amounts(digits, row)
    if "attributes" in row:
        row["attributes"] = _document(row["attributes"])


def _amounts(digits: int, row: Row) -> None:
    if "price" in row:
        row["price"] = minor_units(row["price"], "price", digits)
    if "extensions" in row:
        row["extensions"] = {"cost": minor_units(row["extensions"]["cost"], "extensions.cost", digits)}


def _document(text: str) -> dict[str, Any]:
    """JSON, also in the single quotes of the contract's example: {'color':'blue'}.

    Raises: CellRefused.
    """
    for tried in (text, text.replace("'", '"')):
        try:
            return msgspec.json.decode(tried, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            continue
    raise CellRefused(f"attributes must be an object of JSON (actual value is '{text[:100]}')")
