"""What a process keeps of much: the most recently used."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """The most recently used `size` entries."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        value = self.entries.get(key)
        if value is not None:
            self.entries.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        self.entries[key] = value
        self.entries.move_to_end(key)
        if len(self.entries) > self.size:
            self.entries.popitem(last=False)

    def drop(self, predicate: Callable[[K, V], bool]) -> None:
        for key in [key for key, value in self.entries.items() if predicate(key, value)]:
            del self.entries[key]


class Recent(Generic[K, V]):
    """At most `size` entries, and at least the half that was used last. Nothing links them to one another: an
    entry takes half of what it takes in Bounded, and the garbage collector sees nothing of texts and bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        value = self._young.get(key)
        if value is None:
            value = self._old.pop(key, None)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        self._old.pop(key, None)
        if len(self._young) >= self.size // 2 and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = value

    def pop(self, key: K) -> None:
        self._young.pop(key, None)
        self._old.pop(key, None)

    def __len__(self) -> int:
        return len(self._young) + len(self._old)
