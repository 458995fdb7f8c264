"""Bodies of /v1/oauth, sent as forms."""

from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct

from app.http.errors import ApiError

FORM = "application/x-www-form-urlencoded"
FIELDS_MAX = 16


class TokenRequest(Struct):
    """Scopes are separated by spaces."""

    grant_type: str
    scope: str


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


def missing_parameters() -> ApiError:
    return ApiError(400, "missing_parameters", "Missing parameters")
