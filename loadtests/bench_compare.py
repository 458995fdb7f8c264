"""`make bench-compare A=before.json B=after.json`: two runs of `make bench-all` or `make bench`, row by row.

Compared are multiples of the floor in the same run, as microseconds of two days or two machines are not the
same thing. Rows that are void in either run are named and not compared. Exits 1 when a row became worse by
more than the tolerance, or when the runs have no row in common.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

Key = tuple[str, str, int]
MEASURES = (
    ("CPU", "cpu_x_floor", False),
    ("rate", "rate_x_floor", True),
    ("p99", "p99_x_floor", False),
    ("half p99", "open_p99_x_floor", False),
)
"""Title, member, whether more is better."""
JUDGED = ("CPU", "rate")
"""Latencies at full load and of single runs move too much to be held against somebody."""


def rows_of(document: dict[str, Any]) -> dict[Key, dict[str, Any]]:
    """By setting, name and connections, with their multiples of the floor."""
    connections = document.get("connections", 64)
    found: dict[Key, dict[str, Any]] = {}
    for row in document["rows"]:
        key = (row.get("setting", "sqlite-1-journal"), row["row"], row.get("connections", connections))
        found[key] = dict(row)
    for (setting, _, many), row in found.items():
        bare = found.get((setting, "floor", many))
        if bare is None:
            continue
        row.setdefault("cpu_x_floor", _ratio(row["cpu_us"], bare["cpu_us"]))
        row.setdefault("rate_x_floor", _ratio(row["requests_per_second"], bare["requests_per_second"]))
        row["p99_x_floor"] = _ratio(row["p99_ms"], bare["p99_ms"])
        if "open_loop" in row and "open_loop" in bare:
            row["open_p99_x_floor"] = _ratio(row["open_loop"]["p99_ms"], bare["open_loop"]["p99_ms"])
    return found


def _ratio(figure: float, bare: float) -> float | None:
    return figure / bare if bare else None


def compared(before: dict[str, Any], after: dict[str, Any], tolerance: float) -> tuple[list[str], list[str]]:
    """The lines of the table, and what became worse."""
    old, new = rows_of(before), rows_of(after)
    lines, worse = [], []
    for key in (key for key in old if key in new and key[1] != "floor"):
        name = f"{key[0]} {key[1]} at {key[2]}"
        if old[key]["void"] or new[key]["void"]:
            lines.append(f"{name:<44} void, not compared")
            continue
        cells = []
        for title, member, more in MEASURES:
            one, two = old[key].get(member), new[key].get(member)
            if not one or not two:
                continue
            cells.append(f"{title} {one:.2f} -> {two:.2f} ({(two / one - 1) * 100:+.0f} %)")
            if title in JUDGED and (one / two if more else two / one) > tolerance:
                worse.append(f"{name}: {title}")
        lines.append(f"{name:<44} " + "  ".join(cells))
    for title, some, others in (("only in A", old, new), ("only in B", new, old)):
        missing = [f"{key[0]} {key[1]} at {key[2]}" for key in some if key not in others]
        if missing:
            lines.append(f"{title}: {', '.join(missing)}")
    return lines, worse


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-compare", description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--tolerance", type=float, default=1.1, help="times worse that are still noise")
    options = parser.parse_args()
    before, after = (json.loads(path.read_text()) for path in (options.before, options.after))
    for member in ("machine", "seconds", "rounds", "customers"):
        if before.get(member) != after.get(member):
            print(f"not alike: {member} {before.get(member)} and {after.get(member)}")
    print("multiples of the floor, A -> B")
    lines, worse = compared(before, after, options.tolerance)
    print("\n".join(lines))
    if not set(rows_of(before)) & set(rows_of(after)):
        print("no row in common")
        return 1
    for what in worse:
        print(f"WORSE by more than {options.tolerance:g} times: {what}")
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main())
