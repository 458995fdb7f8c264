"""When a campaign stops itself (`extensions.auto_stop`): its limits, and what has happened lately.

Counted from the ledger, seconds behind the redemptions: it is a brake, not a cap. Whoever must not give more
than so much sets a budget, which is checked in the redemption itself.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

MINUTE: Final = 60
HOUR: Final = 3600


class AutoStop(Struct, frozen=True, forbid_unknown_fields=True):
    """Each limit may be passed by nobody: going beyond it stops the campaign. None: no such limit.

    discount_per_hour in minor units. refund_share: of an hour's redemptions, how many were taken back in
    that hour, looked at from `refund_minimum` redemptions on.
    """

    redemptions_per_minute: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    discount_per_hour: Annotated[int, Meta(ge=1, le=10**15)] | None = None
    refund_share: Annotated[float, Meta(gt=0, le=1)] | None = None
    refund_minimum: Annotated[int, Meta(ge=1, le=10**9)] = 20


class Breach(Struct, frozen=True):
    """The limit that was passed, and by what."""

    rule: str
    limit: int | float
    value: int | float


class Second(Struct):
    """What one second saw."""

    redeemed: int = 0
    discount: int = 0
    returned: int = 0


class Lately(Struct):
    """The last hour of a campaign, second by second."""

    seconds: dict[int, Second] = {}

    def add(self, second: int, *, redeemed: int = 0, discount: int = 0, returned: int = 0) -> None:
        seen = self.seconds.setdefault(second, Second())
        seen.redeemed += redeemed
        seen.discount += discount
        seen.returned += returned

    def forget(self, now: int) -> None:
        """Drop what is older than an hour."""
        for second in [second for second in self.seconds if second <= now - HOUR]:
            del self.seconds[second]

    def breach(self, rule: AutoStop, now: int, since: int) -> Breach | None:
        """The first limit that is passed at `now`. since: seconds before do not count. In epoch seconds."""
        hour = [seen for second, seen in self.seconds.items() if second > now - HOUR and second >= since]
        minute = sum(
            seen.redeemed
            for second, seen in self.seconds.items()
            if second > now - MINUTE and second >= since
        )
        if rule.redemptions_per_minute is not None and minute > rule.redemptions_per_minute:
            return Breach("redemptions_per_minute", rule.redemptions_per_minute, minute)
        discount = sum(seen.discount for seen in hour)
        if rule.discount_per_hour is not None and discount > rule.discount_per_hour:
            return Breach("discount_per_hour", rule.discount_per_hour, discount)
        redeemed, returned = sum(seen.redeemed for seen in hour), sum(seen.returned for seen in hour)
        if (
            rule.refund_share is not None
            and redeemed >= rule.refund_minimum
            and returned > rule.refund_share * redeemed
        ):
            return Breach("refund_share", rule.refund_share, round(returned / redeemed, 4))
        return None


def auto_stop_of(extensions: Mapping[str, Any] | None) -> AutoStop | None:
    """The rules of a campaign's extensions.

    Raises: ValueError with what is wrong with them.
    """
    document = (extensions or {}).get("auto_stop")
    if document is None:
        return None
    if isinstance(document, Mapping) and isinstance(document.get("refund_share"), Decimal):
        document = {**document, "refund_share": float(document["refund_share"])}
    try:
        return msgspec.convert(document, AutoStop, strict=True)
    except msgspec.ValidationError as error:
        raise ValueError(f"Property .extensions.auto_stop: {error}") from None


def stopped(body: Mapping[str, Any], breach: Breach, at: datetime) -> dict[str, Any]:
    """A campaign's document that says why it stopped itself."""
    said = {
        "by": "auto_stop",
        "rule": breach.rule,
        "limit": breach.limit,
        "value": breach.value,
        "at": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return {**body, "extensions": {**(body.get("extensions") or {}), "stopped": said}}


def stopped_by_hand(body: Mapping[str, Any], reason: str, key_id: str, at: datetime) -> dict[str, Any]:
    """A campaign's document that says who stopped it and why."""
    said = {
        "by": "key",
        "key_id": key_id,
        "reason": reason,
        "at": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return {**body, "extensions": {**(body.get("extensions") or {}), "stopped": said}}


def counted_anew(body: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """A campaign's document when it is enabled: no reason to be stopped, and rules that count from now."""
    document = dict(body)
    extensions = document.get("extensions")
    if extensions and ("stopped" in extensions or "auto_stop" in extensions):
        document["extensions"] = {name: value for name, value in extensions.items() if name != "stopped"}
        document["auto_stop_since"] = int(at.timestamp()) + 1
    return document
