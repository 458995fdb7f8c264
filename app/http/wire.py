"""How values look on the wire: instants as ISO 8601 in UTC with milliseconds, lists in the contract's
envelope.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any


def iso(instant: datetime | None) -> str | None:
    """2022-09-12T07:29:28.211Z (behaviour, contract facts)."""
    if instant is None:
        return None
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


def iso_us(microseconds: int | None) -> str | None:
    """The same from epoch microseconds."""
    if microseconds is None:
        return None
    return iso(datetime.fromtimestamp(microseconds / 1_000_000, UTC))


def listing(data_ref: str, rows: Sequence[Any], total: int, **more: Any) -> dict[str, Any]:
    """The offset envelope of behaviour 1.6."""
    return {"object": "list", "data_ref": data_ref, data_ref: rows, "total": total, **more}
