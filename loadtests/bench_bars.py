"""The bars of `make bench-all`: what a row may cost, as a multiple of the floor or of another row."""

from collections.abc import Callable
from typing import Any, NamedTuple

Rows = dict[tuple[str, str, int], dict[str, Any]]
MAIN = "sqlite-1-journal"


class Bar(NamedTuple):
    """A figure beside what it has to be. at_least: more is better."""

    name: str
    figure: float
    bar: float
    goal: float | None = None
    unit: str = "x"
    at_least: bool = False
    note: str = ""

    @property
    def held(self) -> bool:
        return self.figure >= self.bar if self.at_least else self.figure <= self.bar

    @property
    def line(self) -> str:
        sign = ">=" if self.at_least else "<="
        goal = "" if self.goal is None else f", goal {self.goal:g}"
        note = f" {self.note}" if self.note else ""
        verdict = "held" if self.held else "MISSED"
        judged = f"(bar {sign} {self.bar:g}{goal}: {verdict})"
        return f"{self.name:<58} {self.figure:>9.2f} {self.unit:<3} {judged}{note}"


CPU = (("redeem", 2.1, 1.6), ("validate", 1.55, 1.2), ("stack", 5.0, 3.7), ("refuse_sold_out", 1.0, 0.8))
"""Processor time of worker and Valkey for a request, to the floor's: bar and goal."""
RATES = (("redeem", 0.45, 0.65), ("validate", 0.70, 0.90), ("stack", 0.20, 0.30))
"""Requests a second, to the floor's."""
BACKGROUND = (("sqlite", 1.5), ("postgres", 2.0))
"""Processor time of the background process for a redemption, to what the floor's request costs."""
LEDGER_RATE_MIN = 0.8
OPEN_LOOP_P99_MAX = 4.0
MANY_TIERS_MAX = 8.0
PAIRS_MIN = 5


def bars_of(rows: list[dict[str, Any]]) -> list[Bar]:
    """Those whose rows were measured."""
    found: Rows = {(row["setting"], row["row"], row["connections"]): row for row in rows}
    most = max((row["connections"] for row in rows), default=0)

    def at(setting: str, row: str) -> dict[str, Any] | None:
        return found.get((setting, row, most))

    return [
        *_of_processor(at),
        *_of_rates(rows),
        *_of_levels(at),
        *_of_latency(at),
        *_of_tiers(at),
    ]


At = Callable[[str, str], dict[str, Any] | None]


def _of_processor(at: At) -> list[Bar]:
    bars = [
        Bar(f"CPU of {name}, to the floor", row["cpu_x_floor"], bar, goal)
        for name, bar, goal in CPU
        if (row := at(MAIN, name))
    ]
    for database, bar in BACKGROUND:
        row, bare = at(f"{database}-1-journal", "redeem"), at(f"{database}-1-journal", "floor")
        if row and bare:
            ratio = row["background_whole_cpu_us"] / bare["cpu_us"]
            bars.append(Bar(f"CPU of the background for a redemption, {database}", ratio, bar))
    return bars


def _of_rates(rows: list[dict[str, Any]]) -> list[Bar]:
    bars = []
    for name, bar, goal in RATES:
        for row in rows:
            if (row["setting"], row["row"]) == (MAIN, name):
                title = f"rate of {name} at {row['connections']} clients, to the floor"
                few = row["rounds"] < PAIRS_MIN
                note = f"[{row['rounds']} pairs; {PAIRS_MIN} make a figure]" if few else ""
                bars.append(Bar(title, row["rate_x_floor"], bar, goal, at_least=True, note=note))
    return bars


def _of_levels(at: At) -> list[Bar]:
    bars = []
    for database in ("sqlite", "postgres"):
        journal, ledger = (at(f"{database}-1-{level}", "redeem") for level in ("journal", "ledger"))
        if journal and ledger:
            # Each beside the floor of its own rounds: the machine may have changed between the two.
            ratio = ledger["rate_x_floor"] / journal["rate_x_floor"]
            title = f"rate of redeem at level ledger, to journal, {database}"
            bars.append(Bar(title, ratio, LEDGER_RATE_MIN, at_least=True))
    return bars


def _of_latency(at: At) -> list[Bar]:
    row, bare = at(MAIN, "redeem"), at(MAIN, "floor")
    if not (row and bare and "open_loop" in row and "open_loop" in bare):
        return []
    ratio = row["open_loop"]["p99_ms"] / bare["open_loop"]["p99_ms"]
    return [Bar("p99 of redeem in an open loop at half load, to the floor's", ratio, OPEN_LOOP_P99_MAX)]


def _of_tiers(at: At) -> list[Bar]:
    bars = []
    for name in ("qualify", "best_deal"):
        few, many = at(MAIN, f"{name}_100"), at(MAIN, f"{name}_20000")
        if few and many:
            ratio = many["cpu_us"] / few["cpu_us"]
            bars.append(Bar(f"CPU of {name} with 20 000 tiers, to 100", ratio, MANY_TIERS_MAX))
    return bars


def limits_of_two_workers(rows: list[dict[str, Any]]) -> list[str]:
    """What two workers give, and which processors were busy with what."""
    lines = []
    by_name = {(row["setting"], row["row"], row["connections"]): row for row in rows}
    for (setting, name, connections), two in by_name.items():
        one = by_name.get((setting.replace("-2-", "-1-"), name, connections))
        if "-2-" not in setting or one is None or name == "floor":
            continue
        ratio = two["rate_x_floor"] / one["rate_x_floor"]
        parts = ("worker", "valkey", "background", "database", "client")
        rate = two["requests_per_second"]
        busy = {part: two.get(f"{part}_cpu_us", 0) * rate / 1e6 for part in parts}
        shown = ", ".join(f"{part} {share:.2f}" for part, share in busy.items() if share >= 0.005)
        lines.append(
            f"two workers to one, {setting} {name}: {ratio:.2f} x; processors busy: {shown};"
            f" {sum(busy.values()):.2f} in all"
        )
    return lines
