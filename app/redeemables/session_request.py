"""The `session` of a request, checked: key, time to live and its units (behaviour 4.8)."""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Any, Final

from msgspec import Struct

from app.identifiers import new_id
from app.redeemables.checks import Refused
from app.redeemables.request import SessionRequest

MILLISECONDS_OF: Final[Mapping[str, Fraction]] = {
    "DAYS": Fraction(86_400_000),
    "HOURS": Fraction(3_600_000),
    "MINUTES": Fraction(60_000),
    "SECONDS": Fraction(1_000),
    "MILLISECONDS": Fraction(1),
    "MICROSECONDS": Fraction(1, 1_000),
    "NANOSECONDS": Fraction(1, 1_000_000),
}
TTL_DEFAULT: Final = (7, "DAYS")
TTL_MAX_MS: Final = 30 * 86_400_000
CLIENT_TTL: Final = (1, "HOURS")
"""The longest that a key for shops' pages may lock for, and what it gets without asking (D8)."""
VOUCHERS_MAX: Final = 100
"""Under one key: a session is read whole with every request that names it."""


class Session(Struct, frozen=True):
    """A lock that was asked for, checked. `ttl` and `ttl_unit` are echoed; ttl_ms is what they mean."""

    key: str
    ttl: int | float
    ttl_unit: str
    ttl_ms: int

    def wire(self) -> dict[str, Any]:
        return {"key": self.key, "type": "LOCK", "ttl": self.ttl, "ttl_unit": self.ttl_unit}


def _invalid(details: str) -> Refused:
    return Refused(400, "invalid_payload", "Invalid payload", details)


def session_of(sent: SessionRequest | None, *, client_side: bool = False) -> Session | None:
    """The lock that a validation asks for; a key is made for one without.

    Raises: Refused invalid_payload.
    """
    if sent is None:
        return None
    check_session(sent)
    ttl: int | float
    ttl, unit = CLIENT_TTL if client_side else TTL_DEFAULT
    if sent.ttl is not None:
        ttl, unit = sent.ttl, sent.ttl_unit or "DAYS"
    milliseconds = ceil(Fraction(ttl) * MILLISECONDS_OF[unit])
    longest = int(CLIENT_TTL[0] * MILLISECONDS_OF[CLIENT_TTL[1]]) if client_side else TTL_MAX_MS
    if milliseconds > longest:
        if not client_side:
            raise _invalid("Property .session.ttl must be at most 30 days")
        (ttl, unit), milliseconds = CLIENT_TTL, longest
    whole = int(ttl) if ttl == int(ttl) else ttl
    return Session(key=sent.key or new_id("ssn_"), ttl=whole, ttl_unit=unit, ttl_ms=milliseconds)


def check_session(sent: SessionRequest) -> None:
    """Raises: Refused invalid_payload."""
    if sent.type not in (None, "LOCK"):
        raise _invalid("Property .session.type must be equal to one of the allowed values")
    if sent.ttl_unit is not None and sent.ttl_unit not in MILLISECONDS_OF:
        raise _invalid("Property .session.ttl_unit must be equal to one of the allowed values")
    if sent.key == "":
        raise _invalid("Property .session.key must NOT have fewer than 1 characters")
