"""Random calls against the real script and the reference model: every answer and every counter must agree."""

import asyncio
import uuid

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.ops import Add, Apply, Hold, Op, Release
from tests.core.conftest import opened
from tests.core.model import Model
from tests.support.valkey import Valkey

BASES = {("a", "used"): 0, ("a", "amount"): 3, ("b", "used"): 10, ("c", "used"): 0, ("c", "orders"): 0}
PLACES = sorted(BASES)

small = st.integers(-4, 4)
bound = st.none() | st.integers(-3, 12)


@st.composite
def operations(draw: st.DrawFn) -> list[tuple[str, str, str, int, int | None, int | None]]:
    """At most one taking and one release per field, as the worker merges them; in any order."""
    made = []
    for key, field in draw(st.lists(st.sampled_from(PLACES), unique=True, min_size=1)):
        kind = draw(st.sampled_from(["add", "add", "hold", "none"]))
        if kind != "none":
            amount = draw(small) if kind == "add" else draw(st.integers(0, 4))
            made.append((kind, key, field, amount, draw(bound), draw(bound)))
        if kind == "none" or draw(st.booleans()):
            made.append(("release", key, field, draw(st.integers(0, 3)), None, None))
    return draw(st.permutations(made))


calls = st.tuples(
    st.sampled_from(["R", "R", "R", "H", "B", "V"]),
    st.integers(0, 12),
    st.dictionaries(st.sampled_from(["s", "c:1"]), st.integers(1, 3)),
    operations(),
)


def made(keys: Keys, kind: str, key: str, field: str, amount: int, cap: int | None, floor: int | None) -> Op:
    name, base = keys.counter("campaign", key), BASES[key, field]
    if kind == "add":
        return Add(name, field, amount, base=base, cap=cap, floor=floor)
    if kind == "hold":
        return Hold(name, field, amount, base=base, cap=cap, floor=floor)
    return Release(name, field, amount)


async def play(
    valkey: Valkey, script: list[tuple[str, int, dict[str, int], list[tuple[object, ...]]]]
) -> None:
    core = RedemptionCore(valkey.url)
    await core.start()
    try:
        partition = Partition(f"proj_{uuid.uuid4().hex[:16]}")
        keys, model = await opened(core, partition), Model()
        for mode, rid, guards, ops in script:
            call = Apply(
                partition=partition,
                mode=mode,
                rid=f"rid{rid}",
                guards=guards,
                event=b"event",
                ops=[made(keys, *op) for op in ops],  # type: ignore[arg-type]
            )
            assert await core.apply(call) == model.apply(call)
        for key, field in PLACES:
            name = keys.counter("campaign", key)
            (stored,) = await core.read(partition, [("HMGET", name, field, f"{field}~h")])
            value, held = (None if one is None else int(one) for one in stored)
            assert value == model.values.get((name, field))
            assert (held or 0) == model.held.get((name, field), 0)
        assert await core.sequence(partition) == (1, model.sequence)
        assert len(await core.read_outbox(partition, "0-0", 1000)) == model.sequence
    finally:
        await core.close()


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(script=st.lists(calls, min_size=1, max_size=15))
def test_the_script_does_what_the_model_says(
    valkey: Valkey, script: list[tuple[str, int, dict[str, int], list[tuple[object, ...]]]]
) -> None:
    """Codes, currents, afters, ids, counters and events of any sequence of calls."""
    asyncio.run(play(valkey, script))
