"""CSV files of customers as rows of an import. What cannot be read refuses its row, never the file; a file
that has no readable header is no file of customers.

Columns that are no customer field become metadata. A cell that is empty says nothing.
"""

import csv
import io
import re
from typing import Any, Final

from app.http.errors import invalid_payload

HEADERS_MAX: Final = 200
CELL_MAX: Final = 10_000
"""Characters."""
LINES_MAX: Final = 100
"""Lines of one row: a quote that is not closed by then was never meant to be one."""
UNREADABLE: Final = re.compile("[\udc80-\udcff]")
"""What bytes that are no UTF-8 are decoded to."""

_FIELDS: Final = {
    "id": "",
    "source_id": "source_id",
    "name": "name",
    "email": "email",
    "phone": "phone",
    "description": "description",
    "birthdate": "birthdate",
    "birthday": "birthdate",
}
_ADDRESS: Final = ("line_1", "line_2", "postal_code", "city", "state", "country")
_FIELDS_OF_ADDRESS: Final = {f"address_{part}": f"address.{part}" for part in _ADDRESS}

Row = dict[str, Any]


def rows_of_csv(raw: bytes) -> list[Row]:
    """Rows as `app.jobs.customer_rows.row_of` reads them, numbered from 1; a refused one says why.

    Raises: ApiError 400 invalid_payload when the file has no header with Source_id, or no rows.
    """
    text = raw.decode("utf-8-sig", errors="surrogateescape")
    lines = io.StringIO(text, newline="").readlines()
    while lines and not lines[0].strip():
        lines.pop(0)
    delimiter = ";" if lines and ";" in lines[0] and "," not in lines[0] else ","
    at, header = _next_record(lines, 0, delimiter, None)
    if isinstance(header, str):
        raise invalid_payload(f"The header of the file cannot be read: {header}")
    columns = _columns(header or [])
    rows: list[Row] = []
    while at < len(lines):
        at, cells = _next_record(lines, at, delimiter, len(columns))
        if cells is not None:
            rows.append(_row(len(rows) + 1, cells, columns))
    if not rows:
        raise invalid_payload("The file has no rows")
    return rows


def _next_record(
    lines: list[str], at: int, delimiter: str, width: int | None
) -> tuple[int, list[str] | str | None]:
    """(the line behind it, its cells or why they cannot be read); None for a line without any.

    What follows a row that cannot be read is read as if that row were not there; so it is when a row over
    several lines has not `width` cells: then a quote in it was never meant to be one.
    """
    piece = (lines[number] for number in range(at, min(at + LINES_MAX, len(lines))))
    reader = csv.reader(piece, delimiter=delimiter, strict=True)
    try:
        cells = next(reader, [])
    except csv.Error as error:
        return at + 1, f"Line {at + 1} of the file is no CSV: {error}"
    if not any(cell.strip() for cell in cells):
        return at + max(1, reader.line_num), None
    if width is not None and reader.line_num > 1 and len(cells) != width:
        return at + 1, f"Line {at + 1} of the file is no CSV: a quote is not closed"
    return at + max(1, reader.line_num), cells


def _columns(header: list[str]) -> list[str]:
    """What each column is: a field, `address.` and a part, or `metadata.` and a name; empty: nothing."""
    if len(header) > HEADERS_MAX:
        raise invalid_payload(f"The file has more than {HEADERS_MAX} columns")
    columns = []
    for name in (cell.strip() for cell in header):
        if UNREADABLE.search(name):
            raise invalid_payload("The header of the file is not encoded in UTF-8")
        known = "_".join(name.lower().replace("_", " ").split())
        column = _FIELDS.get(known, _FIELDS_OF_ADDRESS.get(known))
        columns.append(column if column is not None else f"metadata.{name}" if name else "")
    twice = {column for column in columns if column and columns.count(column) > 1}
    if twice:
        raise invalid_payload(f"The file has two columns for {min(twice)}")
    if "source_id" not in columns:
        raise invalid_payload("The file has no column Source_id")
    return columns


def _row(number: int, cells: list[str] | str, columns: list[str]) -> Row:
    if isinstance(cells, str):
        return {"row": number, "source_id": "", "refused": cells}
    row: Row = {"row": number}
    reason = None
    if len(cells) != len(columns):
        reason = f"The row has {len(cells)} cells, the header has {len(columns)}"
    for column, cell in zip(columns, cells, strict=False):
        value = cell.strip()
        if not column or not value:
            continue
        if UNREADABLE.search(value):
            reason = reason or f"The cell of {column} is not encoded in UTF-8"
        elif "\0" in value:
            reason = reason or f"The cell of {column} contains the character U+0000"
        elif len(value) > CELL_MAX:
            reason = reason or f"The cell of {column} must NOT have more than {CELL_MAX} characters"
        else:
            parent, _, member = column.partition(".")
            if member:
                row.setdefault(parent, {})[member] = value
            else:
                row[column] = value
    if reason is not None:
        return {"row": number, "source_id": row.get("source_id", ""), "refused": reason}
    return row
