"""Which cells are run: a handful in CI, every pair once, or everything."""

from chaos.cell import Cell
from chaos.faults import FAULTS
from chaos.workloads import WORKLOADS

LEVELS = ("journal", "ledger")
SELECTIONS = ("short", "levels", "pairs", "full")

SHORT = (
    Cell("W2", "F1", "journal"),
    Cell("W4", "F2", "journal"),
    Cell("W9", "F5", "ledger"),
    Cell("W6", "F3", "journal"),
    Cell("W5", "F6", "ledger"),
    Cell("W3", "F12", "journal"),
    Cell("W7", "F1", "ledger"),
)
"""Each workload that races for something scarce, under the fault that is likeliest to break it."""


def select(name: str) -> list[Cell]:
    """levels: every fault at every level, workloads in turn. pairs: every workload under every fault once,
    levels in turn, so that each fault meets each level; whoever ends it early has met every fault about as
    often. full: everything.
    """
    if name == "short":
        return list(SHORT)
    if name == "levels":
        names = list(WORKLOADS)
        return [
            Cell(names[(2 * row + column) % len(names)], fault, level)
            for row, fault in enumerate(FAULTS)
            for column, level in enumerate(LEVELS)
        ]
    if name == "full":
        return [Cell(w, f, level) for f in FAULTS for w in WORKLOADS for level in LEVELS]
    workloads = list(enumerate(WORKLOADS))
    return [
        Cell(workload, fault, LEVELS[(row + column) % len(LEVELS)])
        for turn in range(len(workloads))
        for row, fault in enumerate(FAULTS)
        for column, workload in [workloads[(row + turn) % len(workloads)]]
    ]
