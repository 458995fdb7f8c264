"""The file: a ZIP with a member of JSON lines per table, a row each, and a manifest with digests.

Kinds of columns: text, number, truth as JSON has them; bytes in base64; instants in ISO 8601; documents as
texts of JSON, whose numbers keep every digit.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import JSON, BigInteger, Boolean, Column, LargeBinary, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from app.db.base import UtcDateTime
from app.db.database import decode_json, encode_json

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
SUFFIX: Final = ".vouchsafe-backup.zip"


class BackupError(Exception):
    """Why there is no backup, or none that can be used, as a sentence."""


class TableEntry(Struct, frozen=True):
    """One table. columns: name to kind."""

    name: str
    columns: dict[str, str]
    rows: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True):
    """Written last: a file without it was never finished. schema: the revision that the rows fit."""

    format: int
    version: str
    schema: str
    created_at: str
    tables: list[TableEntry]


def member_of(table: str) -> str:
    return f"tables/{table}.ndjson"


def kind_of(column: Column[Any]) -> str:
    """Raises: TypeError for a type that nobody has taught this module."""
    kind = column.type
    if isinstance(kind, UtcDateTime):
        return "instant"
    for types, name in (
        (JSON, "document"),
        (LargeBinary, "bytes"),
        (Boolean, "truth"),
        (BigInteger, "number"),
        (String, "text"),
    ):
        if isinstance(kind, types):
            return name
    raise TypeError(f"{column.table.name}.{column.name}: no form for {kind!r}")


READ_TYPES: Final[dict[str, TypeEngine[Any]]] = {
    "instant": UtcDateTime(),
    "document": Text(),
    "bytes": LargeBinary(),
    "truth": Boolean(),
    "number": BigInteger(),
    "text": String(),
}
WRITE_TYPES: Final[dict[str, TypeEngine[Any]]] = READ_TYPES | {
    "document": JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
}


def _document(text: str) -> Any:
    value = decode_json(text)
    return JSON.NULL if value is None else value


ENCODE: Final[dict[str, Callable[[Any], Any]]] = {
    "bytes": lambda value: b64encode(value).decode(),
    "document": lambda value: encode_json(decode_json(value)),  # Each kind of database spaces it its own way.
    "instant": datetime.isoformat,
    "truth": bool,
}
DECODE: Final[dict[str, Callable[[Any], Any]]] = {
    "bytes": b64decode,
    "instant": datetime.fromisoformat,
    "document": _document,
}
"""None stays None."""
