"""The token bucket that rides in the read trip."""

from app.core.rate import Rate
from tests.core.conftest import Bench


async def test_a_bucket_gives_what_it_holds_and_says_when_more_comes(bench: Bench) -> None:
    """Capacity 3 at one token in a thousand seconds: three pass, the fourth waits almost that long."""
    key = bench.keys.rate("key", "k1")
    taken = [await bench.core.take_rate(bench.partition, key, 3, 0.001) for _ in range(4)]
    assert [(rate.allowed, rate.remaining) for rate in taken] == [(True, 2), (True, 1), (True, 0), (False, 0)]
    assert 900_000 < taken[-1].retry_after_milliseconds <= 1_000_000


async def test_looking_takes_nothing(bench: Bench) -> None:
    """Cost 0 neither takes nor writes."""
    key = bench.keys.rate("key", "k1")
    looked = await bench.core.take_rate(bench.partition, key, 3, 1.0, cost=0)
    assert (looked.allowed, looked.remaining, await bench.command("EXISTS", key)) == (True, 3, 0)


async def test_a_bucket_expires_when_it_would_be_full(bench: Bench) -> None:
    """Nothing is kept of those who stay away."""
    key = bench.keys.rate("key", "k1")
    await bench.core.take_rate(bench.partition, key, 10, 1.0)
    assert 0 < await bench.command("PTTL", key) <= 11_000


async def test_the_bucket_rides_in_a_read_also_after_the_scripts_were_flushed(bench: Bench) -> None:
    """NOSCRIPT loads the scripts and asks that one again; the rest of the trip is not repeated."""
    await bench.command("SCRIPT", "FLUSH")
    key = bench.keys.rate("key", "k1")
    commands = [("INCR", "rate-test-once"), bench.core.rate_command(key, 3, 1.0), ("GET", "rate-test-once")]
    first, rate, last = await bench.core.read(bench.partition, commands)
    await bench.command("DEL", "rate-test-once")
    assert (first, Rate.parse(rate).allowed, last) == (1, True, b"1")
