"""One cell of the programme: a workload under a fault at a durability level, and what became of it."""

import asyncio
import random
import time
from pathlib import Path

import httpx
from msgspec import Struct

from chaos.again import ask_again
from chaos.checker import BROKEN, LOST
from chaos.clients import DEED_SECONDS_MAX, Clients, until
from chaos.faults import FAULTS
from chaos.history import Deed, History, Operation, Strike
from chaos.model import DIVERGENT, DUPLICATED, OVER, Problem
from chaos.rig import Rig
from chaos.verify import verify
from chaos.wire import Wire
from chaos.workloads import WORKLOADS, Workload
from tests.support.shop import unique

CLIENTS = 16
ACKNOWLEDGED_MIN = 1_000
STRIKES_MIN = 5
"""A cell with less has shown nothing, and is failed for that."""
BETWEEN = 20
"""Requests answered between two strikes, so that each hits a system at work on any machine."""
STRIKES_ENOUGH = 10
BETWEEN_LATER = 150
"""After so many hits, strikes come this far apart: a slow machine has shown enough of recovering by then, and
spends its time on the requests that are still wanted.
"""
BETWEEN_SECONDS_MAX = 30.0
"""Longer than any recovery: then the next strike comes into it."""
EDIT_SECONDS = 0.05
READY_SECONDS_MAX = 60.0


class Cell(Struct, frozen=True):
    workload: str
    fault: str
    level: str

    @property
    def name(self) -> str:
        return f"{self.workload}x{self.fault}@{self.level}"

    @property
    def on_postgresql(self) -> bool:
        """What befalls SQL befalls either database, in turn."""
        return self.fault == "F10" and int(self.workload[1:]) % 2 == 1

    @property
    def promised(self) -> bool:
        """Whether the level promises that nothing acknowledged is lost under the fault."""
        return self.level in FAULTS[self.fault].survived_by


class Row(Struct, kw_only=True):
    """What is printed of a cell. strikes: faults that hit requests in flight."""

    cell: Cell
    seconds: float = 0.0
    acknowledged: int = 0
    refused: int = 0
    strikes: int = 0
    unknown: int = 0
    resolved: int = 0
    problems: list[Problem] = []
    failure: str = ""
    """Why the cell is failed; empty when it is not."""

    @property
    def says_nothing(self) -> bool:
        """Failed without a promise broken: too little happened, or something of the rig did not come up."""
        return bool(self.failure) and not self.broken()

    def count(self, kind: str) -> int:
        return sum(problem.kind == kind for problem in self.problems)

    def broken(self) -> list[str]:
        """The promises that did not hold, and how often."""
        return [f"{self.count(kind)} {kind}" for kind in self._promises() if self.count(kind)]

    def first_broken(self) -> Problem:
        return next(problem for problem in self.problems if problem.kind in self._promises())

    def _promises(self) -> list[str]:
        return [OVER, DUPLICATED, DIVERGENT, BROKEN, *([LOST] if self.cell.promised else [])]


class Limit(Struct, frozen=True):
    """seconds_min: how long a cell runs at least. seconds_max: when it ends, whatever it has shown; cells
    count requests, and only one in which hardly anybody is served any more comes so far.

    postgresql: every cell has its ledger there.

    crash_point: a place at which the ledger's writer dies in every one of its lives, instead of the fault's.
    """

    seconds_min: float = 8.0
    seconds_max: float = 600.0
    crash_point: str = ""
    postgresql: bool = False


async def run_cell(cell: Cell, seed: str, limit: Limit, folder: Path) -> Row:
    """Start the servers, let clients and faults loose, judge. Leaves the history in `folder`."""
    randomness = random.Random(f"{seed}:{cell.name}")
    fault = FAULTS[cell.fault]
    history = History(folder / f"{cell.name}.jsonl")
    history.note(cell=cell.name, seed=seed)
    rig = Rig(cell.level, external=fault.external, postgresql=limit.postgresql or cell.on_postgresql)
    rig.environment.update(fault.environment(rig, randomness))
    if limit.crash_point:
        rig.environment["VOUCHSAFE_CRASH_POINT"] = limit.crash_point
    row = Row(cell=cell)
    try:
        await rig.start()
        await _run(rig, row, randomness, limit, history)
    except Exception as error:  # A cell that breaks must not hide the others.
        row.failure = f"{type(error).__name__}: {str(error)[:2000]}"
        history.note(failure=row.failure, log=rig.server.log_tail())
    finally:
        row.seconds = history.now()
        await rig.stop()
        history.close()
    return row


async def _run(rig: Rig, row: Row, randomness: random.Random, limit: Limit, history: History) -> None:
    cell = row.cell
    workload = WORKLOADS[cell.workload]()
    project = await asyncio.to_thread(rig.server.create_project, unique("chaos"))
    with rig.server.client(project) as api:
        await asyncio.to_thread(workload.open, api)
    clients = Clients(rig.address, project.headers, workload, history, randomness.randrange(1 << 30))
    rig.hang_up = clients.hang_up
    clients.start(CLIENTS)
    closing = asyncio.Event()
    editing = asyncio.create_task(_edit(rig, project.headers, workload, history, closing))
    began = history.now()
    try:
        while not _enough(clients, history, began, limit):
            goal = clients.answered + (BETWEEN if _hits(history) < STRIKES_ENOUGH else BETWEEN_LATER)
            await asyncio.sleep(randomness.uniform(*FAULTS[cell.fault].pause))
            await until(lambda goal=goal: clients.answered >= goal, BETWEEN_SECONDS_MAX)
            await _strike(rig, cell, randomness, clients, history)
    finally:
        closing.set()
        await asyncio.wait([editing], timeout=DEED_SECONDS_MAX)
        editing.cancel()
        await asyncio.gather(editing, return_exceptions=True)
        await clients.finish()
    await asyncio.to_thread(wait_ready, rig)
    judgement = await verify(
        rig.redis_url, rig.database_url, project.project_id, history, workload.limits
    )
    row.problems = judgement.problems + [Problem(BROKEN, "-", one) for one in clients.faults]
    if cell.promised:  # Where a loss is allowed, what was lost is new when it is asked for again.
        row.problems += await ask_again(rig.address, project.headers, history, randomness)
    for problem in row.problems:
        history.note(problem=problem)
    _count(row, history)
    row.failure = _failure(row)


def _enough(clients: Clients, history: History, began: float, limit: Limit) -> bool:
    elapsed = history.now() - began
    shown = clients.acknowledged >= ACKNOWLEDGED_MIN and _hits(history) >= STRIKES_MIN
    return (shown and elapsed >= limit.seconds_min) or elapsed >= limit.seconds_max


def _hits(history: History) -> int:
    return sum(strike.in_flight > 0 for strike in history.strikes)


async def _strike(
    rig: Rig, cell: Cell, randomness: random.Random, clients: Clients, history: History
) -> None:
    hit = [(operation, operation.sendings) for operation in clients.in_flight.values()]
    strike = Strike(at=history.now(), ended=0.0, name=cell.fault, what="", in_flight=len(hit))
    strike.what = await FAULTS[cell.fault].strike(rig, randomness)
    strike.ended = history.now()
    strike.disturbed = sum(operation.sendings > sendings for operation, sendings in hit)
    if strike.what.startswith("nothing"):
        strike.in_flight = 0
    history.strike(strike)


async def _edit(
    rig: Rig, headers: dict[str, str], workload: Workload, history: History, closing: asyncio.Event
) -> None:
    """The shop's owner: every edit is repeated until it is answered, for that is when it holds; the last one
    too, or the checker would not know of an edit that had its effect.
    """
    wire = Wire(*rig.address, headers)
    try:
        for deed in workload.edits():
            if closing.is_set():
                return
            await _edit_once(wire, deed, history)
            await asyncio.sleep(EDIT_SECONDS)
    finally:
        wire.drop()


async def _edit_once(wire: Wire, deed: Deed, history: History) -> None:
    operation = Operation(number=len(history.operations), key="", deed=deed, called=history.now())
    while operation.status != httpx.codes.OK:
        operation.sendings += 1
        try:
            operation.status, _, operation.answer = await wire.send(deed.method, deed.path, deed.body, {})
        except Exception:  # Sent again: an edit says what shall be, not what to add.
            await asyncio.sleep(EDIT_SECONDS)
            continue
        if operation.status != httpx.codes.OK:
            await asyncio.sleep(EDIT_SECONDS)
    operation.returned = history.now()
    operation.key = f"edit-{operation.number}"
    history.operation(operation)


def wait_ready(rig: Rig) -> None:
    with httpx.Client(timeout=5) as client:
        end = READY_SECONDS_MAX * 20
        while end:
            try:
                if client.get(f"{rig.server.base_url}/readyz").status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass
            end -= 1
            time.sleep(0.05)
    raise AssertionError(f"the server did not come back:\n{rig.server.log_tail()}")


def _count(row: Row, history: History) -> None:
    own = [one for one in history.operations if not one.key.startswith("edit-")]
    row.acknowledged = len({one.key for one in own if one.acknowledged})
    row.refused = len({one.key for one in own if one.status and not one.acknowledged})
    row.strikes = _hits(history)
    unknown = [one for one in own if one.unknown]
    row.unknown = len(unknown)
    row.resolved = sum(bool(one.status) for one in unknown)


def _failure(row: Row) -> str:
    if wrong := row.broken():
        first = row.first_broken()
        return f"{', '.join(wrong)}; first: {first.invariant} {first.sentence}"
    if row.acknowledged < ACKNOWLEDGED_MIN:
        return f"shows nothing: {row.acknowledged} acknowledged, {ACKNOWLEDGED_MIN} are wanted"
    if row.strikes < STRIKES_MIN:
        return f"shows nothing: {row.strikes} faults hit requests in flight, {STRIKES_MIN} are wanted"
    return ""
