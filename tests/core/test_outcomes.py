"""Every code that the script can answer, and that none is missing from these tests."""

from app.core.core import RedemptionCore
from app.core.encode import apply_command
from app.core.ops import Add, Equal
from app.core.outcome import Code
from app.core.scripts import script
from tests.core.conftest import Bench


def used(bench: Bench, cap: int | None = None, delta: int = 1) -> Add:
    return Add(bench.keys.counter("campaign", "camp_1"), "used", delta, cap=cap)


async def ok(bench: Bench) -> Code:
    return (await bench.apply(used(bench))).code


async def dup(bench: Bench) -> Code:
    await bench.apply(used(bench), rid="same")
    return (await bench.apply(used(bench), rid="same")).code


async def conflict(bench: Bench) -> Code:
    key = bench.keys.idempotency("scope")
    await bench.apply(used(bench), idempotency_key=key, fingerprint="one")
    return (await bench.apply(used(bench), idempotency_key=key, fingerprint="two")).code


async def limit(bench: Bench) -> Code:
    return (await bench.apply(used(bench, cap=0))).code


async def stale(bench: Bench) -> Code:
    return (await bench.apply(Equal(bench.keys.order("ord_1"), "v", b"1"))).code


async def busy(bench: Bench) -> Code:
    small = RedemptionCore(bench.valkey.url, outbox_bytes_max=100)
    await small.start()
    call = bench.call
    outcomes = [await small.apply(call(used(bench), event=b"e" * 60)) for _ in range(3)]
    await small.close()
    return outcomes[-1].code


REACHED = {
    Code.OK: ok,
    Code.DUP: dup,
    Code.CONFLICT: conflict,
    Code.LIMIT: limit,
    Code.STALE: stale,
    Code.BUSY: busy,
}
CLOSED = {Code.EPOCH, Code.FENCED, Code.REGRESSED, Code.SCHEMA}


async def test_each_code_is_reached_by_its_own_cause(bench: Bench) -> None:
    """OK, DUP, CONFLICT, LIMIT, STALE and BUSY, each from a partition that is open."""
    for code, reach in REACHED.items():
        assert await reach(bench) is code


async def test_codes_of_a_closed_partition_come_from_the_script(bench: Bench) -> None:
    """FENCED, EPOCH, REGRESSED and SCHEMA, in the order of the ladder."""
    meta = f"{bench.partition.tag}:m"
    sha = script("apply").sha

    def command(epoch: int = 1, high_water: int = 0) -> tuple[object, ...]:
        return apply_command(sha, bench.call(used(bench)), bench.keys, epoch, high_water, 10**6)

    assert (await bench.command(*command(epoch=2)))[0] == Code.EPOCH
    assert (await bench.command(*command(high_water=1)))[0] == Code.REGRESSED
    await bench.command("HSET", meta, "schema", "999")
    assert (await bench.command(*command()))[0] == Code.SCHEMA
    await bench.command("HSET", meta, "state", "fenced")
    assert (await bench.command(*command()))[0] == Code.EPOCH
    await bench.command("HSET", meta, "replid", "0" * 40)
    assert (await bench.command(*command()))[0] == Code.FENCED
    await bench.command("DEL", meta)
    assert (await bench.command(*command()))[0] == Code.FENCED


def test_no_code_is_left_out() -> None:
    """The enum, the script's header and these tests know the same codes."""
    assert set(REACHED) | CLOSED == set(Code)
    assert script("apply").output_codes == {int(code) for code in Code}


async def test_a_refusal_changes_nothing(bench: Bench) -> None:
    """LIMIT, STALE and CONFLICT leave every key as it was, bit for bit."""
    key = bench.keys.idempotency("scope")
    await bench.apply(used(bench), idempotency_key=key, fingerprint="one", guards={"s": 5})
    before = await bench.fingerprint()
    limited = used(bench, cap=1)
    codes = [
        (
            await bench.apply(Add(bench.keys.counter("campaign", "c2"), "used", 1), limited, guards={"s": 9})
        ).code,
        (await bench.apply(used(bench), guards={"s": 4})).code,
        (await bench.apply(used(bench), idempotency_key=key, fingerprint="two")).code,
    ]
    assert codes == [Code.LIMIT, Code.STALE, Code.CONFLICT]
    assert await bench.fingerprint() == before


async def test_a_code_is_transient_exactly_when_waiting_helps() -> None:
    """The same request may pass later after STALE, EPOCH, FENCED, REGRESSED and BUSY, not after others."""
    assert {code for code in Code if code.is_transient} == {
        Code.STALE, Code.EPOCH, Code.FENCED, Code.REGRESSED, Code.BUSY,
    }  # fmt: skip
