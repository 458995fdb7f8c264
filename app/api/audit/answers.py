"""What answers of the audit look like."""

from typing import Literal

from app.http.shown import Instant, Object, Shown


class AuditActor(Shown, kw_only=True):
    """id: of the key; of a command `vouchsafe`; of a rule the campaign or webhook that it stopped."""

    type: Literal["key", "management", "command", "rule"]
    id: str


class AuditEntry(Shown, kw_only=True):
    """One change of one object."""

    object: Literal["audit_entry"]
    number: int
    """1, 2, 3, ... without a gap."""
    created_at: Instant
    actor: AuditActor
    operation: str
    """The operation's id, the command, or the rule."""
    request_id: str | None
    """Null where no request did it."""
    action: Literal["created", "updated", "deleted", "revoked", "rotated"]
    related_object_type: str
    related_object_id: str
    changed: list[str]
    """Names of members."""
    before: Object | None
    """Values of members that changed; null where none are kept, or where they were erased."""
    after: Object | None
    hash: str
    """SHA-256 over the entry and the hash of the one before it, in hexadecimal."""


class AuditEntryList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[AuditEntry]
    has_more: bool
    more_starting_after: int | None
    """Null when there are no more."""
