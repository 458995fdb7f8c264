"""Browsers on the client side: preflight and the headers that let a page read the answer (contract 6).

A preflight carries no key, so it tells only what the path can do. Whether an origin is trusted is decided by
the request itself.
"""

from collections.abc import Iterable, Mapping

Headers = list[tuple[bytes, bytes]]

_ALLOWED_HEADERS = (
    b"Content-Type, X-Client-Application-Id, X-Client-Token, X-Voucherify-API-Version, X-Voucherify-Channel, "
    b"Authorization, Idempotency-Key"
)
_EXPOSED_HEADERS = (
    b"X-Request-Id, X-Rate-Limit-Limit, X-Rate-Limit-Remaining, X-Rate-Limit-Retry, X-Rate-Limit-Type, "
    b"Retry-After, RateLimit-Policy, RateLimit, Idempotent-Replayed"
)
PREFLIGHT_SECONDS = b"600"


def _origin(headers: Mapping[str, str]) -> bytes | None:
    origin = headers.get("origin", "")
    return origin.encode("latin-1") if origin and len(origin) <= 255 and origin.isprintable() else None


def preflight(methods: Iterable[str], headers: Mapping[str, str], client_side: bool) -> Headers:
    """The answer to OPTIONS: for a browser's preflight of the client side also what the browser may send."""
    known = set(methods)
    if "GET" in known:
        known.add("HEAD")
    allowed = ", ".join(sorted(known | {"OPTIONS"})).encode()
    answered: Headers = [(b"allow", allowed)]
    origin = _origin(headers)
    if client_side and origin is not None and "access-control-request-method" in headers:
        answered += [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", allowed),
            (b"access-control-allow-headers", _ALLOWED_HEADERS),
            (b"access-control-max-age", PREFLIGHT_SECONDS),
            (b"vary", b"Origin"),
        ]
    return answered


def answer(headers: Mapping[str, str]) -> Headers:
    """Of an answer of the client side. No credentials are ever allowed: keys travel in headers, not in
    cookies.
    """
    origin = _origin(headers)
    if origin is None:
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _EXPOSED_HEADERS),
        (b"vary", b"Origin"),
    ]
