"""CSV files as rows of an import, read piece by piece. What cannot be read refuses its row, never the file; a
file without a readable header is refused whole.

UTF-8 with or without a mark, comma or semicolon, any ends of lines. A cell that is empty says nothing.
Columns that are no field of the object become metadata, of the types that the project's schema defines.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from msgspec import Struct

from app.http.errors import invalid_payload
from rules.metadata import MetadataSchema

HEADERS_MAX: Final = 200
CELL_MAX: Final = 10_000
"""Characters."""
LINE_MAX: Final = 100_000
"""Characters of a line that is read the quick way; csv itself refuses cells of more than 131 072."""
ALIKE_MAX: Final = 200
"""Rows that are remembered for those like them."""
LINES_MAX: Final = 50
"""Lines of one row: a quote that is not closed by then was never meant to be one."""
NUMBER_MAX: Final = 10**13
_UNREADABLE: Final = re.compile("[\udc80-\udcff]")
"""What bytes that are no UTF-8 are decoded to."""
_END_OF_LINE: Final = re.compile("[\r\n]")

Row = dict[str, Any]


class CellRefused(Exception):
    """A cell cannot be read; the message is the row's reason."""


class Layout(Struct, frozen=True):
    """fields: column by header in lower case with underscores, dots lead into documents. required: columns
    that the header must have. key: the column that names a refused row. finish: turns texts into values,
    raising CellRefused.
    """

    fields: Mapping[str, str]
    required: tuple[str, ...]
    key: str
    finish: Callable[[Row], None] | None = None
    is_key_apart: bool = False
    """What the other columns become depends neither on the key nor on metadata: of rows that differ in those
    alone they are read once.
    """


def rows_of_csv(raw: bytes, layout: Layout, schema: MetadataSchema | None = None) -> Iterator[Row]:
    """Rows with their numbers (`row`, from 1), refused ones with the reason (`refused`).

    Raises: ApiError 400 invalid_payload before the first row when the header cannot be read or lacks a
    required column, or there are no rows.
    """
    records, columns = _opened(raw, layout)
    reader = _RowReader(columns, layout, schema)
    number = 0
    for number, cells in enumerate(records, 1):
        yield reader.read(number, cells)
    if number == 0:
        raise invalid_payload("The file has no rows")


def columns_of_csv(raw: bytes, layout: Layout) -> list[str]:
    """What each column of the file is: a field, or `metadata.` and a name; empty: nothing.

    Raises: ApiError 400 invalid_payload when the header cannot be read or lacks a required column.
    """
    return _opened(raw, layout)[1]


class _Records(Iterator[list[str] | str]):
    """Cells, or why they cannot be read; empty lines are none. What follows a line that cannot be read is
    read as if that line were not there; so it is when a row over several lines has not `width` cells: then a
    quote in it was never meant to be one.
    """

    def __init__(self, text: str, delimiter: str) -> None:
        self.width: int | None = None
        self._stream = io.StringIO(text, newline="")
        self._delimiter = delimiter
        self._pending: deque[str] = deque()
        self._used: list[str] = []
        self._line = 0

    def __next__(self) -> list[str] | str:
        while True:
            line = self._pending.popleft() if self._pending else self._stream.readline()
            if '"' not in line and 0 < len(line) < LINE_MAX:
                # Without a quote there is nothing that csv knows better than split does, many times faster.
                self._line += 1
                cells = line.rstrip("\r\n").split(self._delimiter)
                if "".join(cells).strip():
                    return cells
                continue
            self._pending.appendleft(line)
            self._used = []
            reader = csv.reader(self._lines(), delimiter=self._delimiter, strict=True)
            try:
                read = next(reader, None)
            except csv.Error as error:
                return self._refused(str(error))
            if read is None:
                raise StopIteration
            if self.width is not None and len(self._used) > 1 and len(read) != self.width:
                return self._refused("a quote is not closed")
            self._line += len(self._used)
            if any(cell.strip() for cell in read):
                return read

    def _lines(self) -> Iterator[str]:
        while len(self._used) < LINES_MAX:
            line = self._pending.popleft() if self._pending else self._stream.readline()
            if not line:
                return
            self._used.append(line)
            yield line

    def _refused(self, why: str) -> str:
        self._line += 1
        self._pending.extendleft(reversed(self._used[1:]))
        return f"Line {self._line} of the file is no CSV: {why}"


def _opened(raw: bytes, layout: Layout) -> tuple[_Records, list[str]]:
    text = raw.decode("utf-8-sig", errors="surrogateescape")
    first = _END_OF_LINE.split(text.lstrip(), maxsplit=1)[0]
    records = _Records(text, ";" if ";" in first and "," not in first else ",")
    header = next(records, [])
    if isinstance(header, str):
        raise invalid_payload(f"The header of the file cannot be read: {header}")
    columns = _columns(header, layout)
    records.width = len(columns)
    return records, columns


def _columns(header: list[str], layout: Layout) -> list[str]:
    """What each column is: a field, or `metadata.` and a name; empty: nothing."""
    if len(header) > HEADERS_MAX:
        raise invalid_payload(f"The file has more than {HEADERS_MAX} columns")
    columns = []
    for name in (cell.strip() for cell in header):
        if _UNREADABLE.search(name) or "\0" in name:
            raise invalid_payload("The header of the file is not encoded in UTF-8")
        known = "_".join(name.lower().replace("_", " ").split())
        columns.append(layout.fields.get(known, f"metadata.{name}" if name else ""))
    twice = {column for column in columns if column and columns.count(column) > 1}
    if twice:
        raise invalid_payload(f"The file has two columns for {min(twice)}")
    for required in layout.required:
        if required not in columns:
            raise invalid_payload(f"The file has no column {required}")
    return columns


class _RowReader:
    """Cells become rows. Rows that are alike share their documents: nobody may change them."""

    def __init__(self, columns: list[str], layout: Layout, schema: MetadataSchema | None) -> None:
        self._columns, self._layout, self._schema = columns, layout, schema
        self._key_at = columns.index(layout.key) if layout.is_key_apart else None
        self._own = [
            at for at, column in enumerate(columns) if column == layout.key or column.startswith("metadata.")
        ]
        self._others = [at for at in range(len(columns)) if at not in self._own]
        self._alike: dict[tuple[str, ...], Row] = {}

    def read(self, number: int, cells: list[str] | str) -> Row:
        """cells: or why there are none."""
        if isinstance(cells, str):
            return {"row": number, self._layout.key: "", "refused": cells}
        at = self._key_at
        if at is None or len(cells) != len(self._columns):
            return self._read(number, cells)
        others, key = tuple([cells[at] for at in self._others]), cells[at].strip()
        known = self._alike.get(others)
        if known is not None and _is_plain(key):
            return self._like(known, {"row": number, self._layout.key: key}, cells)
        row = self._read(number, cells)
        if known is None and "refused" not in row and len(self._alike) < ALIKE_MAX:
            own = ("row", self._layout.key, "metadata")
            self._alike[others] = {name: value for name, value in row.items() if name not in own}
        return row

    def _like(self, known: Row, row: Row, cells: list[str]) -> Row:
        try:
            for at in self._own:
                column, value = self._columns[at], cells[at].strip()
                if column in row or not value:
                    continue
                _put(row, column, value, self._schema)
        except CellRefused as refused:
            return {**row, "refused": str(refused)}
        return row | known

    def _read(self, number: int, cells: list[str]) -> Row:
        row: Row = {"row": number}
        layout, columns = self._layout, self._columns
        try:
            for column, cell in zip(columns, cells, strict=False):
                value = cell.strip()
                if column and value:
                    _put(row, column, value, self._schema)
            if len(cells) != len(columns):
                raise CellRefused(f"The row has {len(cells)} cells, the header has {len(columns)}")
            if layout.finish is not None:
                layout.finish(row)
        except CellRefused as refused:
            return {"row": number, layout.key: row.get(layout.key) or "", "refused": str(refused)}
        return row


def _is_plain(value: str) -> bool:
    """Nothing in it that `_put` would look at."""
    return 0 < len(value) <= CELL_MAX and value.isascii() and "\0" not in value


def _put(row: Row, column: str, value: str, schema: MetadataSchema | None) -> None:
    if _UNREADABLE.search(value):
        raise CellRefused(f"The cell of {column} is not encoded in UTF-8")
    if "\0" in value:
        raise CellRefused(f"The cell of {column} contains the character U+0000")
    if len(value) > CELL_MAX:
        raise CellRefused(f"The cell of {column} must NOT have more than {CELL_MAX} characters")
    parent, _, member = column.partition(".")
    if parent == "metadata":
        row.setdefault("metadata", {})[member] = value if schema is None else schema.read_text(member, value)
    elif member:
        row.setdefault(parent, {})[member] = value
    else:
        row[column] = value


def number_of(text: str, name: str) -> Decimal:
    """What the cell under this header says, not below zero.

    Raises: CellRefused.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise CellRefused(f"{name} must be a number (actual value is '{text[:100]}')")
    if not 0 <= number <= NUMBER_MAX:
        raise CellRefused(f"{name} must be between 0 and {NUMBER_MAX}")
    return number


def whole_of(text: str, name: str) -> int:
    """Raises: CellRefused."""
    number = number_of(text, name)
    if number != int(number):
        raise CellRefused(f"{name} must be a whole number (actual value is '{text[:100]}')")
    return int(number)


def minor_units(text: str, name: str, digits: int) -> int:
    """An amount in major units, as files have them, in minor units of a currency with so many digits.

    Raises: CellRefused.
    """
    minor = number_of(text, name).scaleb(digits)
    if minor != int(minor):
        raise CellRefused(f"{name} must be an amount of at most {digits} decimals")
    return int(minor)
