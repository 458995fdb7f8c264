"""Budgets of failed lookups: spent, blocked for longer each time, and not twice for what was under way."""

from app.core.rate import Guess
from tests.core.conftest import Bench


async def noted(bench: Bench, identity: str, failures: int = 1, *, alarm: str = "none") -> Guess:
    """A budget of three, of which nothing is forgiven."""
    keys = bench.keys
    command = bench.core.guess_command(
        keys.guess_budget("ip", identity),
        keys.guess_block("ip", identity),
        keys.guess_block("apikey", alarm),
        budget=3,
        forgiven_per_second=0.0001,
        failures=failures,
        alarm_factor=5,
        block_ms=(100_000, 300_000),
        memory_ms=6_000_000,
    )
    (reply,) = await bench.core.read(bench.partition, [command])
    return Guess.parse(reply)


async def test_the_failure_beyond_the_budget_blocks(bench: Bench) -> None:
    """Three are told, the fourth begins a block that expires by itself."""
    found = [await noted(bench, "a") for _ in range(4)]
    assert [(one.blocked_milliseconds, one.remaining) for one in found] == [
        (0, 2),
        (0, 1),
        (0, 0),
        (100_000, 0),
    ]
    assert 0 < await bench.command("PTTL", bench.keys.guess_block("ip", "a")) <= 100_000
    assert 0 < await bench.command("PTTL", bench.keys.guess_budget("ip", "a")) <= 6_000_000


async def test_what_was_under_way_is_not_punished_again(bench: Bench) -> None:
    """Failures while the block is there do not make it longer."""
    for _ in range(4):
        await noted(bench, "b")
    again = await noted(bench, "b", 10)
    assert (again.blocked_milliseconds, again.blocks) == (0, 1)


async def test_each_block_is_twice_the_last_up_to_the_longest(bench: Bench) -> None:
    """Whoever goes on after a block waits longer."""
    waits = []
    for _ in range(4):
        waits.append((await noted(bench, "c", 4)).blocked_milliseconds)
        await bench.command("DEL", bench.keys.guess_block("ip", "c"))
    assert waits == [100_000, 200_000, 300_000, 300_000]


async def test_an_alarm_makes_every_failure_count_more(bench: Bench) -> None:
    """One failure then spends a budget of three."""
    await bench.command("SET", bench.keys.guess_block("apikey", "k"), "1")
    assert (await noted(bench, "d", alarm="k")).blocked_milliseconds == 100_000
    assert (await noted(bench, "e", alarm="quiet")).blocked_milliseconds == 0
