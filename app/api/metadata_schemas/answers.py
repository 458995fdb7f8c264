"""What answers of metadata schemas look like: definitions are in camelCase to a project's key, in snake_case
under management.
"""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.http.shown import Instant, Shown


class _Definition(Shown, kw_only=True):
    type: Literal["string", "number", "object", "date", "datetime", "geopoint", "boolean", "image_url"]
    array: bool
    optional: bool
    deleted: bool | UnsetType = UNSET
    eq: list[str | float] | UnsetType = UNSET
    """The values that are allowed."""
    ne: list[float] | UnsetType = UNSET
    lt: float | UnsetType = UNSET
    lte: float | UnsetType = UNSET
    gt: float | UnsetType = UNSET
    gte: float | UnsetType = UNSET


class MetadataProperty(_Definition, kw_only=True, rename="camel"):
    """What the metadata of this name must be."""

    object_type: str | None
    """The schema of a nested object."""
    min_length: int | UnsetType = UNSET
    max_length: int | UnsetType = UNSET
    exact_length: int | UnsetType = UNSET


class ManagedMetadataProperty(_Definition, kw_only=True):
    """What the metadata of this name must be."""

    object_type: str | None
    """The schema of a nested object."""
    min_length: int | UnsetType = UNSET
    max_length: int | UnsetType = UNSET
    exact_length: int | UnsetType = UNSET


class _Schema(Shown, kw_only=True):
    id: str
    related_object: str
    """A kind of object that has metadata, or a name of one's own for nested objects."""
    allow_defined_only: bool
    created_at: Instant
    updated_at: Instant | None
    object: Literal["metadata_schema"]


class MetadataSchema(_Schema, kw_only=True):
    properties: dict[str, MetadataProperty]


class MetadataSchemaList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["schemas"]
    schemas: list[MetadataSchema]
    total: int


class ManagedMetadataSchema(_Schema, kw_only=True):
    properties: dict[str, ManagedMetadataProperty]


class ManagedMetadataSchemaList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[ManagedMetadataSchema]
    total: int
