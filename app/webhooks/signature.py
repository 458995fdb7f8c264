"""The signature of a callout, by which its receiver knows who sent it."""

import hashlib
import hmac


def signature(key: str, body: bytes) -> str:
    """HMAC-SHA256 of the body as it is sent, in lower-case hexadecimal (header `x-voucherify-signature`)."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
