"""One product or SKU of an import or a bulk update: how its row looks. Every row is refused alone, with a
reason.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from app.redeemables.order_request import Text
from app.redeemables.product_changes import ProductUpdate, SkuUpdate

NO_SOURCE: Final = "Source_id is required"
NO_NAME: Final = "Name is required"
NO_PRODUCT: Final = "Product_id is required"

Row = TypeVar("Row")


class RowRefused(Exception):
    """This row is not taken. The message is the `reason` in the action's result."""


class ProductRow(ProductUpdate, kw_only=True):
    source_id: Text | None = None


class SkuRow(SkuUpdate, kw_only=True):
    product_id: Text | None = None
    """Id or source_id."""
    source_id: Text | None = None


def product_row(document: Any, shared: Mapping[str, Any] | None) -> ProductRow:
    """shared: metadata for a row that is a source_id alone.

    Raises: RowRefused.
    """
    if isinstance(document, str):
        document = {"source_id": document, "metadata": shared or {}}
    return _converted(document, ProductRow)


def sku_row(document: Any) -> SkuRow:
    """Raises: RowRefused; what it must name it names."""
    row = _converted(document, SkuRow)
    if not row.source_id:
        raise RowRefused(NO_SOURCE)
    if not row.product_id:
        raise RowRefused(NO_PRODUCT)
    return row


def _converted(document: Mapping[str, Any], shape: type[Row]) -> Row:
    if "refused" in document:
        raise RowRefused(str(document["refused"]))
    try:
        return msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        raise RowRefused(str(error)) from None


def named(document: Any) -> str:
    """By what a refused row is told."""
    return document if isinstance(document, str) else str(document.get("source_id") or "")
