"""Bodies of metadata schemas. A null means absent."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

DEFINITIONS_MAX = 100
VALUES_MAX = 1_000
LENGTH_MAX = 1_000_000

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Length = Annotated[int, Meta(ge=0, le=LENGTH_MAX)]
Number = int | Decimal


class MetadataDefinition(Struct, kw_only=True):
    """One property of metadata. Lengths belong to strings, bounds to numbers, allowed values to both."""

    type: Literal["string", "number", "object", "date", "datetime", "geopoint", "boolean", "image_url"]
    optional: bool
    array: bool
    deleted: bool | None = None
    object_type: Name | None = None
    min_length: Length | None = None
    max_length: Length | None = None
    exact_length: Length | None = None
    eq: Annotated[list[Any], Meta(max_length=VALUES_MAX)] | None = None
    ne: Annotated[list[Any], Meta(max_length=VALUES_MAX)] | None = None
    lt: Number | None = None
    lte: Number | None = None
    gt: Number | None = None
    gte: Number | None = None


Definitions = Annotated[dict[Name, MetadataDefinition], Meta(max_length=DEFINITIONS_MAX)]


class MetadataSchemaCreate(Struct, kw_only=True):
    """related_object: a kind of object that has metadata, or a name of one's own for nested objects."""

    related_object: Name
    properties: Definitions
    allow_defined_only: bool | None = None


class MetadataSchemaUpdate(Struct, kw_only=True):
    """Definitions that are sent replace those of their names; the others stay."""

    properties: Definitions
    allow_defined_only: bool | None = None
