"""What every client asked and was answered, and every fault: in memory for the checker, as JSONL for whoever
looks for the reason of a failure.
"""

import time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field


class Deed(Struct, kw_only=True):
    """One request as a client means it, however often it has to be sent. `copies`: how many more clients send
    the same at the same time.
    """

    kind: str
    path: str
    body: dict[str, Any]
    method: str = "POST"
    copies: int = 0
    about: str = ""
    """What the workload wants to remember, e.g. the redemption that is rolled back."""


class Operation(Struct, kw_only=True):
    """A deed in one client's hands. Times are seconds of the programme's own monotonic clock.

    status 0: never answered definitely. `unknown`: at least one sending may or may not have had its effect.
    """

    number: int
    key: str
    """Its Idempotency-Key, the same for all sendings and copies."""
    deed: Deed
    called: float
    returned: float = 0.0
    status: int = 0
    answer: dict[str, Any] = field(default_factory=dict)
    sendings: int = 0
    unknown: bool = False
    replayed: bool = False

    @property
    def acknowledged(self) -> bool:
        """Something was done. A validation that locks nothing is answered 200 too, and is not valid."""
        return self.status == 200 and self.answer.get("valid") is not False

    @property
    def redemptions(self) -> list[dict[str, Any]]:
        """Redemptions or rollbacks that the answer names."""
        if "redemptions" in self.answer:
            return list(self.answer["redemptions"])
        if "rollbacks" in self.answer:
            return list(self.answer["rollbacks"])
        return [self.answer] if "id" in self.answer else []


class Strike(Struct, kw_only=True):
    """One fault as it happened."""

    at: float
    ended: float
    name: str
    what: str
    in_flight: int
    """Requests that were waiting for their answer when it struck."""
    disturbed: int = 0
    """Of those, how many had to be sent again."""


class History:
    """Appends only. Every line of the file has a `type`: operation, strike or note."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.path = file
        self._file = file.open("wb")
        self._began = time.monotonic()
        self.operations: list[Operation] = []
        self.strikes: list[Strike] = []

    def now(self) -> float:
        """Seconds since the history began."""
        return time.monotonic() - self._began

    @property
    def disturbed(self) -> float:
        """When the last fault was over; 0 before the first."""
        return self.strikes[-1].ended if self.strikes else 0.0

    def operation(self, operation: Operation) -> None:
        self.operations.append(operation)
        self._write("operation", operation)

    def strike(self, strike: Strike) -> None:
        self.strikes.append(strike)
        self._write("strike", strike)

    def note(self, **facts: Any) -> None:
        """Anything that helps to read the file later: the seed, the cell, the pids."""
        self._write("note", {"at": self.now(), **facts})

    def close(self) -> None:
        self._file.close()

    def _write(self, kind: str, value: Any) -> None:
        self._file.write(msgspec.json.encode({"type": kind, **msgspec.to_builtins(value)}) + b"\n")
        self._file.flush()
