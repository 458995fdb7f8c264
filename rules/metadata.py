"""Metadata against the definitions of a schema (contract 1.9): types, allowed values, lengths, bounds, arrays
and nested objects. Pure; where nothing is defined nothing is asked.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

TYPES: Final = ("string", "number", "object", "date", "datetime", "geopoint", "boolean", "image_url")
ELEMENTS_MAX: Final = 1_000
"""Of an array that a definition asks for."""
_SHOWN_MAX: Final = 100
"""Characters of an actual value in a refusal."""
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATETIME: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_GEOPOINT: Final = re.compile(r"geo:\s*(-?\d{1,3}(?:\.\d{1,15})?),\s*(-?\d{1,3}(?:\.\d{1,15})?)")

Check = Callable[[Any], bool]


class Definition(Struct, frozen=True):
    """What one property must be. `requirements`: the same in words, as a refusal lists them."""

    name: str
    kind: str
    is_optional: bool
    is_array: bool
    requirements: str
    checks: tuple[Check, ...]
    nested: "MetadataSchema | None" = None

    def problems(self, value: Any) -> list[str]:
        """What is wrong with a value that was given."""
        if value is None:
            return [] if self.is_optional else [f"{self.name}: is required"]
        if not self.is_array:
            return self._of_element(value, self.requirements)
        words = f"must be an array, and every element: {self.requirements}"
        if not isinstance(value, list | tuple):
            return [f"{self.name}: {words} (actual value is '{shown(value)}')"]
        if len(value) > ELEMENTS_MAX:
            return [f"{self.name}: must NOT have more than {ELEMENTS_MAX} elements"]
        for element in value:
            found = self._of_element(element, words)
            if found:
                return found
        return []

    def _of_element(self, value: Any, words: str) -> list[str]:
        for check in self.checks:
            if not check(value):
                return [f"{self.name}: {words} (actual value is '{shown(value)}')"]
        if self.nested is not None:
            return [f"{self.name}.{problem}" for problem in self.nested.problems(value)]
        return []


class MetadataSchema(Struct, frozen=True):
    """The definitions of one kind of object."""

    definitions: Mapping[str, Definition]
    allow_defined_only: bool

    def read_text(self, name: str, text: str) -> Any:
        """A cell of a file as a value of the property's type; as text where it is none, so that the check
        names it. Elements of arrays are separated by commas.
        """
        definition = self.definitions.get(name)
        if definition is None:
            return text
        if definition.is_array:
            return [_read(definition.kind, part.strip()) for part in text.split(",")]
        return _read(definition.kind, text)

    def problems(self, metadata: Mapping[str, Any], *, is_whole: bool = True) -> list[str]:
        """One sentence per property that is not as defined; none when all are. is_whole: what is not there
        is missing.
        """
        found: list[str] = []
        for name, definition in self.definitions.items():
            if name in metadata:
                found.extend(definition.problems(metadata[name]))
            elif is_whole and not definition.is_optional:
                found.append(f"{name}: is required")
        if self.allow_defined_only:
            found.extend(
                f"{name}: is not defined in the metadata schema"
                for name in metadata
                if name not in self.definitions
            )
        return found


def compile_metadata(
    definitions: Mapping[str, Mapping[str, Any]],
    *,
    allow_defined_only: bool,
    custom: Mapping[str, "MetadataSchema"] | None = None,
) -> MetadataSchema:
    """definitions: as stored, in snake_case; deleted ones count as not there. custom: schemas of nested
    objects by name; an object of an unknown kind may hold anything.
    """
    return MetadataSchema(
        definitions={
            name: _definition(name, document, custom or {})
            for name, document in definitions.items()
            if not document.get("deleted")
        },
        allow_defined_only=allow_defined_only,
    )


def _definition(
    name: str, document: Mapping[str, Any], custom: Mapping[str, MetadataSchema]
) -> Definition:
    kind = document["type"]
    words, check = _KINDS[kind]
    parts: list[tuple[str, Check]] = [(words, check)]
    parts.extend(_bounds(kind, document))
    return Definition(
        name=name,
        kind=kind,
        is_optional=bool(document.get("optional", True)),
        is_array=bool(document.get("array")),
        requirements=", ".join(text for text, _ in parts),
        checks=tuple(test for _, test in parts),
        nested=custom.get(document.get("object_type") or "") if kind == "object" else None,
    )


def _bounds(kind: str, document: Mapping[str, Any]) -> list[tuple[str, Check]]:
    """Lengths of strings, allowed values of strings and numbers, bounds of numbers."""
    parts: list[tuple[str, Check]] = []
    if kind == "string":
        parts.extend(_lengths(document))
    if kind in ("string", "number") and document.get("eq"):
        allowed = tuple(document["eq"])
        parts.append((f"must be equal to one of {_joined(allowed)}", lambda value: value in allowed))
    if kind == "number":
        if document.get("ne"):
            forbidden = tuple(document["ne"])
            words = f"must not be equal to any of {_joined(forbidden)}"
            parts.append((words, lambda value: value not in forbidden))
        for name, words, compare in _COMPARISONS:
            bound = document.get(name)
            if bound is not None:
                parts.append((f"{words} {_text(bound)}", _compared(compare, bound)))
    return parts


def _lengths(document: Mapping[str, Any]) -> list[tuple[str, Check]]:
    parts: list[tuple[str, Check]] = []
    shortest, longest = document.get("min_length"), document.get("max_length")
    exact = document.get("exact_length")
    if shortest is not None:
        parts.append((f"must have minimum length of {shortest}", lambda value: len(value) >= shortest))
    if longest is not None:
        parts.append((f"must have maximum length of {longest}", lambda value: len(value) <= longest))
    if exact is not None:
        parts.append((f"must have exact length of {exact}", lambda value: len(value) == exact))
    return parts


def _compared(compare: Callable[[Any, Any], bool], bound: Any) -> Check:
    exact_bound = exact_number(bound)
    return lambda value: compare(exact_number(value), exact_bound)


def exact_number(value: Any) -> Any:
    """A float as the decimal it was written as, so that 0.1 equals 0.1 wherever it came from."""
    return Decimal(repr(value)) if isinstance(value, float) else value


_COMPARISONS: Final = (
    ("lt", "must be less than", lambda value, bound: value < bound),
    ("lte", "must be less than or equal to", lambda value, bound: value <= bound),
    ("gt", "must be greater than", lambda value, bound: value > bound),
    ("gte", "must be greater than or equal to", lambda value, bound: value >= bound),
)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _is_date(value: Any) -> bool:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_datetime(value: Any) -> bool:
    if not isinstance(value, str) or not (_DATETIME.fullmatch(value) or _DATE.fullmatch(value)):
        return False
    try:
        datetime.fromisoformat(value.upper())
    except ValueError:
        return False
    return True


def _is_geopoint(value: Any) -> bool:
    found = _GEOPOINT.fullmatch(value) if isinstance(value, str) else None
    return found is not None and abs(Decimal(found[1])) <= 90 and abs(Decimal(found[2])) <= 180


def _is_picture(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > 4_096:
        return False
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(host)
        and parts.path.lower().endswith((".jpg", ".jpeg", ".png"))
    )


_KINDS: Final[dict[str, tuple[str, Check]]] = {
    "string": ("must be a string", lambda value: isinstance(value, str)),
    "number": ("must be a number", _is_number),
    "boolean": ("must be a boolean", lambda value: isinstance(value, bool)),
    "object": ("must be an object", lambda value: isinstance(value, Mapping)),
    "date": ("must be a date formatted as YYYY-MM-DD", _is_date),
    "datetime": ("must be a date and time in ISO 8601", _is_datetime),
    "geopoint": ("must be a geopoint formatted as geo:latitude,longitude", _is_geopoint),
    "image_url": ("must be a URL pointing to JPG/JPEG or PNG resource", _is_picture),
}


def _read(kind: str, text: str) -> Any:
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind == "number" and _NUMBER.fullmatch(text):
        number = Decimal(text)
        return int(number) if number == int(number) else number
    if kind == "object":
        try:
            return msgspec.json.decode(text, strict=True)
        except msgspec.DecodeError:
            return text
    return text


def shown(value: Any) -> str:
    """A value within a refusal."""
    text = _joined(value) if isinstance(value, list | tuple) else _text(value)
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "..."


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "[object Object]"
    return str(value)


def _joined(values: Sequence[Any]) -> str:
    return ",".join(map(_text, values[:_SHOWN_MAX]))
