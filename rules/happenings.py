"""How often a customer did something: names of the counters of custom events, as rules and segments ask for
them and as tracking moves them.

A counter is told by a digest, so that neither the name of an event nor a value that came with it stands
in the ledger.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NamedTuple

WINDOWS: Final = {"": "", "daily": "d", "weekly": "w", "monthly": "m"}
"""Of a name's last part to the letter of the calendar window; nothing: since ever."""
EVENT_NAME_MAX: Final = 300
VALUE_MAX: Final = 512
ITEMS: Final = "$order.items"
"""In place of a value: each product and SKU of the order, of which the most frequent counts."""
_NEED: Final = "events"
_SEPARATOR: Final = "\x1f"


class Happening(NamedTuple):
    """One count that is looked at. window: "", "d", "w" or "m". member: of the event's metadata; with its
    `value`, or both empty.
    """

    event: str
    window: str = ""
    member: str = ""
    value: str = ""

    @property
    def need(self) -> str:
        """Among a rule's `needs`: it looks at this count."""
        return _SEPARATOR.join((_NEED, *self))

    def each(self, values: Iterable[str]) -> "tuple[Happening, ...]":
        """The counts behind this one: of each of the order's products and SKUs where it asks for those."""
        if self.value != ITEMS:
            return (self,)
        return tuple(self._replace(value=value) for value in dict.fromkeys(values))


def happening_of_need(need: str) -> Happening | None:
    """None for a need of another kind."""
    if not need.startswith(_NEED + _SEPARATOR):
        return None
    return Happening(*need.split(_SEPARATOR)[1:])


@lru_cache(maxsize=16384)
def field_of(event: str, name: str = "", value: str = "") -> str:
    """The counter of an event, or of an event with a property's value; 20 hexadecimal digits."""
    return blake2b(f"{event}\0{name}\0{value}".encode(), digest_size=10).hexdigest()


def text_of(value: Any) -> str | None:
    """A property's value as it is counted; None for one that is not."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str) or type(value).__name__ == "Decimal":
        text = str(value)
        return text if 0 < len(text) <= VALUE_MAX else None
    return None


def happening_of_field(field: str) -> Happening | None:
    """`events.<name>.count` and `events.<name>.count.<window>` of a segment's filter; None for others."""
    if not field.startswith("events."):
        return None
    rest = field.removeprefix("events.")
    for word, letter in WINDOWS.items():
        ending = ".count" + (f".{word}" if word else "")
        if rest.endswith(ending) and len(rest) > len(ending):
            return Happening(rest.removesuffix(ending), letter)
    return None
