"""The Idempotency-Key header: quoted or bare, at most 255 characters (D1). Without it nothing is kept."""

import hashlib
from collections.abc import Mapping

from msgspec import Struct

from app.http.errors import ApiError

KEY_LENGTH_MAX = 255
REPLAYED = {"Idempotent-Replayed": "true"}


class RequestIdentity(Struct, frozen=True):
    """scope_hash: whose key, on which operation. fingerprint: of query and body; hexadecimal SHA-256."""

    scope_hash: str
    fingerprint: str


def request_identity(
    headers: Mapping[str, str], key_id: str, method: str, path: str, query: bytes, body: bytes
) -> RequestIdentity | None:
    """The identity that the caller gave the request; None without the header. headers: lower-case names.

    Raises: ApiError 400 for a key that is empty, too long or not printable ASCII.
    """
    value = headers.get("idempotency-key")
    if value is None:
        return None
    key = value.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key or len(key) > KEY_LENGTH_MAX or not (key.isascii() and key.isprintable()):
        raise ApiError(
            400,
            "invalid_idempotency_key",
            "Invalid idempotency key",
            f"Header Idempotency-Key must have 1 to {KEY_LENGTH_MAX} printable ASCII characters",
        )
    scope = hashlib.sha256(f"{key_id}\n{method}\n{path}\n{key}".encode()).hexdigest()[:32]
    fingerprint = hashlib.sha256(query + b"\n" + body).hexdigest()
    return RequestIdentity(scope_hash=scope, fingerprint=fingerprint)
