"""Operations that are served, and that nobody should begin with: headers Deprecation (RFC 9745), Sunset
(RFC 8594) and Link, made once per route.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from msgspec import Struct

OLDER: Final = datetime(2026, 11, 22, tzinfo=UTC)
"""Operations on one voucher or tier: deprecated in the contract since before this engine; the day on which
the engine began to say so.
"""
LOYALTIES: Final = datetime(2026, 7, 1, tzinfo=UTC)
"""The contract's first loyalties, since its second."""


class Deprecation(Struct, frozen=True):
    """since, sunset: UTC; sunset is when it stops, None: not decided. successor: path of what to use."""

    since: datetime
    successor: str
    sunset: datetime | None = None

    def headers(self) -> dict[str, str]:
        headers = {"Deprecation": f"@{int(self.since.timestamp())}"}
        if self.sunset is not None:
            headers["Sunset"] = format_datetime(self.sunset, usegmt=True)
        if self.successor:
            headers["Link"] = f'<{self.successor}>; rel="successor-version"'
        return headers


_BY_OPERATION: Final[Mapping[str, Deprecation]] = {
    "redeem-voucher": Deprecation(OLDER, "/v1/redemptions"),
    "redeem-promotion": Deprecation(OLDER, "/v1/redemptions"),
    "redeem-voucher-client-side": Deprecation(OLDER, "/client/v1/redemptions"),
    "validate-voucher": Deprecation(OLDER, "/v1/validations"),
    "validate-promotions": Deprecation(OLDER, "/v1/validations"),
    "validate-promotion-tier": Deprecation(OLDER, "/v1/validations"),
    "validate-voucher-client-side": Deprecation(OLDER, "/client/v1/validations"),
    "examine-campaign-qualification": Deprecation(OLDER, "/v1/qualifications"),
    "examine-vouchers-qualification": Deprecation(OLDER, "/v1/qualifications"),
    "list-customer-activities": Deprecation(OLDER, "/v1/customers/{customerId}/activity"),
}
_LOYALTIES: Final = Deprecation(LOYALTIES, "")


def deprecation_of(operation_id: str, path: str) -> Deprecation | None:
    """None: not deprecated."""
    if path.startswith("/v1/loyalties"):
        return _LOYALTIES
    return _BY_OPERATION.get(operation_id)
