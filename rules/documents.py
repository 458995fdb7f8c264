"""Reading documents of unknown shape: one of several words, an object, a bounded array."""

from collections.abc import Iterable, Mapping
from typing import Any

from rules.programs import RuleError


def one_of(value: Any, allowed: Iterable[str], key: str, where: str) -> str:
    """The value, if it is one of the allowed words; else RuleError."""
    if isinstance(value, str) and value in allowed:
        return value
    words = ", ".join(allowed)
    raise RuleError(key, f"Property {where} must be equal to one of the allowed values: {words}")


def object_of(value: Any, key: str, where: str) -> Mapping[str, Any]:
    """The value, if it is an object."""
    if isinstance(value, Mapping):
        return value
    raise RuleError(key, f"Property {where} must be object")


def array_of(value: Any, key: str, where: str, *, most: int) -> list[Any]:
    """The value as a list; None is empty."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise RuleError(key, f"Property {where} must be array")
    if len(value) > most:
        raise RuleError(key, f"Property {where} must NOT have more than {most} items")
    return list(value)


def flag_of(document: Mapping[str, Any], field: str, key: str, where: str, *, default: bool) -> bool:
    """An optional boolean."""
    value = document.get(field)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise RuleError(key, f"Property {where}.{field} must be boolean")
    return value
