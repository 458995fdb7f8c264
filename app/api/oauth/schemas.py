"""Bodies of /v1/oauth, sent as forms."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl

from msgspec import Meta, Struct

from app.http.errors import ApiError, invalid_payload

FORM = "application/x-www-form-urlencoded"
FIELDS_MAX = 16
LIFETIME_SECONDS = 900
"""Of a token for which nothing else is asked (contract 1.3)."""
LIFETIME_SECONDS_MAX = 12 * 3600


class TokenRequest(Struct):
    """Scopes are separated by spaces."""

    grant_type: str
    scope: str
    expires_in: Annotated[int, Meta(ge=60, le=LIFETIME_SECONDS_MAX)] = LIFETIME_SECONDS
    """Seconds. An extension: for who works with one token for a shift."""


class TokenReference(Struct):
    """RFC 7662 and 7009 call it `token`, which is taken too."""

    access_token: str


class Token(Struct):
    """As it is answered once, at its making."""

    access_token: str
    client_id: str
    expires_at: int
    """Epoch seconds."""
    expires_in: int
    """Seconds."""
    scope: str
    token_type: str = "Bearer"  # noqa: S105  the type's name


def form_of(raw: bytes) -> dict[str, Any]:
    """The fields of a form; of a field that comes twice, the last.

    Raises: ApiError 400 missing_parameters for what is no form.
    """
    try:
        return dict(parse_qsl(raw.decode("ascii"), max_num_fields=FIELDS_MAX, errors="strict"))
    except (ValueError, UnicodeDecodeError):
        raise missing_parameters() from None


def lifetime_of(form: Mapping[str, Any]) -> int:
    """Seconds that a token is asked for. Raises: ApiError 400 invalid_payload for what is out of bounds."""
    text = form.get("expires_in")
    if text is None:
        return LIFETIME_SECONDS
    if text.isascii() and text.isdecimal() and 60 <= int(text[:9]) <= LIFETIME_SECONDS_MAX:
        return int(text)
    raise invalid_payload(f"Property .expires_in must be between 60 and {LIFETIME_SECONDS_MAX} seconds")


def missing_parameters() -> ApiError:
    return ApiError(400, "missing_parameters", "Missing parameters")
