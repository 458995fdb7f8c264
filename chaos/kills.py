"""`python -m chaos.kills`: a hundred kills of Valkey and of workers in ten minutes, under sixteen clients.

Cells ask whether anything can go wrong; this asks what a bad day costs: how long nobody was answered, and
whether everything is there at its end.
"""

import argparse
import asyncio
import random
import secrets
import sys
from itertools import pairwise
from pathlib import Path

import structlog
from msgspec import Struct

from chaos.again import ask_again
from chaos.cell import CLIENTS, wait_ready
from chaos.clients import Clients, until
from chaos.faults import kill_redis, kill_worker, kill_writer
from chaos.history import History, Operation, Strike
from chaos.model import Problem
from chaos.rig import Rig
from chaos.verify import verify
from chaos.workloads import Duplicates
from tests.support.shop import unique

WAYS = (kill_redis, kill_worker, kill_redis, kill_worker, kill_writer)
PROGRESS_SECONDS_MAX = 60.0


class Figures(Struct):
    """What one run came to. Gaps: seconds in which no request of any client was acknowledged."""

    kills: int
    seconds: float
    acknowledged: int
    sent_again: int
    unresolved: int
    longest_gap: float
    median_gap: float
    problems: list[Problem]

    def __str__(self) -> str:
        return (
            f"{self.kills} kills in {self.seconds:.0f} s: {self.acknowledged} acknowledged,"
            f" {self.sent_again} sent again, {self.unresolved} unresolved;"
            f" after a kill nobody was acknowledged for {self.median_gap:.2f} s at the median,"
            f" {self.longest_gap:.1f} s at most; {len(self.problems)} problems"
        )


async def run_kills(kills: int, seconds: float, seed: str, folder: Path, level: str = "journal") -> Figures:
    """Kill at even intervals, never before somebody was acknowledged after the last one; then judge."""
    randomness = random.Random(f"{seed}:kills")
    history = History(folder / "kills.jsonl")
    history.note(seed=seed, kills=kills)
    rig = Rig(level, external=False)
    try:
        await rig.start()
        workload = Duplicates()
        project = await asyncio.to_thread(rig.server.create_project, unique("kills"))
        with rig.server.client(project) as api:
            await asyncio.to_thread(workload.open, api)
        clients = Clients(rig.address, project.headers, workload, history, randomness.randrange(1 << 30))
        began = history.now()
        clients.start(CLIENTS)
        for number in range(kills):
            due = began + (number + 1) * seconds / (kills + 1)
            await asyncio.sleep(max(0.0, due - history.now()))
            mark = clients.acknowledged
            waiting = len(clients.in_flight)
            struck = Strike(at=history.now(), ended=0.0, name="kill", what="", in_flight=waiting)
            struck.what = await WAYS[number % len(WAYS)](rig, randomness)
            struck.ended = history.now()
            history.strike(struck)
            if not await until(lambda mark=mark: clients.acknowledged > mark, PROGRESS_SECONDS_MAX):
                raise AssertionError(f"nobody was served after {struck.what}:\n{rig.server.log_tail()}")
        await asyncio.sleep(max(0.0, began + seconds - history.now()))
        await clients.finish()
        took = history.now() - began
        await asyncio.to_thread(wait_ready, rig)
        judgement = await verify(
            rig.redis_url, rig.database_url, project.project_id, history, workload.limits
        )
        broken = [Problem("broken", "-", fault) for fault in clients.faults]
        again = await ask_again(rig.address, project.headers, history, randomness)
        return _figures(history, took, judgement.problems + broken + again)
    finally:
        await rig.stop()
        history.close()


def _figures(history: History, seconds: float, problems: list[Problem]) -> Figures:
    done: list[Operation] = [one for one in history.operations if one.acknowledged]
    times = sorted(one.returned for one in done)
    gaps = []
    for strike in history.strikes:
        after = next((at for at in times if at > strike.at), None)
        before = max((at for at in times if at <= strike.at), default=strike.at)
        if after is not None:
            gaps.append(after - max(before, strike.at))
    gaps.sort()
    return Figures(
        kills=len(history.strikes),
        seconds=seconds,
        acknowledged=len({one.key for one in done}),
        sent_again=sum(one.sendings > 1 for one in history.operations),
        unresolved=sum(not one.status for one in history.operations),
        longest_gap=_longest(times),
        median_gap=gaps[len(gaps) // 2] if gaps else 0.0,
        problems=problems,
    )


def _longest(times: list[float]) -> float:
    return max((after - before for before, after in pairwise(times)), default=0.0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--level", choices=("journal", "ledger"), default="journal")
    parser.add_argument("--history", type=Path, default=Path("chaos-history"))
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    print(f"seed {given.seed}", flush=True)
    figures = asyncio.run(run_kills(given.kills, given.seconds, given.seed, given.history, given.level))
    print(figures)
    for problem in figures.problems[:20]:
        print(f"  {problem.kind} {problem.invariant}: {problem.sentence}")
    return 1 if figures.problems or figures.unresolved else 0


if __name__ == "__main__":
    sys.exit(main())
