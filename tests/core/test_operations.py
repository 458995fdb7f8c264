"""What each operation does to a counter (D2): states before, operations, what must come out."""

import pytest

from app.core.ops import Add, Claim, Due, Equal, Hold, Put, Record, Release
from app.core.outcome import Code
from app.core.sender import CoreError
from tests.core.conftest import Bench

MAX = 2**53 - 1


def add(delta: int, **more: int | None) -> Add:
    return Add("K", "f", delta, **more)  # type: ignore[arg-type]


def hold(amount: int, **more: int | None) -> Hold:
    return Hold("K", "f", amount, **more)  # type: ignore[arg-type]


def release(amount: int) -> Release:
    return Release("K", "f", amount)


TABLE = [
    # value before, held before, operations, code, value after, held after, afters
    ("an absent counter begins at its base", None, None, [add(1, base=7)], Code.OK, 8, None, (8,)),
    ("a base is not looked at once the field is there", 3, None, [add(1, base=7)], Code.OK, 4, None, (4,)),
    ("a cap may be reached", 4, None, [add(1, cap=5)], Code.OK, 5, None, (5,)),
    ("a cap is never passed", 5, None, [add(1, cap=5)], Code.LIMIT, 5, None, ()),
    ("what others hold counts against the cap", 3, 2, [add(1, cap=5)], Code.LIMIT, 3, 2, ()),
    ("what the call releases does not", 3, 2, [release(1), add(1, cap=5)], Code.OK, 4, 1, (1, 4)),
    ("a release counts first wherever it stands", 3, 2, [add(1, cap=5), release(1)], Code.OK, 4, 1, (4, 1)),
    ("only as much as is released", 3, 2, [release(1), add(2, cap=5)], Code.LIMIT, 3, 2, ()),
    ("a lowered cap refuses no return", 9, None, [add(-1, cap=5)], Code.OK, 8, None, (8,)),
    ("a taking from a balance stops at its floor", 10, None, [add(-11, floor=0)], Code.LIMIT, 10, None, ()),
    ("and may reach it", 10, None, [add(-10, floor=0)], Code.OK, 0, None, (0,)),
    ("a balance begins at its opening", None, None, [add(-10, base=10, floor=0)], Code.OK, 0, None, (0,)),
    ("what others hold of a balance is not free", 10, 4, [add(-7, floor=0)], Code.LIMIT, 10, 4, ()),
    ("what the call releases of it is", 10, 4, [release(4), add(-7, floor=0)], Code.OK, 3, None, (0, 3)),
    ("without a floor a return may pass zero", 0, None, [add(-1)], Code.OK, -1, None, (-1,)),
    ("2**53 is never reached", MAX, None, [add(1)], Code.LIMIT, MAX, None, ()),
    ("large numbers stay exact", MAX - 2, None, [add(1)], Code.OK, MAX - 1, None, (MAX - 1,)),
    ("nor is -2**53", -MAX, None, [add(-1)], Code.LIMIT, -MAX, None, ()),
    ("zero moves nothing and is never refused", 9, None, [add(0, cap=5)], Code.OK, 9, None, (9,)),
    ("a hold takes from the cap", 3, 1, [hold(1, cap=5)], Code.OK, 3, 2, (2,)),
    ("a hold never passes it", 3, 2, [hold(1, cap=5)], Code.LIMIT, 3, 2, ()),
    ("a hold of a balance leaves the balance", 10, None, [hold(10, floor=0)], Code.OK, 10, 10, (10,)),
    ("a hold never takes more than the balance", 10, 4, [hold(7, floor=0)], Code.LIMIT, 10, 4, ()),
    ("a hold reads the opening too", None, None, [hold(9, base=9, floor=0)], Code.OK, None, 9, (9,)),
    ("locking again replaces what was held", 3, 2, [release(2), hold(1, cap=4)], Code.OK, 3, 1, (1, 1)),
    ("nobody releases more than is held", 3, 1, [release(2)], Code.STALE, 3, 1, ()),
    ("what is held by nobody leaves no field", 3, 1, [release(1)], Code.OK, 3, None, (0,)),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
async def test_counters_move_as_d2_says(bench: Bench, row: tuple[object, ...]) -> None:
    """One row of the table: the answer, what is stored after it, and the values that go into the event."""
    _, value, held, templates, code, value_after, held_after, afters = row
    key = bench.keys.counter("campaign", "camp_1")
    for field, before in (("f", value), ("f~h", held)):
        if before is not None:
            await bench.command("HSET", key, field, before)
    ops = [
        type(op)(**{name: getattr(op, name) for name in op.__struct_fields__} | {"key": key})
        for op in templates
    ]  # type: ignore[attr-defined]
    outcome = await bench.apply(*ops)
    stored = [None if number is None else int(number) for number in await bench.counter(key, "f")]
    assert (outcome.code, *stored, outcome.afters) == (code, value_after, held_after, afters)


async def test_a_limit_names_the_first_and_shows_the_currents_of_all(bench: Bench) -> None:
    """So that the worker can decide again without reading (D6)."""
    first, second = bench.keys.counter("campaign", "a"), bench.keys.counter("campaign", "b")
    await bench.apply(Add(first, "used", 3), Add(second, "used", 4), Hold(second, "amount", 5))
    outcome = await bench.apply(
        Equal(first, "used", b"3"),
        Add(first, "used", 1, cap=9),
        Add(second, "used", 1, cap=4),
        Add(second, "amount", 6, base=1, cap=9),
    )
    assert (outcome.code, outcome.op_index) == (Code.LIMIT, 2)
    assert outcome.currents == ((0, 0), (3, 0), (4, 0), (1, 5))


async def test_validating_shows_the_same_and_writes_nothing(bench: Bench) -> None:
    """Mode V is the same script: OK with currents, or the refusal that redeeming would give."""
    key = bench.keys.counter("campaign", "a")
    await bench.apply(Add(key, "used", 3))
    before = await bench.fingerprint()
    passed = await bench.apply(Add(key, "used", 1, cap=4), mode="V", guards={"new": 1})
    refused = await bench.apply(Add(key, "used", 1, cap=3), mode="V")
    assert (passed.code, passed.currents, passed.event_id) == (Code.OK, ((3, 0),), "")
    assert (refused.code, refused.currents) == (Code.LIMIT, ((3, 0),))
    assert await bench.fingerprint() == before


async def test_a_stack_is_taken_whole_or_not_at_all(bench: Bench) -> None:
    """The last of thirty redeemables is refused: none of the others is taken (P2)."""
    ops = [Add(bench.keys.counter("campaign", str(n)), "used", 1, cap=1) for n in range(30)]
    await bench.apply(ops[-1])
    assert (await bench.apply(*ops)).code is Code.LIMIT
    assert [await bench.counter(op.key, "used") for op in ops[:-1]] == [(None, None)] * 29


async def test_a_call_of_two_thousand_counters_is_taken_whole(bench: Bench) -> None:
    """More values than a Lua stack holds are sent in another form; what they do is the same."""
    keys = [bench.keys.counter("campaign", str(n)) for n in range(700)]
    ops = [Add(key, field, n + 1, cap=n + 1) for n, key in enumerate(keys) for field in "xyz"]
    taken = await bench.apply(*ops)
    assert taken.afters == tuple(op.delta for op in ops)
    again = await bench.apply(*ops[1:])
    assert (again.code, again.op_index) == (Code.LIMIT, 0)
    assert again.currents == tuple((op.delta, 0) for op in ops[1:])


async def test_a_hash_that_is_asked_for_more_than_its_counters(bench: Bench) -> None:
    """Moves are taken hash by hash; what else an operation wants of such a hash, and the order of the
    answers, stays as it is.
    """
    first, second, third = (bench.keys.counter("campaign", name) for name in "abc")
    await bench.apply(Hold(second, "used", 2))
    outcome = await bench.apply(
        Add(first, "used", 1),
        Add(second, "used", 5),
        Add(third, "used", 7),
        Release(second, "used", 2),
        Equal(third, "mark", None),
        Put(third, "mark", b"here"),
        Add(first, "orders", 9),
    )
    assert (outcome.code, outcome.afters) == (Code.OK, (1, 5, 7, 0, 9))
    assert await bench.counter(second, "used") == (b"5", None)
    refused = await bench.apply(
        Add(first, "used", 1),
        Add(third, "used", 1, cap=7),
        Put(first, "mark", b""),
        Add(first, "orders", 1, cap=9),
    )
    assert (refused.code, refused.op_index) == (Code.LIMIT, 1)
    assert refused.currents == ((1, 0), (7, 0), (0, 0), (9, 0))
    moved = await bench.apply(Add(first, "used", -3), Put(first, "mark", b"too"))
    assert moved.afters == (-2,)
    assert await bench.command("HGETALL", first) == [b"used", b"-2", b"orders", b"9", b"mark", b"too"]


async def test_one_field_is_moved_once_per_call(bench: Bench) -> None:
    """The worker merges; a call that does not is a bug, refused before anything is written."""
    key = bench.keys.counter("campaign", "a")
    before = await bench.fingerprint()
    for pair in (
        [Add(key, "f", 1), Add(key, "f", 1)],
        [Add(key, "f", 1), Hold(key, "f", 1)],
        [Release(key, "f", 0)] * 2,
    ):
        with pytest.raises(CoreError):
            await bench.apply(*pair)
    assert await bench.fingerprint() == before


async def test_numbers_beyond_a_double_never_reach_the_script(bench: Bench) -> None:
    """2**53 and more raise before anything is sent."""
    key = bench.keys.counter("campaign", "a")
    for op in (
        Add(key, "f", MAX + 1),
        Add(key, "f", 1, base=MAX + 1),
        Hold(key, "f", -1),
        Hold(key, "f", MAX + 1),
    ):
        with pytest.raises(ValueError, match="2\\*\\*53"):
            await bench.apply(op)


async def test_a_pinned_value_refuses_when_it_differs(bench: Bench) -> None:
    """Equal with a value, Equal with None for absent, Record by version."""
    key = bench.keys.order("ord_1")
    bucket = bench.keys.voucher_record("CODE")
    await bench.apply(Put(key, "v", b"3"), Put(bucket, "CODE", b"12:body"))
    for op, code in (
        (Equal(key, "v", b"3"), Code.OK),
        (Equal(key, "v", b"4"), Code.STALE),
        (Equal(key, "v", None), Code.STALE),
        (Equal(key, "d", None), Code.OK),
        (Equal(key, "d", b""), Code.STALE),
        (Record(bucket, "CODE", 12), Code.OK),
        (Record(bucket, "CODE", 1), Code.STALE),
        (Record(bucket, "OTHER", 12), Code.STALE),
    ):
        outcome = await bench.apply(op)
        assert outcome.code is code, op
        if code is Code.STALE:
            assert (outcome.op_index, outcome.name) == (0, op.field)


async def test_a_stale_record_is_named_whatever_stands_around_it(bench: Bench) -> None:
    """By its place among the call's operations; a limit beside it is not told, nor is anything moved."""
    key, bucket = bench.keys.counter("campaign", "a"), bench.keys.voucher_record("CODE")
    await bench.apply(Put(bucket, "CODE", b"12:body"), Put(bucket, "NEXT", b"7:body"), Add(key, "orders", 4))
    before = await bench.fingerprint()
    ops = [
        Add(key, "used", 1, cap=0),
        Record(bucket, "CODE", 12),
        Put(key, "mark", b"here"),
        Record(bucket, "NEXT", 8),
        Add(key, "orders", 1, base=3),
    ]
    stale = await bench.apply(*ops)
    assert (stale.code, stale.op_index, stale.name) == (Code.STALE, 3, "NEXT")
    refused = await bench.apply(*ops[:3], ops[4])
    assert (refused.code, refused.op_index) == (Code.LIMIT, 0)
    assert refused.currents == ((0, 0), (0, 0), (0, 0), (4, 0))
    assert await bench.fingerprint() == before


async def test_a_stale_pin_is_told_before_a_limit(bench: Bench) -> None:
    """Old facts are read again before anybody is told that a code is used up."""
    key = bench.keys.counter("campaign", "a")
    outcome = await bench.apply(Add(key, "used", 1, cap=0), Equal(key, "used", b"1"))
    assert (outcome.code, outcome.op_index) == (Code.STALE, 1)


async def test_a_claim_is_given_to_the_first(bench: Bench) -> None:
    """The same owner may claim again; another is told who it is."""
    key = bench.keys.source_claim("me@example.com")
    assert (await bench.apply(Claim(key, "me@example.com", b"cust_1"))).code is Code.OK
    assert (await bench.apply(Claim(key, "me@example.com", b"cust_1"))).code is Code.OK
    refused = await bench.apply(Claim(key, "me@example.com", b"cust_2"))
    assert (refused.code, refused.name) == (Code.LIMIT, "cust_1")


async def test_a_put_writes_expires_and_deletes(bench: Bench) -> None:
    """With a lifetime for the key when it has one; an empty value takes the field away."""
    key = bench.keys.session("abc")
    await bench.apply(Put(key, "a", b"1"), Put(key, "b", b"2", 60), Put(key, "c", b"3"))
    kept = await bench.command("HGETALL", key)
    assert dict(zip(kept[::2], kept[1::2], strict=True)) == {b"a": b"1", b"b": b"2", b"c": b"3"}
    assert 0 < await bench.command("PTTL", key) <= 60_000
    await bench.apply(Put(key, "a", b""), Put(key, "b", b""))
    assert await bench.command("HGETALL", key) == [b"c", b"3"]


async def test_a_put_into_a_foreign_type_fails_before_any_write(bench: Bench) -> None:
    """Redis does not roll a script back, so every key is touched before the commit point."""
    counter = bench.keys.counter("campaign", "a")
    await bench.command("SET", bench.keys.order("ord_1"), "not a hash")
    before = await bench.fingerprint()
    with pytest.raises(CoreError, match="WRONGTYPE"):
        await bench.apply(Add(counter, "used", 1), Put(bench.keys.order("ord_1"), "v", b"1"))
    assert await bench.fingerprint() == before


async def test_a_deadline_is_judged_by_the_servers_clock(bench: Bench) -> None:
    """Due refuses until the moment has passed; the caller's clock is not asked."""
    seconds, _ = await bench.command("TIME")
    now = int(seconds) * 1000
    key = bench.keys.counter("campaign", "a")
    await bench.apply(Hold(key, "used", 2), mode="H")
    early = await bench.apply(Due(now + 60_000), Release(key, "used", 2), mode="H")
    late = await bench.apply(Due(now - 1), Release(key, "used", 2), mode="H")
    assert (early.code, early.name, late.code) == (Code.STALE, "deadline", Code.OK)
    assert await bench.counter(key, "used") == (None, None)


async def test_a_window_lives_two_days_beyond_its_end(bench: Bench) -> None:
    """The key expires 48 h after the window, so that late rollbacks still find it."""
    seconds = int((await bench.command("TIME"))[0])
    key = bench.keys.counter("campaign", "a", window="d2026-11-22")
    await bench.apply(Add(key, "used", 1, until=seconds + 3600))
    assert 3600 + 172_800 - 5 <= await bench.command("TTL", key) <= 3600 + 172_800
    await bench.apply(Add(key, "used", -1, until=seconds + 3600))
    assert await bench.counter(key, "used") == (b"0", None)


async def test_a_return_into_an_ended_window_posts_nothing(bench: Bench) -> None:
    """Neither below zero nor into a key that comes back from the dead."""
    ended = int((await bench.command("TIME"))[0]) - 10
    key, kept = (bench.keys.counter("campaign", name, window="d2026-11-21") for name in ("gone", "kept"))
    await bench.command("HSET", kept, "used", 5)
    outcome = await bench.apply(
        Add(key, "used", -1, floor=0, until=ended), Add(kept, "used", -1, until=ended), mode="B"
    )
    assert (outcome.code, outcome.afters) == (Code.OK, (0, 5))
    assert (await bench.command("EXISTS", key), await bench.counter(kept, "used")) == (0, (b"5", None))


async def test_a_late_taking_in_an_ended_window_still_expires(bench: Bench) -> None:
    """Two days from now, not from the window's end, so that no counter lives for ever."""
    ended = int((await bench.command("TIME"))[0]) - 10 * 86_400
    key = bench.keys.counter("campaign", "late", window="d2026-11-12")
    await bench.apply(Add(key, "used", 1, until=ended))
    assert 172_800 - 5 <= await bench.command("TTL", key) <= 172_800
