"""`make bench-all`: every row beside the floor, on both databases, with one worker and two, at both levels.

A round is one reading of the floor and one of each row; figures are medians over the rounds, ratios are to
the floor of the same round. Then the floor and the rows whose latency counts are asked in an open loop at
half of the rate that was found. Bars are printed as held or missed; exits 1 when one is missed or a row is
void.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from loadtests import bench
from loadtests.bench_bars import bars_of, limits_of_two_workers
from loadtests.bench_cases import CASES, Load, proves
from loadtests.machine import cpu_seconds
from loadtests.open_loop import Target, open_loop
from loadtests.shop import write_bodies
from loadtests.stage import Floor, Setting, Stage, engine, floor

FLOOR = "floor"
OPEN_LOOP_SHARE = 0.5
CLIENT_LATE_MS_MAX = 20.0
PLAN: dict[str, tuple[str, ...]] = {
    "sqlite-1-journal": tuple(CASES),
    "sqlite-1-ledger": ("redeem",),
    "sqlite-2-journal": ("validate", "redeem"),
    "postgres-1-journal": ("validate", "redeem", "stack", "mint"),
    "postgres-1-ledger": ("redeem",),
    "postgres-2-journal": ("validate", "redeem"),
}
"""What is measured where; `--settings` and `--rows` choose from it."""
COLUMNS = (
    "conn", "req/s", "x floor", "p50 ms", "p95 ms", "p99 ms", "CPU us", "x floor", "worker", "Valkey",
    "backgr.", "database", "client", "half/s", "p50 ms", "p99 ms",
)  # fmt: skip
WIDTH = 34


class Run:
    """One setting: the engine and the floor stand side by side, and are asked in turn."""

    def __init__(self, stage: Stage, bare: Floor, options: argparse.Namespace) -> None:
        self.stage = stage
        self.bare = bare
        self.options = options
        self.readings: dict[tuple[str, int], list[dict[str, Any]]] = {}
        self.bodies: dict[str, Path] = {FLOOR: stage.folder / "floor-bodies"}
        self.loads: dict[str, Load] = {}
        write_bodies(self.bodies[FLOOR], options.customers)

    def rows(self, names: Iterable[str]) -> list[dict[str, Any]]:
        for name in names:
            print(f"  {name} is prepared", file=sys.stderr, flush=True)
            load = CASES[name].prepare(self.stage, self.options.customers)
            self.loads[name] = load
            self.bodies[name] = self.stage.folder / f"{name}-bodies"
            lines = [json.dumps(body, separators=(",", ":")) for body in load.bodies]
            self.bodies[name].write_text("\n".join(lines) + "\n")
            proves(self.stage, load, load.bodies[0])
        for number in range(self.options.rounds):
            for connections in self.options.connections:
                bench.CONNECTIONS = connections
                print(f"  round {number + 1}, {connections} connections", file=sys.stderr, flush=True)
                self._keep(FLOOR, connections, self._floor())
                for name, load in self.loads.items():
                    few = CASES[name].connections_max
                    if connections > few and connections != max(self.options.connections):
                        continue  # It would be measured twice alike.
                    bench.CONNECTIONS = min(connections, few)
                    self._keep(name, connections, self._engine(name, load))
        rows = [self._middle(name, connections) for name, connections in self.readings]
        if not self.options.closed_loop_only:
            self._ask_openly(rows)
        return rows

    def _keep(self, name: str, connections: int, row: dict[str, Any]) -> None:
        self.readings.setdefault((name, connections), []).append(row)

    def _floor(self) -> dict[str, Any]:
        bodies = self.bodies[FLOOR]
        return bench.measure(
            FLOOR,
            lambda seconds: bench.attack(self.bare.url, "/redeem", {}, bodies, seconds),
            self.bare.workers,
            self.bare.valkeys,
            [],
        )

    def _engine(self, name: str, load: Load) -> dict[str, Any]:
        stage = self.stage
        stage.rest()
        databases: list[float] = []

        def send(seconds: int) -> tuple[dict[str, Any], float]:
            before = cpu_seconds(stage.database)
            figures, client = bench.attack(
                stage.url, load.path, load.project.headers, self.bodies[name], seconds
            )
            if not figures["requests"]:  # Void, but the other rows are worth printing.
                figures = {**figures, "requests": 1, "broken": figures["broken"] + 1}
            databases[:] = [cpu_seconds(stage.database) - before, float(figures["requests"])]
            if load.refused:  # A success is what must not be.
                figures = {**figures, "not_2xx": figures["requests"] - figures["not_2xx"]}
            return figures, client

        watch = (lambda: stage.watch(load.project)) if load.takes else None
        events, spent = stage.events(load.project), cpu_seconds(stage.background)
        row = bench.measure(name, send, stage.workers, [stage.valkey_pid], stage.background, watch)
        stage.rest()
        proves(stage, load, load.bodies[-1])
        row["database_cpu_us"] = round(databases[0] / databases[1] * 1e6, 1)
        if load.takes:
            # With what was still to be done when the load had ended.
            made = stage.events(load.project) - events
            row["background_whole_cpu_us"] = round(
                (cpu_seconds(stage.background) - spent) / max(1, made) * 1e6, 1
            )
        return row

    def _middle(self, name: str, connections: int) -> dict[str, Any]:
        readings = self.readings[name, connections]
        floors = self.readings[FLOOR, connections]
        row: dict[str, Any] = {
            "setting": self.stage.setting.name,
            "row": name,
            "connections": connections if name == FLOOR else min(connections, CASES[name].connections_max),
            "rounds": len(readings),
        }
        for member, value in readings[0].items():
            if isinstance(value, int | float):
                row[member] = round(statistics.median(reading[member] for reading in readings), 3)
        row["void"] = sorted({reason for reading in readings for reason in reading["void"]})
        for ratio, member in (("rate_x_floor", "requests_per_second"), ("cpu_x_floor", "cpu_us")):
            pairs = zip(readings, floors, strict=True)
            row[ratio] = round(statistics.median(one[member] / bare[member] for one, bare in pairs), 3)
        return row

    def _ask_openly(self, rows: list[dict[str, Any]]) -> None:
        """The same share of its own maximum for everybody."""
        most = max(self.options.connections)
        for row in rows:
            name = row["row"]
            if row["connections"] != most or not (name == FLOOR or CASES[name].open_loop):
                continue
            print(f"  {name} in an open loop", file=sys.stderr, flush=True)
            self.stage.rest()
            if name == FLOOR:
                target = Target(self.bare.url, "/redeem", {}, self.bodies[name])
            else:
                load = self.loads[name]
                target = Target(self.stage.url, load.path, load.project.headers, self.bodies[name])
            rate = row["requests_per_second"] * OPEN_LOOP_SHARE
            row["open_loop"] = found = open_loop(target, rate, bench.SECONDS)
            if found["broken"] or set(found["statuses"]) - {"200"}:
                row["void"].append(f"open loop: {found['statuses']}, {found['broken']} broken")
            if found["client_late_p99_ms"] > CLIENT_LATE_MS_MAX:
                row["void"].append("open loop: the client itself was late")


def table(rows: list[dict[str, Any]]) -> str:
    lines = [" " * WIDTH + "".join(f"{title:>9}" for title in COLUMNS)]
    for row in rows:
        opened = row.get("open_loop")
        cells = [
            str(row["connections"]),
            f"{row['requests_per_second']:.0f}",
            f"{row['rate_x_floor']:.2f}",
            *(f"{row[member]:.1f}" for member in ("p50_ms", "p95_ms", "p99_ms")),
            f"{row['cpu_us']:.0f}",
            f"{row['cpu_x_floor']:.2f}",
            *(f"{row[f'{member}_cpu_us']:.0f}" for member in ("worker", "valkey", "background")),
            f"{row.get('database_cpu_us', 0):.0f}",
            f"{row['client_cpu_us']:.0f}",
        ]
        if opened:
            cells += [f"{opened['rate']:.0f}", f"{opened['p50_ms']:.1f}", f"{opened['p99_ms']:.1f}"]
        name = f"{row['setting']} {row['row']}"
        lines.append(f"{name:{WIDTH}}" + "".join(f"{cell:>9}" for cell in cells))
        lines += [f"{'':{WIDTH}}VOID: {reason}" for reason in row["void"]]
    return "\n".join(lines)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-all", description=__doc__)

    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    def names(text: str) -> list[str]:
        return text.split(",")

    parser.add_argument("--seconds", type=int, default=int(os.environ.get("BENCH_SECONDS", "20")))
    parser.add_argument("--warm-seconds", type=int, default=bench.WARM_SECONDS)
    parser.add_argument("--rounds", type=int, default=1, help="5 or more for rates that are quoted")
    parser.add_argument("--connections", type=numbers, default=[64], help="such as 16,64")
    parser.add_argument("--customers", type=int, default=bench.CUSTOMERS)
    parser.add_argument("--settings", type=names, default=list(PLAN), help=", ".join(PLAN))
    parser.add_argument("--rows", type=names, default=list(CASES), help=", ".join(CASES))
    parser.add_argument("--closed-loop-only", action="store_true")
    parser.add_argument("--json", type=Path, default=os.environ.get("BENCH_JSON"), help="keep the figures")
    options = parser.parse_args()
    unknown = [*set(options.settings) - set(PLAN), *set(options.rows) - set(CASES)]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}")
    return options


def measured(options: argparse.Namespace) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name in options.settings:
        chosen = [row for row in PLAN[name] if row in options.rows]
        if not chosen:
            continue
        print(name, file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="vb-") as folder:
            place = Path(folder)
            with floor(place / "f") as bare, engine(Setting.parse(name), place) as stage:
                rows += Run(stage, bare, options).rows(chosen)
    return rows


def main() -> int:
    options = parsed()
    if shutil.which("wrk") is None:
        raise SystemExit("make bench-all needs wrk, a package of Debian and Ubuntu: apt install wrk")
    bench.SECONDS, bench.WARM_SECONDS = options.seconds, options.warm_seconds
    machine = f"{os.cpu_count()} processors, Python {platform.python_version()}"
    print(f"{options.seconds} s a row, {options.rounds} rounds, {options.customers} customers, {machine}")
    rows = measured(options)
    print(table(rows))
    print("CPU us: worker + Valkey for each request. half/s: the open loop's rate, then its latency.")
    bars = bars_of(rows)
    for bar in bars:
        print(bar.line)
    print("\n".join(limits_of_two_workers(rows)))
    if options.json:
        result = {
            "machine": machine,
            "seconds": options.seconds,
            "rounds": options.rounds,
            "customers": options.customers,
            "rows": rows,
            "bars": [{**bar._asdict(), "held": bar.held} for bar in bars],
        }
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n")
    if any(row["void"] for row in rows):
        print("void: figures of those rows are not to be quoted")
        return 1
    return int(not all(bar.held for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
