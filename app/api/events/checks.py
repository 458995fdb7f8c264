"""Whether an event's metadata is what its schema says."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from app.http.errors import ApiError


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == len("2026-01-31") and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_instant(value: Any) -> bool:
    try:
        return isinstance(value, str) and "T" in value and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


TYPES: Final[dict[str, tuple[str, Callable[[Any], bool]]]] = {
    "string": ("must be a string", lambda value: isinstance(value, str)),
    "number": ("must be a number", _is_number),
    "boolean": ("must be a boolean", lambda value: isinstance(value, bool)),
    "date": ("must be a date", _is_date),
    "datetime": ("must be a datetime", _is_instant),
}
"""By type: the sentence of the refusal, and the test."""


def check_metadata(properties: Mapping[str, Mapping[str, Any]], metadata: Mapping[str, Any]) -> None:
    """properties: of the schema. What it does not define is taken as it is; a null counts as absent.

    Raises: ApiError 400 metadata_validation_failed with every property that is wrong.
    """
    wrong = []
    for name, definition in properties.items():
        if definition.get("deleted"):
            continue
        value = metadata.get(name)
        if value is None:
            if not definition.get("optional"):
                wrong.append(f"{name}: is required")
            continue
        sentence, test = TYPES[definition["type"]]
        if not test(value):
            wrong.append(f"{name}: {sentence} (actual value is '{value}')"[:500])
    if wrong:
        raise ApiError(400, "metadata_validation_failed", "Metadata validation failed", "; ".join(wrong))


def counted_members(properties: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The properties whose values are counted one by one."""
    return [
        name
        for name, definition in properties.items()
        if not definition.get("deleted") and (definition.get("extensions") or {}).get("counted") is True
    ]
