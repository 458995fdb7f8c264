"""What answers of OAuth look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.http.shown import Shown


class AccessToken(Shown, kw_only=True):
    """As it is answered once, at its making."""

    access_token: str
    client_id: str
    """The key that it was made with."""
    expires_at: int
    """Epoch seconds."""
    expires_in: int
    """Seconds."""
    scope: str
    """Scopes, separated by spaces."""
    token_type: Literal["Bearer"]


class TokenIntrospection(Shown, kw_only=True):
    """Of a token that opens nothing only `active` is there."""

    access_token: str | UnsetType = UNSET
    client_id: str | UnsetType = UNSET
    expires_at: int | UnsetType = UNSET
    """Epoch seconds."""
    expires_in: int | UnsetType = UNSET
    """Seconds."""
    scope: str | UnsetType = UNSET
    """Scopes, separated by spaces."""
    token_type: Literal["Bearer"] | UnsetType = UNSET
    active: bool
