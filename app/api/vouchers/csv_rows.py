"""CSV files of vouchers as rows of an import. A cell that cannot be read refuses its row, never the file.

Amounts are major units with the currency's digits, as in exported files; columns that are no voucher field
become metadata.
"""

import csv
import io
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from app.http.errors import invalid_payload

HEADERS_MAX = 200
NUMBER_MAX = 10**13

Row = dict[str, Any]
Put = Callable[[Row, str], None]


class _CellRefused(Exception):
    """The cell cannot be read; the message is the row's reason."""


def rows_of_csv(raw: bytes, *, of_campaign: bool, digits: int) -> list[Row]:
    """Rows as `app.jobs.voucher_rows.row_of` reads them, numbered from 1; a refused one says why.

    digits: of minor units of the project's currency. of_campaign: the file's columns are those of a
    campaign's codes, which have their terms from the campaign.

    Raises: ApiError 400 invalid_payload when the file has no header `Code`, or is no text in UTF-8.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise invalid_payload("The file is not encoded in UTF-8") from None
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        headers = next(reader, [])
        columns = _columns(headers, _CAMPAIGN if of_campaign else _SINGLE)
        rows = [
            _row(number, cells, columns, digits)
            for number, cells in enumerate((cells for cells in reader if any(cells)), 1)
        ]
    except csv.Error as error:
        raise invalid_payload(f"Line {reader.line_num} of the file is no CSV: {error}") from None
    if not rows:
        raise invalid_payload("The file has no rows")
    return rows


def _columns(headers: list[str], known: Mapping[str, Put]) -> list[Put]:
    if len(headers) > HEADERS_MAX:
        raise invalid_payload(f"The file has more than {HEADERS_MAX} columns")
    names = [" ".join(header.strip().lower().replace("_", " ").split()) for header in headers]
    if "code" not in names:
        raise invalid_payload("The file has no column Code")
    return [known.get(name) or _metadata(header.strip()) for name, header in zip(names, headers, strict=True)]


def _row(number: int, cells: list[str], columns: list[Put], digits: int) -> Row:
    row: Row = {"row": number}
    try:
        if len(cells) > len(columns):
            raise _CellRefused(f"The row has {len(cells)} cells, the header has {len(columns)}")
        for put, cell in zip(columns, cells, strict=False):
            if cell.strip():
                put(row, cell.strip())
        _settle_value(row, digits)
    except _CellRefused as refused:
        return {"row": number, "code": row.get("code", ""), "refused": str(refused)}
    return row


def _settle_value(row: Row, digits: int) -> None:
    """`Value` means what the types of voucher and discount say; sums of money become minor units."""
    for parent, name, header in _MONEY:
        if name in row.get(parent, {}):
            row[parent][name] = _minor(row[parent][name], header, digits)
    value, kind = row.pop("value", None), row.pop("discount_type", None)
    voucher_type = row.get("type")
    if voucher_type == "GIFT_VOUCHER":
        if value is not None:
            row["gift"] = {**row.get("gift", {}), "amount": _minor(value, "Value", digits)}
    elif kind is not None:
        members = {"AMOUNT": "amount_off", "PERCENT": "percent_off", "FIXED": "fixed_amount"}
        if kind not in members:
            raise _CellRefused(f"Discount Type must be one of {', '.join(members)}")
        if value is None:
            raise _CellRefused("Value is required")
        if kind != "PERCENT":
            value = _minor(value, "Value", digits)
        row["discount"] = {"type": kind, members[kind]: value, "effect": "APPLY_TO_ORDER"}
    elif value is not None:
        raise _CellRefused("Discount Type is required" if voucher_type else "Voucher Type is required")


def _metadata(name: str) -> Put:
    def put(row: Row, cell: str) -> None:
        row.setdefault("metadata", {})[name] = cell

    return put if name else _ignored


def _ignored(row: Row, cell: str) -> None:
    """A column without a name."""


def _text(name: str, *, upper: bool = False) -> Put:
    def put(row: Row, cell: str) -> None:
        row[name] = cell.upper() if upper else cell

    return put


def _active(row: Row, cell: str) -> None:
    if cell.lower() not in ("true", "false"):
        raise _CellRefused(f"Active must be true or false (actual value is '{cell}')")
    row["active"] = cell.lower() == "true"


def _number(cell: str, header: str) -> int | Decimal:
    try:
        number = Decimal(cell)
        whole = int(number)
    except (InvalidOperation, ValueError, OverflowError):
        raise _CellRefused(f"{header} must be a number (actual value is '{cell}')") from None
    if abs(number) > NUMBER_MAX:
        raise _CellRefused(f"{header} must be between 0 and {NUMBER_MAX}")
    return whole if number == whole else number


def _minor(number: int | Decimal, header: str, digits: int) -> int:
    minor = Decimal(number).scaleb(digits)
    if minor != int(minor) or minor < 0:
        raise _CellRefused(f"{header} must be an amount of at most {digits} decimals")
    return int(minor)


def _value(row: Row, cell: str) -> None:
    row["value"] = _number(cell, "Value")


def _inside(parent: str, name: str, header: str, *, money: bool = False) -> Put:
    def put(row: Row, cell: str) -> None:
        number = _number(cell, header)
        if not money and (not isinstance(number, int) or number < 0):
            raise _CellRefused(f"{header} must be a whole number (actual value is '{cell}')")
        row.setdefault(parent, {})[name] = number

    return put


_MONEY = (("gift", "amount", "Gift Amount"), ("redemption", "redeemed_amount", "Redeemed Amount"))
_SHARED: dict[str, Put] = {
    "code": _text("code"),
    "category": _text("category"),
    "active": _active,
    "redeemed quantity": _inside("redemption", "redeemed_quantity", "Redeemed Quantity"),
    "redeemed amount": _inside("redemption", "redeemed_amount", "Redeemed Amount", money=True),
}
_CAMPAIGN: dict[str, Put] = _SHARED | {
    "loyalty points": _inside("loyalty_card", "points", "Loyalty Points"),
    "gift amount": _inside("gift", "amount", "Gift Amount", money=True),
}
_SINGLE: dict[str, Put] = _SHARED | {
    "voucher type": _text("type", upper=True),
    "value": _value,
    "discount type": _text("discount_type", upper=True),
    "start date": _text("start_date"),
    "expiration date": _text("expiration_date"),
    "redemption limit": _inside("redemption", "quantity", "Redemption Limit"),
    "additional info": _text("additional_info"),
}
