"""Free documents of the wire (metadata, attributes, address), texts and instants: laid over each other,
kept exactly.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any


def check_texts(values: Mapping[str, str | None], length_max: int = 10_000) -> None:
    """Raises: ValueError for a text that is too long."""
    for name, value in values.items():
        if value is not None and len(value) > length_max:
            raise ValueError(f"{name} must NOT have more than {length_max} characters")


def overlaid(stored: Mapping[str, Any], sent: Mapping[str, Any] | None) -> dict[str, Any]:
    """Key by key: what was sent wins, a null that was sent is kept as null (behaviour 10, 60)."""
    return {**stored, **sent} if sent else dict(stored)


def exact(value: Any) -> Any:
    """The same document with every float as the Decimal it was written as: rules never see a float (D21)."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {key: exact(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    return value


def instant_text(instant: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, as every instant on the wire."""
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.isoformat(timespec="milliseconds")[:-6] + "Z"  # for +00:00


@lru_cache(maxsize=512)
def instant_text_us(microseconds: int) -> str:
    """The same from epoch microseconds."""
    return instant_text(datetime.fromtimestamp(microseconds / 1_000_000, UTC))
