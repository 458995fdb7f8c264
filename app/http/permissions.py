"""What each role may do (contract 1.2). A permission is "<resource>.<verb>"; a role that is not in the table
may nothing.
"""

from functools import lru_cache

ADMIN = "ADMIN"
USER = "USER"
VIEWER = "VIEWER"
MERCHANT = "MERCHANT"
USER_RESTRICTED = "USER_RESTRICTED"
SUPPORT = "SUPPORT"
CLIENT = "CLIENT"

VERBS = ("read", "write", "delete", "use")

_ALL = frozenset({"*"})
ADMINISTRATION = frozenset({"keys", "projects", "users", "audit"})
"""Resources that only ADMIN may touch."""
_EVERYBODY = frozenset({"tokens.use"})
"""A token can do no more than the key it was made with, so every role may make one."""

_TABLE: dict[str, frozenset[str]] = {
    ADMIN: _ALL,
    USER: frozenset({"*.read", "*.write", "*.delete", "*.use"}),
    VIEWER: frozenset({"*.read"}),
    MERCHANT: frozenset({"*.read", "publications.write", "customers.write", "orders.write", "events.write"}),
    USER_RESTRICTED: frozenset({"*.read", "*.write", "*.use"}),
    SUPPORT: frozenset(
        {
            "vouchers.read",
            "customers.read",
            "campaigns.read",
            "redemptions.read",
            "orders.read",
            "publications.read",
            "publications.write",
            "codes.write",
        }
    ),
    CLIENT: _ALL,
}
"""CLIENT is the role of publishable keys: their scope opens the client side alone, whose operations are few
by design. MERCHANT neither validates nor redeems. USER_RESTRICTED does not delete. SUPPORT looks up, and
hands out codes of campaigns that are marked for it (`codes.write` is one new code of a campaign).
"""

ROLES = tuple(role for role in _TABLE if role != CLIENT)


@lru_cache(maxsize=4096)
def allows(role: str, permission: str) -> bool:
    """Whether a role has a permission."""
    granted = _TABLE.get(role, frozenset())
    if granted is _ALL:
        return True
    if permission in _EVERYBODY:
        return bool(granted)
    resource, _, verb = permission.partition(".")
    if resource in ADMINISTRATION:
        return False
    return permission in granted or f"*.{verb}" in granted
