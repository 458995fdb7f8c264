"""`python -m chaos`: run cells, print a row for each, end with 1 when one is failed."""

import argparse
import asyncio
import secrets
import signal
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import structlog

from chaos.cell import Cell, Limit, Row, run_cell
from chaos.checker import BROKEN, LOST
from chaos.faults import FAULTS
from chaos.model import DIVERGENT, DUPLICATED, OVER
from chaos.selection import SELECTIONS, select
from chaos.workloads import WORKLOADS

HEAD = (
    f"{'cell':<18} {'acked':>6} {'refused':>8} {'faults':>7} {'unknown':>8} {'resolved':>9} "
    f"{'lost':>5} {'dup':>4} {'over':>5} {'diverg':>7} {'s':>5}  verdict"
)


def line(row: Row) -> str:
    lost = row.count(LOST)
    verdict = "FAILED" if row.failure else "ok" if row.cell.promised else "ok, loss allowed and detected"
    return (
        f"{row.cell.name:<18} {row.acknowledged:>6} {row.refused:>8} {row.strikes:>7} {row.unknown:>8} "
        f"{row.resolved:>9} {lost:>5} {row.count(DUPLICATED):>4} {row.count(OVER):>5} "
        f"{row.count(DIVERGENT) + row.count(BROKEN):>7} {row.seconds:>5.0f}  {verdict}"
    )


async def run(cells: list[Cell], seed: str, limit: Limit, folder: Path) -> int:
    """Run them one after another; the number of failed ones. One that says nothing is run once more: a
    machine that is too busy is no verdict. A promise that is broken once is broken.
    """
    began = time.monotonic()
    print(f"seed {seed}: {len(cells)} cells, histories in {folder}")
    print(HEAD, flush=True)
    failed = []
    for cell in cells:
        row = await run_cell(cell, seed, limit, folder)
        if row.says_nothing:
            print(f"{line(row)}\n  {row.failure}\n  once more:", flush=True)
            row = await run_cell(cell, seed, limit, folder)
        print(line(row), flush=True)
        if row.failure:
            failed.append(row)
            print(f"  {row.failure}", flush=True)
    seconds = time.monotonic() - began
    print(f"{len(cells) - len(failed)} of {len(cells)} cells ok in {seconds / 60:.1f} min, seed {seed}")
    for row in failed:
        print(f"again: python -m chaos --seed {seed} --cell {row.cell.name}")
    return len(failed)


def cell_named(name: str) -> Cell:
    workload, _, rest = name.partition("x")
    fault, _, level = rest.partition("@")
    if workload not in WORKLOADS or fault not in FAULTS or level not in ("journal", "ledger"):
        raise argparse.ArgumentTypeError(f"{name} is not a cell; one is W2xF1@journal")
    return Cell(workload, fault, level)


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description="Workloads under faults, judged.")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="decides every choice; printed")
    parser.add_argument("--select", choices=SELECTIONS, default="short")
    parser.add_argument("--full", dest="select", action="store_const", const="full", help="all there are")
    parser.add_argument("--cell", type=cell_named, action="append", help="e.g. W2xF1@journal; repeatable")
    parser.add_argument("--seconds", type=float, default=Limit().seconds_min, help="a cell's, at least")
    parser.add_argument("--seconds-max", type=float, default=Limit().seconds_max)
    parser.add_argument("--crash-point", default="", help="where the writer dies, e.g. drain-before-commit:5")
    parser.add_argument("--postgresql", action="store_true", help="the ledger is in PostgreSQL")
    parser.add_argument("--history", type=Path, default=Path("chaos-history"), help="folder of the histories")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    cells = given.cell or select(given.select)
    limit = Limit(
        given.seconds, max(given.seconds, given.seconds_max), given.crash_point, given.postgresql
    )
    return 1 if asyncio.run(_until_told(run(cells, given.seed, limit, given.history))) else 0


async def _until_told(work: Coroutine[Any, Any, int]) -> int:
    """SIGTERM ends the processes of the running cell too."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


if __name__ == "__main__":
    sys.exit(main())
