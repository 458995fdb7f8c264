"""When offers are live: dates, recurring windows, hours and weekdays on the clock of the shop, over changes
of that clock.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from rules.compile import RuleError, compile_window
from rules.dates import anniversary, parse_duration
from rules.facts import Moment
from rules.moment import Now
from rules.operators import compile_test
from tests.rules.making import amount, order, reason, run, voucher

BERLIN = ZoneInfo("Europe/Berlin")
CART = order(("a", 1, 1000))


def at(text: str, zone: ZoneInfo = BERLIN) -> Moment:
    """A moment by the local clock, e.g. "2026-03-29 01:59" (fold 0)."""
    return Moment(datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC), zone)


def live(moment: Moment, **window) -> bool:
    return reason(run(voucher(amount(1), windows=[window]), cart=CART, moment=moment)) is None


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-03-27 16:59", False),
        ("2026-03-27 17:00", True),
        ("2026-03-27 19:59", True),
        ("2026-03-27 20:00", False),
        ("2026-04-03 17:00", True),
        ("2026-04-02 18:00", False),
        ("2026-10-30 17:00", True),
    ],
)
def test_s3_fridays_from_17_to_20_in_the_shops_zone(when, expected) -> None:
    """The clock on the wall decides, before and after it is put forward or back."""
    hours = {"daily": [{"start_time": "17:00", "expiration_time": "20:00", "days_of_week": [5]}]}
    assert live(at(when), validity_hours=hours) is expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-03-28 09:30", True),
        ("2026-03-28 10:00", False),
        ("2026-03-29 08:59", False),
        ("2026-03-29 09:00", True),
        ("2026-10-25 09:59", True),
        ("2026-10-25 10:00", False),
        ("2026-03-26 23:00", False),
    ],
)
def test_a_daily_window_keeps_its_hour_over_the_change(when, expected) -> None:
    """Every day for one hour from the start's clock time, not every 24 hours."""
    window = {
        "start_date": at("2026-03-27 09:00").now,
        "validity_timeframe": {"interval": "P1D", "duration": "PT1H"},
    }
    assert live(at(when), **window) is expected


def test_an_hour_that_is_skipped_or_repeated() -> None:
    """In March 02:30 does not exist, in October it comes twice: both belong to the span."""
    hours = {"daily": [{"start_time": "02:00", "expiration_time": "03:00"}]}
    before, after = datetime(2026, 3, 29, 0, 59, tzinfo=UTC), datetime(2026, 3, 29, 1, 1, tzinfo=UTC)
    assert not live(Moment(before, BERLIN), validity_hours=hours)
    assert not live(Moment(after, BERLIN), validity_hours=hours)
    for utc_hour in (0, 1):
        assert live(Moment(datetime(2026, 10, 25, utc_hour, 30, tzinfo=UTC), BERLIN), validity_hours=hours)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-02-28 12:00", True),
        ("2026-03-01 00:00", False),
        ("2026-03-31 00:00", True),
        ("2026-04-30 10:00", True),
    ],
)
def test_monthly_windows_clamp_to_the_end_of_the_month(when, expected) -> None:
    """The 31st falls on the last day of shorter months."""
    window = {
        "start_date": at("2026-01-31 00:00").now,
        "validity_timeframe": {"interval": "P1M", "duration": "P1D"},
    }
    assert live(at(when), **window) is expected


def test_a_window_of_many_years_is_found_at_once() -> None:
    """Recurrences are computed, not counted through."""
    window = {
        "start_date": "1990-01-01T00:00:00Z",
        "validity_timeframe": {"interval": "PT1M", "duration": "PT30S"},
    }
    assert live(Moment(datetime(2090, 1, 1, 0, 0, 29, tzinfo=UTC), BERLIN), **window)
    assert not live(Moment(datetime(2090, 1, 1, 0, 0, 31, tzinfo=UTC), BERLIN), **window)


def test_a_bare_expiration_date_means_its_whole_day() -> None:
    """An instant means the instant."""
    for text, when, expected in (
        ("2026-03-04", datetime(2026, 3, 4, 23, 0, tzinfo=UTC), True),
        ("2026-03-04", datetime(2026, 3, 5, 0, 0, tzinfo=UTC), False),
        ("2026-03-04T10:00:00Z", datetime(2026, 3, 4, 10, 0, 1, tzinfo=UTC), False),
    ):
        assert live(Moment(when, BERLIN), expiration_date=text) is expected


@pytest.mark.parametrize(
    "window",
    [
        {"validity_hours": {"daily": [{"start_time": "20:00", "expiration_time": "17:00"}]}},
        {"validity_hours": {"daily": [{"start_time": "x", "expiration_time": "17:00"}]}},
        {"validity_day_of_week": [7]},
        {"validity_timeframe": {"interval": "P0D", "duration": "PT1H"}},
        {"validity_timeframe": {"interval": "every day", "duration": "PT1H"}},
        {"start_date": "yesterday"},
        [],
    ],
)
def test_a_window_that_makes_no_sense_is_refused(window) -> None:
    """When it is written, not when somebody wants to pay."""
    with pytest.raises(RuleError):
        compile_window(window)


@pytest.mark.parametrize(
    ("operator", "values", "actual", "expected"),
    [
        ("$more_than_ago", [3], "2026-02-28", True),
        ("$more_than_ago", [3], "2026-03-01", False),
        ("$less_than_ago", [3], "2026-03-02", True),
        ("$less_than_ago", [3], "2026-03-05", False),
        ("$is_days_ago", [1], "2026-03-03T23:30:00Z", False),
        ("$is_days_ago", [1], "2026-03-03T22:30:00Z", True),
        ("$more_than_future", [3], "2026-03-08", True),
        ("$less_than_future", [3], "2026-03-06", True),
        ("$is_days_in_future", [2], "2026-03-06", True),
        ("$after", ["2026-03-03"], "2026-03-03T00:00:00+01:00", False),
        ("$after", ["2026-03-03"], "2026-03-03T00:00:01+01:00", True),
        ("$before", ["2026-03-03"], "2026-03-02T23:59:59+01:00", True),
        ("$next_month", [True], "1990-04-30", True),
        ("$this_month", [True], "1990-03-30", True),
        ("$today", [True], "1990-03-04", True),
        ("$dow", [3], "2026-03-04", True),
        ("$is_months_ago", [6], "2025-09-04", True),
        ("$is_months_ago", [6], "2025-09-05", False),
        ("$more_than_months_ago", [6], "2025-09-03", True),
        ("$more_than_months_ago", [6], "2025-09-04", False),
        ("$less_than_months_ago", [12], "2025-03-05", True),
        ("$less_than_months_ago", [12], "2025-03-04", False),
        ("$timeframe_absolute", ["2026-03-01T00:00:00Z;2026-03-05T00:00:00Z"], "2026-03-04", True),
        ("$timeframe", ["2026-03-01T09:00:00Z;P1D;PT1H"], "2026-03-04T09:30:00Z", True),
        ("$timeframe_daily_hours", ["18:00;20:01;2,3"], "2026-03-04T19:00:00+01:00", True),
        ("$timeframe_daily_hours", ["22:00;02:00;3"], "2026-03-05T01:00:00+01:00", True),
        ("$timeframe_daily_hours", ["22:00;02:00;3"], "2026-03-04T01:00:00+01:00", False),
    ],
)
def test_operators_on_dates_count_in_the_projects_zone(operator, values, actual, expected) -> None:
    """Today is the shop's today: Wednesday, the 4th of March 2026, in Berlin."""
    now = Now(at("2026-03-04 12:00"))
    assert compile_test(operator, values, "k", ".x").passes(actual, now) is expected


def test_s4_birthdays_of_the_29th_of_february() -> None:
    """They fall on the 28th in other years."""
    from datetime import date

    born = date(2000, 2, 29)
    assert anniversary(born, 2027) == date(2027, 2, 28)
    assert anniversary(born, 2028) == date(2028, 2, 29)
    for when, expected in (
        ("2027-02-28 09:00", True),
        ("2028-02-28 09:00", False),
        ("2028-02-29 09:00", True),
    ):
        test = compile_test("$today", [True], "k", ".x")
        assert test.passes(born.isoformat(), Now(at(when))) is expected


def test_durations_are_read_as_written() -> None:
    """Calendar months apart from exact seconds."""
    found = parse_duration("P1Y2M1W3DT4H5M6S")
    assert found is not None
    assert (found.months, found.seconds) == (14, 10 * 86400 + 4 * 3600 + 5 * 60 + 6)
    assert parse_duration("P") is None
    assert parse_duration("PT0S") is None


def test_s4_six_months_after_the_last_day_of_august() -> None:
    """Months clamp to their end: 28 February, in leap years the 29th."""
    test = compile_test("$is_months_ago", [6], "k", ".x")
    for bought, today, expected in (
        ("2026-08-31", "2027-02-28 09:00", True),
        ("2027-08-31", "2028-02-28 09:00", False),
        ("2027-08-31", "2028-02-29 09:00", True),
    ):
        assert test.passes(bought, Now(at(today))) is expected


def test_s4_the_first_year_since_sign_up() -> None:
    """A live segment on the day of sign-up, counted in the shop's zone."""
    from rules.compile import compile_segment
    from tests.rules.making import customer, rule

    document = {"type": "passive", "filter": {"created_at": {"conditions": {"$less_than_months_ago": [12]}}}}
    known = {"seg_new": compile_segment("seg_new", document)}
    body = {"rules": {"1": {"name": "customer.segment", "conditions": {"$is": ["seg_new"]}}}}
    code = voucher(amount(1), rules=[rule(body, segments=known)])
    who = customer(created_at=at("2025-03-05 00:30").now)
    for when, expected in (("2026-03-04 23:59", None), ("2026-03-05 00:00", "CUSTOMER_RULES_VIOLATED")):
        assert reason(run(code, cart=CART, customer=who, moment=at(when))) == expected
