"""Bodies of webhooks. What Voucherify does not have is in `extensions`, and in operations of this engine."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

EventName = Annotated[str, Meta(min_length=1, max_length=100)]
Events = Annotated[list[EventName], Meta(min_length=1, max_length=200)]
Secret = Annotated[str, Meta(pattern=r"\A[\x21-\x7e]{16,128}\Z")]
Instant = Annotated[datetime, Meta(tz=True)]


class WebhookExtensions(Struct, kw_only=True, forbid_unknown_fields=True):
    """secret: one of your own, for instance that of the system you come from; only when it is created.
    headers: sent with every request; an update replaces all of them.
    """

    secret: Secret | None = None
    headers: dict[str, str] | UnsetType = UNSET


class WebhookBody(Struct, kw_only=True):
    """events: kinds of the contract, in either of its spellings."""

    target_url: Annotated[str, Meta(min_length=1, max_length=2048)]
    events: Events
    active: bool | None = None
    """When it is absent: true for a new one, as it was for another."""
    extensions: WebhookExtensions | None = None


class SecretRotate(Struct, kw_only=True):
    """grace_hours: for which the secret before signs too."""

    secret: Secret | None = None
    grace_hours: Annotated[int, Meta(ge=0, le=720)] = 24


class Replay(Struct, kw_only=True):
    """Events from `since` on, before `until`, of those kinds that the webhook asks for, or of `events`."""

    since: Instant
    until: Instant | None = None
    events: Events | None = None


class Example(Struct, kw_only=True):
    event: EventName = "redemption.succeeded"
