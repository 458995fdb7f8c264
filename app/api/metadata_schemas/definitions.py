"""What a definition may say, and how it looks on the wire: in camelCase to a project's key, in snake_case
under management.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from app.api.metadata_schemas.schemas import MetadataDefinition
from app.http.errors import invalid_payload

_CAMEL: Final = {
    "object_type": "objectType",
    "min_length": "minLength",
    "max_length": "maxLength",
    "exact_length": "exactLength",
}
_OF_TYPE: Final = {
    "min_length": ("string",),
    "max_length": ("string",),
    "exact_length": ("string",),
    "eq": ("string", "number"),
    "ne": ("number",),
    "lt": ("number",),
    "lte": ("number",),
    "gt": ("number",),
    "gte": ("number",),
    "object_type": ("object",),
}
ANYTHING: Final = "unknown"
"""The kind of a nested object that nothing is defined for."""


def checked(
    properties: Mapping[str, MetadataDefinition], *, custom: Collection[str], nested: bool
) -> dict[str, dict[str, Any]]:
    """Definitions as they are stored. custom: names of the project's schemas for nested objects. nested: the
    schema is one of them itself, so what it nests is not described any further.

    Raises: ApiError 400 invalid_payload.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, sent in properties.items():
        where = f".properties.{name}"
        document: dict[str, Any] = {
            key: value
            for key, value in msgspec.to_builtins(sent, builtin_types=(Decimal,)).items()
            if value is not None
        }
        for key, types in _OF_TYPE.items():
            if key in document and sent.type not in types:
                raise invalid_payload(f"Property {where}.{key} is not allowed for type {sent.type}")
        _check_values(where, sent)
        shortest, longest = sent.min_length, sent.max_length
        if shortest is not None and longest is not None and shortest > longest:
            raise invalid_payload(f"Property {where}.min_length must be <= max_length")
        kind = sent.object_type
        if kind is not None and kind != ANYTHING:
            if nested:
                raise invalid_payload(f"Property {where}.object_type: a nested object cannot nest another")
            if kind not in custom:
                raise invalid_payload(f"Property {where}.object_type: there is no metadata schema {kind}")
        found[name] = document
    return found


def _check_values(where: str, sent: MetadataDefinition) -> None:
    for key, values in (("eq", sent.eq), ("ne", sent.ne)):
        for number, value in enumerate(values or ()):
            is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
            if sent.type == "number" and not is_number:
                raise invalid_payload(f"Property {where}.{key}.{number} must be number")
            if sent.type == "string" and not isinstance(value, str):
                raise invalid_payload(f"Property {where}.{key}.{number} must be string")


def definition_wire(document: Mapping[str, Any], *, camel: bool) -> dict[str, Any]:
    """One definition, with the members that every definition shows."""
    wire: dict[str, Any] = {
        "type": document["type"],
        "array": bool(document.get("array")),
        "optional": bool(document.get("optional")),
        "object_type": document.get("object_type"),
    }
    if document.get("deleted"):
        wire["deleted"] = True
    for name in _OF_TYPE:
        if name != "object_type" and document.get(name) is not None:
            wire[name] = document[name]
    return {_CAMEL.get(name, name): value for name, value in wire.items()} if camel else wire
