"""How a child learns that its parent is gone, however the parent ended.

The parent holds the writing end of a pipe and never writes. kill -9 closes it like any other end, so the
child reads end-of-file within a moment, on every platform, without polling.
"""

import asyncio
import os
from collections.abc import Callable


class Lifeline:
    """The parent's side."""

    def __init__(self) -> None:
        self.child_end, self._own_end = os.pipe()

    def close(self) -> None:
        os.close(self.child_end)
        os.close(self._own_end)


def when_parent_ends(descriptor: int, call: Callable[[], None]) -> None:
    """In a child, inside its event loop: `call` once the parent is gone.

    descriptor: the reading end that the child inherited.
    """
    loop = asyncio.get_running_loop()

    def gone() -> None:
        loop.remove_reader(descriptor)
        call()

    loop.add_reader(descriptor, gone)
