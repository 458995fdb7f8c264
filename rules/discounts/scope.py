"""The lines that an extension of a discount names: `{"included": [...], "excluded": [...]}`, absent for
all.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rules.cart import WorkLine
from rules.documents import array_of, object_of
from rules.entities import Entities, Entity

if TYPE_CHECKING:
    from rules.context import Context

ENTITIES_MAX: Final = 1000


class Scope:
    """Compiled `items` of an extension. `given` is False when the document does not say."""

    __slots__ = ("excluded", "given", "included")

    def __init__(self, document: Any, collections: Mapping[str, Any], key: str, where: str) -> None:
        self.given = document is not None
        if isinstance(document, list | tuple):
            document = {"included": document}
        body = object_of(document if document is not None else {}, key, where)
        self.included = self._read(body, "included", collections, key, where)
        self.excluded = self._read(body, "excluded", collections, key, where)

    @staticmethod
    def _read(
        body: Mapping[str, Any], field: str, collections: Mapping[str, Any], key: str, where: str
    ) -> Entities:
        listed = array_of(body.get(field), key, f"{where}.{field}", most=ENTITIES_MAX)
        return Entities(
            Entity(entity, collections, key, f"{where}.{field}[{index}]")
            for index, entity in enumerate(listed)
        )

    def takes(self, line: WorkLine, context: "Context") -> bool:
        """Is the line meant?"""
        now = context.now
        if self.included and not self.included.matches(line, now):
            return False
        return not self.excluded.matches(line, now)
