"""Offer pressure: at most so many offers per customer in a day, week or month over all campaigns of a
project, but for categories that do not count (S26).
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

from rules.documents import array_of, object_of, one_of
from rules.programs import RuleError

WINDOWS: Final = {"day": "d", "week": "w", "month": "m"}
REDEMPTIONS, PUBLICATIONS = "redemptions", "publications"
LIMITS_MAX: Final = 10
CATEGORIES_MAX: Final = 100
LIMIT_MAX: Final = 10**6


class OfferLimit:
    """One of the project's limits. `field`: of the customer's counter; those that count the same share it."""

    __slots__ = ("exempt", "field", "limit", "refuses_nobody", "what", "window", "word")

    def __init__(self, document: Any, key: str, where: str) -> None:
        body = object_of(document, key, where)
        limit = body.get("limit")
        if isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= LIMIT_MAX:
            raise RuleError(key, f"Property {where}.limit must be an integer between 0 and {LIMIT_MAX}")
        self.limit = limit
        self.word = one_of(body.get("window"), WINDOWS, key, f"{where}.window")
        self.window = WINDOWS[self.word]
        self.what = one_of(body.get("of") or REDEMPTIONS, (REDEMPTIONS, PUBLICATIONS), key, f"{where}.of")
        exempt = array_of(
            body.get("exempt_categories"), key, f"{where}.exempt_categories", most=CATEGORIES_MAX
        )
        if not all(isinstance(name, str) and name for name in exempt):
            raise RuleError(key, f"Property {where}.exempt_categories items must be string")
        self.exempt = frozenset(exempt)
        missing = one_of(body.get("missing") or "pass", ("pass", "refuse"), key, f"{where}.missing")
        self.refuses_nobody = missing == "refuse"
        names = "\0".join(sorted(self.exempt))
        self.field = "offers" + ("-" + blake2b(names.encode(), digest_size=6).hexdigest() if names else "")

    def exempts(self, names: Iterable[str]) -> bool:
        """names: of the offer's categories, ids and names."""
        return not self.exempt.isdisjoint(names)

    @property
    def sentence(self) -> str:
        """What the limit says, for a refusal."""
        return f"A customer can have at most {self.limit} {self.what} a {self.word} over all campaigns"


def offer_limits(document: Any, key: str, where: str) -> tuple[OfferLimit, ...]:
    """Compile `extensions.offer_pressure` of a project; raises RuleError."""
    limits = array_of(document, key, where, most=LIMITS_MAX)
    return tuple(OfferLimit(one, key, f"{where}.{number}") for number, one in enumerate(limits))


def names_of(category_ids: Iterable[str], categories: Mapping[str, Any]) -> list[str]:
    """Ids and names of categories."""
    names = []
    for category_id in category_ids:
        names.append(category_id)
        known = categories.get(category_id)
        if known is not None:
            names.append(known.name)
    return names
