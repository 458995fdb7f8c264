"""Bodies of export requests."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct


class ExportParameters(Struct, kw_only=True):
    """`order`: a field with a dash for descending. `response_format` NDJSON: one JSON object a line."""

    order: str | None = None
    fields: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=200)] | None = None
    filters: dict[str, Any] | None = None
    response_format: Literal["CSV", "NDJSON"] | None = None


class ExportCreate(Struct, kw_only=True):
    exported_object: str
    parameters: ExportParameters | None = None


class ExportOf(Struct, kw_only=True):
    """Of one kind of objects that the path names."""

    parameters: ExportParameters | None = None
