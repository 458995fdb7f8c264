"""Bodies of the operations on schemas of custom events."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from rules.happenings import EVENT_NAME_MAX

PROPERTIES_MAX = 100
COUNTED_MAX = 10
"""Each one counts four times: since ever, by day, week and month."""
Name = Annotated[str, Meta(min_length=1, max_length=EVENT_NAME_MAX)]


class PropertyExtensions(Struct, kw_only=True, omit_defaults=True):
    """counted: how often a customer did this with each value, for rules and segments."""

    counted: bool = False


class EventProperty(Struct, kw_only=True, omit_defaults=True):
    type: Literal["string", "number", "date", "datetime", "boolean"]
    optional: bool
    deleted: bool = False
    extensions: PropertyExtensions | None = None


class EventProperties(Struct, kw_only=True):
    properties: Annotated[dict[Name, EventProperty], Meta(max_length=PROPERTIES_MAX)]


class EventSchemaCreate(Struct, kw_only=True):
    name: Name
    schema: EventProperties


class EventSchemaUpdate(Struct, kw_only=True):
    """Properties that are not named stay."""

    schema: EventProperties
