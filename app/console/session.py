"""Who is signed in: a cookie with the key's id and a token that the server knows the digest of alone.

The token is an OAuth token of the key: it ends by its own time, with a sign-out and with the key. Every write
carries a value that only somebody who knows the token can make, and comes from a page of this server.
"""

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request
from msgspec import Struct

COOKIE: Final = "vouchsafe_console"
PATH: Final = "/console"
SESSION_SECONDS: Final = 8 * 3600
"""A shift."""
SCOPE: Final = "campaigns customers publications redemptions vouchers"
"""What pages ask for; a stolen cookie opens no more than that."""
VALUE_MAX: Final = 600

AnyRequest = Request[Any, Any, Any]


class Visitor(Struct, frozen=True):
    """Somebody at a browser. token is empty before the sign-in. client: address and port of the peer."""

    key_id: str
    token: str
    client: tuple[str, int]
    forwarded: str
    """X-Forwarded-For as it came: whether to believe it is decided where requests are admitted."""

    @property
    def csrf(self) -> str:
        """What forms of this session carry."""
        return hashlib.blake2b(b"console form", key=self.token.encode()[:64], digest_size=20).hexdigest()


def visitor_of(request: AnyRequest, key_id: str = "", token: str = "") -> Visitor:
    peer = request.scope.get("client")
    return Visitor(
        key_id=key_id,
        token=token,
        client=(peer[0], peer[1]) if peer else ("", 0),
        forwarded=request.headers.get("x-forwarded-for", ""),
    )


def signed_in(request: AnyRequest) -> Visitor | None:
    """The visitor whom the cookie names; None without one."""
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    if found is None or len(found.value) > VALUE_MAX:
        return None
    key_id, _, token = found.value.partition(".")
    return visitor_of(request, key_id, token) if key_id and token else None


def cookie_for(request: AnyRequest, visitor: Visitor | None, seconds: int, public_url: str) -> str:
    """Set-Cookie that begins a session, or ends it (None). Not sent in clear where the server is reached by
    TLS.
    """
    value = f"{visitor.key_id}.{visitor.token}" if visitor is not None else ""
    secure = request.url.scheme == "https" or public_url.startswith("https://")
    parts = [f"{COOKIE}={value}", f"Path={PATH}", f"Max-Age={seconds}", "HttpOnly", "SameSite=Strict"]
    return "; ".join([*parts, "Secure"] if secure else parts)


def is_own_page(request: AnyRequest) -> bool:
    """Whether a write comes from a page of this server, as browsers tell it: by Sec-Fetch-Site where the
    connection is safe, else by Origin. A program that sends neither is no browser, and has no cookie that it
    was not given.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def proves(visitor: Visitor, sent: str) -> bool:
    """Whether a form carries this session's value."""
    return hmac.compare_digest(visitor.csrf.encode(), sent.encode())
