"""What answers of webhooks look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.http.shown import Instant, Shown


class WebhookDisabled(Shown, kw_only=True):
    """Why a webhook is not active. reason: an update made it so, its server said 410 Gone, an event could not
    be told however often it was tried, or more waited than may.
    """

    reason: Literal["paused", "gone", "retries_exhausted", "backlog"]
    at: Instant
    undelivered_since: Instant | None
    """When the first thing happened that it was not told; null: it was told all."""


class WebhookState(Shown, kw_only=True):
    """What there is to say; what is not so is not there."""

    backlog: int | UnsetType = UNSET
    """How many events it has still to be told."""
    headers: list[str] | UnsetType = UNSET
    """Names alone of what is sent with every request."""
    failing_since: Instant | UnsetType = UNSET
    disabled: WebhookDisabled | UnsetType = UNSET
    previous_secret_until: Instant | UnsetType = UNSET
    """How long the secret before signs too."""


class CreatedWebhookState(Shown, kw_only=True):
    headers: list[str] | UnsetType = UNSET
    """Names alone of what is sent with every request."""
    secret: str


class _WebhookMembers(Shown, kw_only=True):
    id: str
    object: Literal["webhook"]
    target_url: str
    events: list[str]
    """Kinds as they were sent, in either spelling."""
    active: bool
    created_at: Instant


class Webhook(_WebhookMembers, kw_only=True):
    """extensions: not there when there is nothing to say."""

    updated_at: Instant | UnsetType = UNSET
    extensions: WebhookState | UnsetType = UNSET


class CreatedWebhook(_WebhookMembers, kw_only=True):
    """With its secret."""

    extensions: CreatedWebhookState


class WebhookList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[Webhook]
    total: int


class WebhookSecret(Shown, kw_only=True):
    object: Literal["webhook_secret"]
    webhook_id: str
    secret: str
    previous_secret_until: Instant | None
    """How long the secret before signs too."""


class WebhookAttempt(Shown, kw_only=True):
    """One request to a webhook."""

    id: str
    object: Literal["webhook_attempt"]
    sendout_id: str
    """The same at every attempt to tell this webhook of this event."""
    event_id: str
    event_type: str
    attempt: int
    """1 for the first."""
    at: Instant
    milliseconds: int
    status: int | None
    """Of the answer; null: there was none, and `error` says why."""
    error: str | None


class WebhookAttemptList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[WebhookAttempt]
    has_more: bool
    more_starting_after: str | UnsetType = UNSET
    """There when there are more."""


class WebhookReplay(Shown, kw_only=True):
    """count: of events that are told again."""

    object: Literal["webhook_replay"]
    webhook_id: str
    count: int
