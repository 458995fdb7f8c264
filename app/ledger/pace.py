"""Takings keep the pace of the projections: while these are behind, each taking waits a moment (ADR 20).

At level `journal` nothing else holds a full load back: it takes the processor from the background process,
and what people read falls further behind for as long as it lasts, until the read barrier gives up.
"""

from collections import deque
from typing import Final

from app.core.keys import Partition
from app.core.outbox import Position
from app.core.watermarks import PROJECTED, Watermarks

SAMPLE_SECONDS: Final = 0.05
SAMPLES_MAX: Final = 1_200
"""A minute of them: further behind is not told apart."""
BEHIND_SECONDS: Final = 0.4
"""How far behind the projections may be before anybody waits: four times what they let events gather."""
PAUSE_PER_SECOND: Final = 0.4
"""Seconds of waiting for each second that they are further behind."""
PAUSE_SECONDS_MAX: Final = 0.2
STANDING_SECONDS: Final = 1.0
"""Projections that did not move for so long are waited for in vain."""
PAUSE_SECONDS_IN_VAIN: Final = 0.1
"""With the background process away for good: a checkout does not wait for that."""


class Pace:
    """How far the projections are behind what this process has taken; one per process."""

    def __init__(self, watermarks: Watermarks) -> None:
        self._watermarks = watermarks
        self._taken: dict[Partition, deque[tuple[float, Position]]] = {}
        self._moved: dict[Partition, tuple[float, Position]] = {}
        """How far the projections are, and since when they are seen there."""

    def took(self, partition: Partition, event_id: str, now: float) -> None:
        """now: seconds, of any clock that only goes forward."""
        samples = self._taken.get(partition)
        if samples is None:
            samples = self._taken[partition] = deque(maxlen=SAMPLES_MAX)
            self._watermarks.subscribe(partition)
        elif samples and now - samples[-1][0] < SAMPLE_SECONDS:
            return
        samples.append((now, Position.parse(event_id)))

    def pause(self, partition: Partition, now: float) -> float:
        """Seconds that the next taking should wait."""
        samples = self._taken.get(partition)
        if not samples:
            return 0.0
        projected = self._watermarks.known(partition, PROJECTED)
        if projected is None:
            return 0.0
        while samples and samples[0][1] <= projected:
            samples.popleft()
        behind = now - samples[0][0] - BEHIND_SECONDS if samples else 0.0
        if behind <= 0.0:
            return 0.0
        moved = self._moved.get(partition)
        if moved is None or moved[1] != projected:
            moved = self._moved[partition] = (now, projected)
        stands = now - moved[0] > STANDING_SECONDS
        longest = PAUSE_SECONDS_IN_VAIN if stands else PAUSE_SECONDS_MAX
        return min(longest, behind * PAUSE_PER_SECOND)
