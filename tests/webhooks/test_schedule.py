"""When a failed delivery is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from app.webhooks.schedule import CONTRACT, JITTER, next_attempt, seconds_of

FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_contract_s_twelve_retries() -> None:
    """1, 2, 4, 8, 16, 32 minutes, 1h04, 2h08, 4h16, 8h32, 17h04 and 24h after the first attempt."""
    minutes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440]
    assert list(CONTRACT) == [60 * minute for minute in minutes]


@pytest.mark.parametrize("attempts", range(1, 13))
def test_a_retry_is_up_to_a_tenth_of_its_wait_late(attempts: int) -> None:
    """Never early, and not all at once."""
    offset = CONTRACT[attempts - 1]
    wait = offset - (CONTRACT[attempts - 2] if attempts > 1 else 0)
    seen = {next_attempt(CONTRACT, attempts, FIRST, FIRST) for _ in range(50)}
    for due in seen:
        assert due is not None
        assert timedelta(0) <= due - FIRST - timedelta(seconds=offset) <= timedelta(seconds=JITTER * wait)
    assert len(seen) > 10


def test_the_thirteenth_failure_is_the_last() -> None:
    """Twelve retries, not one more."""
    assert next_attempt(CONTRACT, 13, FIRST, FIRST) is None


def test_a_receiver_may_ask_for_more_time_never_for_less() -> None:
    """Retry-After is honoured up to a day."""
    now = FIRST + timedelta(minutes=1)
    assert next_attempt(CONTRACT, 1, FIRST, now, 3600) == now + timedelta(hours=1)
    due = next_attempt(CONTRACT, 3, FIRST, now, 1)
    assert due is not None
    assert due >= FIRST + timedelta(minutes=4)
    assert next_attempt(CONTRACT, 1, FIRST, now, 10**9) == now + timedelta(days=1)


def test_a_schedule_rises() -> None:
    """Empty is the contract's; anything that does not rise is refused."""
    assert seconds_of("") == CONTRACT
    assert seconds_of("5, 10,60") == (5, 10, 60)
    for text in ("5,5", "10,5", "0", "-1", "a"):
        with pytest.raises(ValueError, match=r".+"):
            seconds_of(text)
