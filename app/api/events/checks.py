"""Whether an event's metadata is what its schema says, and which of it is counted."""

from collections.abc import Mapping
from typing import Any

from app.api.metadata_checks import metadata_refused
from rules.metadata import compile_metadata


def check_event(properties: Mapping[str, Mapping[str, Any]], metadata: Mapping[str, Any]) -> None:
    """properties: of the schema. What it does not define is taken as it is; a null counts as absent.

    Raises: ApiError 400 metadata_validation_failed with what is wrong.
    """
    found = compile_metadata(properties, allow_defined_only=False).problems(metadata)
    if found:
        raise metadata_refused(", ".join(found)[:2_000])


def counted_members(properties: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The properties whose values are counted one by one."""
    return [
        name
        for name, definition in properties.items()
        if not definition.get("deleted") and (definition.get("extensions") or {}).get("counted") is True
    ]
