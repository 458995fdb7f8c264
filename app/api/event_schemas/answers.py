"""What answers of schemas of custom events look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.http.shown import Instant, Shown


class CustomEventPropertyExtensions(Shown, kw_only=True):
    """counted: how often a customer did this with each value, for rules and segments."""

    counted: bool | UnsetType = UNSET


class CustomEventProperty(Shown, kw_only=True):
    """What an event's metadata of this name must be."""

    type: Literal["string", "number", "date", "datetime", "boolean"]
    optional: bool
    deleted: bool | UnsetType = UNSET
    extensions: CustomEventPropertyExtensions | UnsetType = UNSET


class CustomEventProperties(Shown, kw_only=True):
    properties: dict[str, CustomEventProperty]


class CustomEventSchema(Shown, kw_only=True):
    """name: of the events that it describes."""

    id: str
    name: str
    schema: CustomEventProperties
    created_at: Instant
    updated_at: Instant | None
    object: Literal["custom-event-schema"]


class CustomEventSchemaList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[CustomEventSchema]
    total: int
