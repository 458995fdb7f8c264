"""Scopes of OAuth tokens (contract 1.3): which of them open a route. A route's scopes follow from its path,
as the contract words them: "all operations whose path starts with ...".
"""

from functools import lru_cache
from typing import Final

from app.http.routing import Route, Scope

SERVER: Final = "api"
CLIENT: Final = "client_api"
SERVER_SCOPES: Final = (
    SERVER,
    "assets",
    "async-actions",
    "campaigns",
    "categories",
    "consents",
    "customers",
    "events",
    "exports",
    "locations",
    "loyalties",
    "metadata-schemas",
    "orders",
    "product-collections",
    "products",
    "promotions",
    "publications",
    "qualifications",
    "redemptions",
    "referrals",
    "rewards",
    "segments",
    "skus",
    "task-results",
    "templates",
    "trash-bin",
    "validation-rules",
    "validation-rules-assignments",
    "validations",
    "vouchers",
)
CLIENT_SCOPES: Final = (
    CLIENT,
    "client_consents",
    "client_customers",
    "client_events",
    "client_promotions",
    "client_publish",
    "client_qualifications",
    "client_redeem",
    "client_redemptions",
    "client_validate",
    "client_validations",
    "client_vouchers",
)
SCOPES: Final = frozenset(SERVER_SCOPES + CLIENT_SCOPES)

_NONE: Final[frozenset[str]] = frozenset()
_EXTENSIONS: Final = "engine"
_KEYS_ONLY: Final = frozenset({"oauth"})
"""Tokens are made and looked at with the key pair itself."""
_REVOCATION: Final = "/v1/oauth/token/revoke"
"""Whoever knows a token may end it: also who has nothing else (RFC 7009)."""


def scopes_of(route: Route) -> frozenset[str]:
    """The scopes any one of which opens the route to a token; none: key pairs alone do."""
    return _scopes_of(route.scope, route.path)


@lru_cache(maxsize=2048)
def _scopes_of(scope: Scope, path: str) -> frozenset[str]:
    if path == _REVOCATION:
        return SCOPES
    segments = path.strip("/").split("/")
    if scope is Scope.PROJECT:
        rest = segments[1:]
        if rest and rest[0] == _EXTENSIONS:
            rest = rest[1:]
        if not rest or rest[0] in _KEYS_ONLY:
            return _NONE
        return frozenset({SERVER, rest[0]}) & SCOPES
    if scope is Scope.CLIENT:
        rest = segments[2:]
        if rest and rest[0] == _EXTENSIONS:
            rest = rest[1:]
        return frozenset({CLIENT, f"client_{rest[0]}"}) & SCOPES if rest else _NONE
    return _NONE


def scope_text(scope: str) -> str:
    """What a scope opens, as a sentence."""
    if scope == SERVER:
        return "The whole server side."
    if scope == CLIENT:
        return "The whole client side."
    if scope.startswith("client_"):
        return f"Paths that start with /client/v1/{scope.removeprefix('client_')}."
    return f"Paths that start with /v1/{scope}."
