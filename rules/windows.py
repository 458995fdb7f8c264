"""When a redeemable or its campaign is live: switch, start, end, and recurring windows on the project's
clock.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from msgspec import Struct

from rules.dates import Duration, in_recurrence, parse_duration, parse_hours, parse_moment, sunday_first
from rules.moment import Now
from rules.programs import CompiledWindow, RuleError

KEY = "invalid_payload"
NO_ANCHOR = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)

LIVE = 0
DISABLED = 1
NOT_YET = 2
OVER = 3
NOT_NOW = 4


class Hours(Struct, frozen=True):
    """From `start` to `end` of the clock on `days` (0 is Sunday); `end` before `start` runs over midnight."""

    start: time
    end: time
    days: frozenset[int]


class Window(Struct, frozen=True):
    """`owner` is "voucher", "promotion_tier" or "campaign"."""

    owner: str
    active: bool = True
    start: datetime | None = None
    end: datetime | None = None
    interval: Duration | None = None
    length: Duration | None = None
    days: frozenset[int] | None = None
    hours: tuple[Hours, ...] = ()
    recurring: bool = False

    def state(self, now: Now) -> int:
        """LIVE, or the first thing that is in the way."""
        if not self.active:
            return DISABLED
        instant = now.instant
        if self.start is not None and instant < self.start:
            return NOT_YET
        if self.end is not None and instant > self.end:
            return OVER
        if self.recurring and not self._recurs(now):
            return NOT_NOW
        return LIVE

    def _recurs(self, now: Now) -> bool:
        local = now.local.replace(tzinfo=None)
        if self.interval is not None and self.length is not None:
            anchor = NO_ANCHOR if self.start is None else self.start.astimezone(now.zone).replace(tzinfo=None)
            if not in_recurrence(anchor, self.interval, self.length, local):
                return False
        if self.days is not None and sunday_first(local) not in self.days:
            return False
        return not self.hours or in_hours(self.hours, local)


def in_hours(hours: tuple[Hours, ...], local: datetime) -> bool:
    """Does the naive local time lie in one of the daily spans? A span over midnight belongs to the day on
    which it began.
    """
    clock = local.time()
    today = sunday_first(local)
    for span in hours:
        if span.start <= span.end:
            if today in span.days and span.start <= clock < span.end:
                return True
            continue
        if today in span.days and clock >= span.start:
            return True
        if (today - 1) % 7 in span.days and clock < span.end:
            return True
    return False


def compile_window(document: Mapping[str, Any]) -> CompiledWindow:
    """Compile `{"active", "start_date", "expiration_date", "validity_timeframe", "validity_day_of_week",
    "validity_hours", "owner"}`; dates are ISO strings, aware datetimes or None, and `owner` picks the
    refusal keys.

    Raises:
        RuleError: one of them is malformed.
    """
    if not isinstance(document, Mapping):
        raise RuleError(KEY, "Payload must be object")
    owner = document.get("owner") or "voucher"
    active = document.get("active")
    interval, length = _timeframe(document.get("validity_timeframe"))
    days = _days(document.get("validity_day_of_week"), "validity_day_of_week")
    hours = _hours(document.get("validity_hours"))
    return CompiledWindow(
        Window(
            owner=owner if isinstance(owner, str) else "voucher",
            active=active is not False,
            start=_instant(document, "start_date"),
            end=_instant(document, "expiration_date"),
            interval=interval,
            length=length,
            days=days,
            hours=hours,
            recurring=interval is not None or days is not None or bool(hours),
        )
    )


def _instant(document: Mapping[str, Any], field: str) -> datetime | None:
    value = document.get(field)
    if value is None:
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    parsed = parse_moment(value) if isinstance(value, str) else None
    if parsed is None:
        raise RuleError(KEY, f"Property .{field} must be a valid ISO 8601 date")
    if isinstance(parsed, datetime):
        return parsed
    at = datetime(parsed.year, parsed.month, parsed.day, tzinfo=UTC)
    # The last day named by a bare date is meant to the end.
    return at + timedelta(days=1, seconds=-1) if field == "expiration_date" and parsed.year < 9999 else at


def _timeframe(value: Any) -> tuple[Duration | None, Duration | None]:
    if value is None or value == {}:
        return None, None
    if not isinstance(value, Mapping):
        raise RuleError(KEY, "Property .validity_timeframe must be object")
    interval = parse_duration(value.get("interval"))
    length = parse_duration(value.get("duration"))
    if interval is None:
        raise RuleError(KEY, "Property .validity_timeframe.interval must be an ISO 8601 duration")
    if length is None:
        raise RuleError(KEY, "Property .validity_timeframe.duration must be an ISO 8601 duration")
    return interval, length


def _days(value: Any, field: str) -> frozenset[int] | None:
    if value is None or value == []:
        return None
    if not isinstance(value, list | tuple):
        raise RuleError(KEY, f"Property .{field} must be array")
    for day in value:
        if isinstance(day, bool) or not isinstance(day, int) or not 0 <= day <= 6:
            raise RuleError(KEY, f"Property .{field} items must be integers from 0 to 6")
    return frozenset(value)


def _hours(value: Any) -> tuple[Hours, ...]:
    if value is None or value == {}:
        return ()
    daily = value.get("daily") if isinstance(value, Mapping) else None
    if daily is None:
        return ()
    if not isinstance(daily, list | tuple):
        raise RuleError(KEY, "Property .validity_hours.daily must be array")
    spans = []
    for entry in daily:
        if not isinstance(entry, Mapping):
            raise RuleError(KEY, "Property .validity_hours.daily items must be object")
        start = parse_hours(entry.get("start_time"))
        end = parse_hours(entry.get("expiration_time"))
        if start is None or end is None:
            raise RuleError(
                KEY, "Property .validity_hours.daily items must have start_time and expiration_time as HH:mm"
            )
        if end <= start:
            # Settled as in section 10 (50): the two ends of a span lie on one day.
            raise RuleError(
                KEY, "Property .validity_hours.daily expiration_time must be later than start_time"
            )
        days = _days(entry.get("days_of_week"), "validity_hours.daily.days_of_week")
        spans.append(Hours(start, end, days if days is not None else frozenset(range(7))))
    return tuple(spans)
