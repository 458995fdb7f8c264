"""The signatures of a callout, by which its receiver knows who sent it."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32


def signature(key: str, body: bytes) -> str:
    """HMAC-SHA256 of the body as it is sent, in lower-case hexadecimal (header `x-voucherify-signature`)."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def new_secret() -> str:
    """whsec_ and 32 random bytes in base64, as Standard Webhooks writes a symmetric secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes that Standard Webhooks signs with; a secret of another shape is its own text."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()


def standard_signature(keys: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one `v1,<base64>` per secret, with a space between."""
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return " ".join(
        "v1," + base64.b64encode(hmac.new(key_of(key), content, hashlib.sha256).digest()).decode()
        for key in keys
    )
