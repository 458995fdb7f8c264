"""The instant of a decision in the project's zone, worked out at most once and only when something asks."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from rules.facts import Moment

EARLIEST = datetime(2, 1, 1, tzinfo=UTC)
LATEST = datetime(9998, 1, 1, tzinfo=UTC)
"""Beyond these the calendar itself overflows."""


class Now:
    """A lazy view of a Moment."""

    __slots__ = ("_local", "_windows", "instant", "week_start", "zone")

    def __init__(self, moment: Moment, week_start: int = 0) -> None:
        self.instant = min(max(moment.now, EARLIEST), LATEST)
        self.zone = moment.zone
        self.week_start = week_start
        self._local: datetime | None = None
        self._windows: dict[str, tuple[str, int]] | None = None

    @property
    def local(self) -> datetime:
        """The instant on the wall clock of the project."""
        if self._local is None:
            self._local = self.instant.astimezone(self.zone)
        return self._local

    def window(self, kind: str) -> tuple[str, int]:
        """Name and end (epoch second) of the calendar window around now. `kind` is "d", "w" or "m"."""
        return calendar_window(kind, self.local.date(), self.zone, self.week_start)


@lru_cache(maxsize=1024)
def calendar_window(kind: str, day: date, zone: ZoneInfo, week_start: int) -> tuple[str, int]:
    """The day, week or month that `day` lies in, counted in `zone`; `week_start` 0 is Monday."""
    if kind == "d":
        first = day
        after = day + timedelta(days=1)
    elif kind == "w":
        first = day - timedelta(days=(day.weekday() - week_start) % 7)
        after = first + timedelta(days=7)
    else:
        first = day.replace(day=1)
        after = date(day.year + 1, 1, 1) if day.month == 12 else date(day.year, day.month + 1, 1)
    end = datetime(after.year, after.month, after.day, tzinfo=zone)
    return f"{kind}{first.isoformat()}", int(end.astimezone(UTC).timestamp())
