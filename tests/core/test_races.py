"""Many at once: no cap is ever passed, nobody gets what another has taken (P1)."""

import asyncio
import inspect
import json
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.ops import Add, Claim, Equal, Hold, Put, Release
from app.core.outcome import Code, Outcome
from app.core.scripts import parse, script
from tests.core.conftest import Bench, opened, together

MANY = 50


async def run_racers(
    bench: Bench, key: str, cap: int, *, rollbacks: bool, processes: int = 4
) -> list[dict[str, int]]:
    racers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.core.racer", bench.valkey.url, bench.partition.name, key, "used",
            str(cap), "125", "4", "1" if rollbacks else "0", stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(processes)
    ]  # fmt: skip
    outputs = await asyncio.gather(*(racer.communicate() for racer in racers))
    assert [racer.returncode for racer in racers] == [0] * processes
    return [json.loads(output) for output, _ in outputs]


@pytest.mark.parametrize("rollbacks", [False, True])
async def test_five_hundred_clients_in_four_processes_never_pass_a_cap(bench: Bench, rollbacks: bool) -> None:
    """Cap 50, with and without rollbacks racing: never over, and what is stored is what was told."""
    key = bench.keys.counter("campaign", "hot")
    told = await run_racers(bench, key, 50, rollbacks=rollbacks)
    value, _ = await bench.counter(key, "used")
    taken, returned = sum(one["taken"] for one in told), sum(one["returned"] for one in told)
    assert int(value) == taken - returned
    assert max(one["highest"] for one in told) <= 50
    assert sum(one["refused"] for one in told) > 0
    assert (await bench.core.sequence(bench.partition))[1] == taken + returned
    assert rollbacks or taken == 50


@asynccontextmanager
async def mutated(bench: Bench, old: str, new: str) -> AsyncIterator[Bench]:
    """The same bench with a script that lacks something."""
    source = script("apply").source
    assert source.count(old) >= 1
    changed = parse("apply", source.replace(old, new))
    core = RedemptionCore(bench.valkey.url)
    core._apply_sha = changed.sha
    await core.start()
    await core.read(bench.partition, [("SCRIPT", "LOAD", changed.source)])
    yield Bench(core, bench.keys, bench.valkey)
    await core.close()


async def over_cap(bench: Bench) -> int:
    key = bench.keys.counter("campaign", "hot")
    outcomes = await together(MANY, lambda _: bench.apply(Add(key, "used", 1, cap=10)))
    return sum(outcome.code is Code.OK for outcome in outcomes) - 10


async def test_the_race_notices_a_missing_limit_check(bench: Bench) -> None:
    """A mutation of the script: without its limit check the cap is passed, so these tests can fail."""
    async with mutated(
        bench, "refused = after >= INTEGER_LIMIT or (cap and after + held > cap)", ""
    ) as without:
        assert await over_cap(without) > 0


async def test_the_race_notices_a_missing_replay_check(bench: Bench) -> None:
    """The same for the replay check: one rid is then applied many times."""
    key = bench.keys.counter("campaign", "hot")
    async with mutated(bench, "if applied then", "if false then") as without:
        await together(MANY, lambda _: without.apply(Add(key, "used", 1), rid="same"))
    assert await bench.counter(key, "used") == (b"%d" % MANY, None)


async def test_fifty_identical_calls_are_one(bench: Bench) -> None:
    """One rid fifty times at once: one OK, the others told the same event."""
    key = bench.keys.counter("campaign", "hot")
    outcomes = await together(MANY, lambda _: bench.apply(Add(key, "used", 1), rid="same"))
    assert Counter(outcome.code for outcome in outcomes) == {Code.OK: 1, Code.DUP: MANY - 1}
    assert {outcome.event_id for outcome in outcomes} == {"1-1"}


async def test_fifty_requests_with_one_idempotency_key_are_one(bench: Bench) -> None:
    """Fifty rids under one key: one taking."""
    key = bench.keys.counter("campaign", "hot")
    idempotency = bench.keys.idempotency("scope")
    outcomes = await together(
        MANY, lambda _: bench.apply(Add(key, "used", 1), idempotency_key=idempotency, fingerprint="f")
    )
    assert Counter(outcome.code for outcome in outcomes) == {Code.OK: 1, Code.DUP: MANY - 1}
    assert await bench.counter(key, "used") == (b"1", None)


async def test_one_per_customer_under_fifty_requests_is_one(bench: Bench) -> None:
    """On fifty connections, each with its own rid (I8)."""
    key = bench.keys.counter("voucher", "v_1", customer="cust_1")
    cores = [RedemptionCore(bench.valkey.url) for _ in range(10)]
    await asyncio.gather(*(core.start() for core in cores))
    outcomes: list[Outcome] = await asyncio.gather(
        *(cores[n % 10].apply(bench.call(Add(key, "used", 1, cap=1))) for n in range(MANY))
    )
    await asyncio.gather(*(core.close() for core in cores))
    assert Counter(outcome.code for outcome in outcomes) == {Code.OK: 1, Code.LIMIT: MANY - 1}


async def test_a_gift_card_is_never_overspent(bench: Bench) -> None:
    """Fifty spendings of 7 from 100: fourteen pass, two remain (I1)."""
    key = bench.keys.balance("v_gift")
    outcomes = await together(MANY, lambda _: bench.apply(Add(key, "v_gift", -7, base=100, floor=0)))
    assert Counter(outcome.code for outcome in outcomes) == {Code.OK: 14, Code.LIMIT: MANY - 14}
    assert await bench.counter(key, "v_gift") == (b"2", None)
    last = next(outcome for outcome in outcomes if outcome.code is Code.LIMIT)
    assert last.currents == ((2, 0),)


async def test_two_codes_racing_for_one_budget_never_pass_it(bench: Bench) -> None:
    """Stacks of a code of their own and a shared budget: a refused stack takes nothing of its code."""
    budget = bench.keys.counter("campaign", "shared")

    async def stack(number: int) -> Outcome:
        code = bench.keys.voucher_used(f"v_{number % 2}")
        return await bench.apply(Add(code, f"v_{number % 2}", 1), Add(budget, "amount", 30, cap=1000))

    outcomes = await together(MANY, stack)
    assert Counter(outcome.code for outcome in outcomes) == {Code.OK: 33, Code.LIMIT: 17}
    assert await bench.counter(budget, "amount") == (b"990", None)
    taken = [int((await bench.counter(bench.keys.voucher_used(v), v))[0] or 0) for v in ("v_0", "v_1")]
    assert sum(taken) == 33


async def test_one_source_id_is_one_customer(bench: Bench) -> None:
    """Fifty workers claim it for customers of their own: one wins, the others are told who (D15)."""
    claim = bench.keys.source_claim("me@example.com")
    outcomes = await together(MANY, lambda n: bench.apply(Claim(claim, "me@example.com", b"cust_%d" % n)))
    owner = await bench.command("HGET", claim, "me@example.com")
    assert Counter(outcome.code for outcome in outcomes) == {Code.OK: 1, Code.LIMIT: MANY - 1}
    assert {outcome.name.encode() for outcome in outcomes if outcome.code is Code.LIMIT} == {owner}


async def test_holds_and_redemptions_share_one_cap(bench: Bench) -> None:
    """Half of them hold, half redeem: together never more than the cap."""
    key = bench.keys.counter("campaign", "hot")

    async def take(number: int) -> Outcome:
        if number % 2:
            return await bench.apply(Hold(key, "used", 1, cap=20), mode="H")
        return await bench.apply(Add(key, "used", 1, cap=20))

    outcomes = await together(MANY, take)
    assert Counter(outcome.code for outcome in outcomes) == {Code.OK: 20, Code.LIMIT: MANY - 20}
    used, held = await bench.counter(key, "used")
    assert int(used or 0) + int(held or 0) == 20


async def test_a_hold_is_used_or_released_never_both(bench: Bench) -> None:
    """Redeeming the held unit races with releasing it: the session's field, pinned, lets one through."""
    key, session = bench.keys.counter("campaign", "hot"), bench.keys.session("abc")
    for round_number in range(10):
        record = b"hold %d" % round_number
        await bench.apply(Hold(key, "used", 1, cap=10), Put(session, "v_1", record), mode="H")
        pinned = (Release(key, "used", 1), Put(session, "v_1", b""))
        pin = Equal(session, "v_1", record)
        redeemed, released = await asyncio.gather(
            bench.apply(pin, *pinned, Add(key, "used", 1, cap=10)), bench.apply(pin, *pinned, mode="H")
        )
        assert {redeemed.code, released.code} == {Code.OK, Code.STALE}
    used, held = await bench.counter(key, "used")
    assert held is None
    assert int(used or 0) <= 10


async def test_projects_do_not_touch_each_other(bench: Bench) -> None:
    """The same names in two partitions are two counters; every key carries its partition (P9, D19)."""
    other = Partition(f"proj_{uuid.uuid4().hex[:12]}", 3)
    keys: Keys = await opened(bench.core, other)
    elsewhere = Bench(bench.core, keys, bench.valkey)
    for one in (bench, elsewhere):
        assert (await one.apply(Add(one.keys.counter("campaign", "c"), "used", 1, cap=1))).code is Code.OK
    for name in dir(Keys):
        maker = getattr(keys, name)
        if name.startswith("_") or not callable(maker):
            continue
        wanted = [
            one for one in inspect.signature(maker).parameters.values() if one.default is one.empty
        ]
        made = maker(*(["x"] * len(wanted)))
        assert made.startswith(f"{other.tag}:n1:"), name
