"""Which operation a path names. Matched as it was sent, decoded afterwards: a code may hold an encoded slash.

Litestar 2.25 cannot do this: it routes on the decoded path, and an ASGI handler with parameters is looked up
by its method and not found (KeyError in its routing trie). So one handler is mounted at "/" and asks this
table.
"""

from typing import Generic, TypeVar

T = TypeVar("T")


class _Node(Generic[T]):
    __slots__ = ("names", "parameter", "segments", "value")

    def __init__(self) -> None:
        self.segments: dict[str, _Node[T]] = {}
        self.parameter: _Node[T] | None = None
        self.names: tuple[str, ...] = ()
        self.value: T | None = None


class PathTable(Generic[T]):
    """Templates like /v1/vouchers/{code} to values.

    A path without parameters is matched whole and first. Otherwise a segment that is written in a template
    wins over a parameter, and there is no way back: /v1/promotions/tiers/x is never the campaign "tiers".
    """

    def __init__(self) -> None:
        self._whole: dict[str, T] = {}
        self._sent: dict[bytes, tuple[T, dict[str, str]]] = {}
        self._root: _Node[T] = _Node()

    def add(self, template: str, value: T) -> None:
        """Raises: ValueError when another template matches the very same paths."""
        if "{" not in template:
            if template in self._whole:
                raise ValueError(f"{template} is in the table twice")
            self._whole[template] = value
            self._sent[template.encode()] = (value, {})
            return
        node = self._root
        names = []
        for segment in template.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment.strip("{}"))
                if node.parameter is None:
                    node.parameter = _Node()
                node = node.parameter
            else:
                node = node.segments.setdefault(segment, _Node())
        if node.value is not None:
            raise ValueError(f"{template} matches the same paths as another template")
        node.names = tuple(names)
        node.value = value

    def whole(self, raw_path: bytes) -> tuple[T, dict[str, str]] | None:
        """As `find`, for a path that was sent letter by letter as a template without parameters."""
        return self._sent.get(raw_path)

    def find(self, path: str) -> tuple[T, dict[str, str]] | None:
        """The value and the parameters as they were sent. A slash at the end makes no difference."""
        path = path.rstrip("/") or "/"
        whole = self._whole.get(path)
        if whole is not None:
            return whole, {}
        node = self._root
        values = []
        for segment in path[1:].split("/"):
            following = node.segments.get(segment)
            if following is None:
                following = node.parameter
                if following is None or not segment:
                    return None
                values.append(segment)
            node = following
        if node.value is None:
            return None
        return node.value, dict(zip(node.names, values, strict=True))
