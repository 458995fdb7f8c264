"""Bodies of validation rule requests. In an update a null takes a part away."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class RuleCreate(Struct, kw_only=True):
    name: str
    rules: dict[str, Any] | None = None
    bundle_rules: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    applicable_to: dict[str, Any] | None = None
    type: str | None = None
    context_type: str | None = None
    extensions: dict[str, Any] | None = None


class RuleUpdate(Struct, kw_only=True):
    name: str | None = None
    rules: dict[str, Any] | UnsetType | None = UNSET
    bundle_rules: dict[str, Any] | UnsetType | None = UNSET
    error: dict[str, Any] | UnsetType | None = UNSET
    applicable_to: dict[str, Any] | UnsetType | None = UNSET
    type: str | None = None
    context_type: str | None = None
    extensions: dict[str, Any] | UnsetType | None = UNSET


class AssignmentCreate(Struct, kw_only=True):
    related_object_id: str
    related_object_type: str | None = None
