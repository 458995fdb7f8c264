"""What answers of keys look like."""

from typing import Literal

from app.http.shown import Instant, Shown


class ApiKey(Shown, kw_only=True):
    """A key pair, without its token."""

    object: Literal["api_key"]
    id: str
    kind: Literal["server", "client"]
    role: Literal["ADMIN", "USER", "VIEWER", "MERCHANT", "USER_RESTRICTED", "SUPPORT", "CLIENT"]
    """CLIENT: of every client-side key, and of no other."""
    name: str
    allowed_addresses: list[str]
    """Addresses and CIDR networks; empty: any."""
    created_at: Instant
    updated_at: Instant | None
    expires_at: Instant | None
    previous_token_until: Instant | None
    """How long the token before the last rotation opens, or opened."""
    revoked_at: Instant | None
    last_used_at: Instant | None
    """To the minute."""


class ApiKeyWithToken(ApiKey, kw_only=True):
    token: str
    """Shown this once."""


class ApiKeyList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[ApiKey]
    total: int
