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

_ALL = frozenset({"*"})
_ADMINISTRATION = frozenset({"keys", "projects", "users", "audit"})
"""Resources that only ADMIN may touch."""

_TABLE: dict[str, frozenset[str]] = {
    ADMIN: _ALL,
    USER: frozenset({"*.read", "*.write", "*.delete", "*.use"}),
    VIEWER: frozenset({"*.read"}),
    MERCHANT: frozenset({"*.read", "publications.write", "customers.write", "orders.write", "events.write"}),
    USER_RESTRICTED: frozenset({"*.read", "*.write", "*.use"}),
    SUPPORT: frozenset(
        {"vouchers.read", "customers.read", "campaigns.read", "redemptions.read", "publications.write"}
    ),
    CLIENT: _ALL,
}
"""CLIENT is the role of publishable keys: their scope opens the client side alone, whose operations are few
by design. MERCHANT neither validates nor redeems. USER_RESTRICTED does not delete.
"""

ROLES = tuple(role for role in _TABLE if role != CLIENT)


@lru_cache(maxsize=4096)
def allows(role: str, permission: str) -> bool:
    """Whether a role has a permission."""
    granted = _TABLE.get(role, frozenset())
    if granted is _ALL:
        return True
    resource, _, verb = permission.partition(".")
    if resource in _ADMINISTRATION:
        return False
    return permission in granted or f"*.{verb}" in granted
