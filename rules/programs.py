"""What compiling leaves behind: the types that `facts` carries and `decide` walks. Opaque to everyone
outside `rules`.
"""

from typing import Any

from msgspec import Struct


class RuleError(Exception):
    """The document is not a valid rule, discount or window. `key` is the wire error key; `details` says
    where and why.
    """

    def __init__(self, key: str, details: str) -> None:
        super().__init__(details)
        self.key = key
        self.details = details


class CompiledRule(Struct, frozen=True):
    """A validation rule ready to be walked."""

    id: str
    program: Any
    needs: frozenset[str] = frozenset()
    """What deciding looks at: "customer", "order", "counters", "catalogue", "metadata", "publication",
    "history" with what of it (rules.segments), counts of events (rules.happenings).
    """
    guards: tuple[str, ...] = ()
    """Versions that the decision depends on, e.g. ("seg:seg_1", "col:pc_1", "loc:loc_1")."""


class CompiledDiscount(Struct, frozen=True):
    """A discount ready to be computed. `document` is what was sent, unchanged."""

    document: Any
    program: Any
    products: tuple[str, ...] = ()
    """Ids of products and SKUs (unit_type) whose stored facts belong into `Facts.catalogue`."""
    reads_publication: bool = False
    """A formula looks at `Candidate.publication_metadata`."""


class CompiledWindow(Struct, frozen=True):
    """When and whether a redeemable or its campaign is live."""

    program: Any


class CompiledSegment(Struct, frozen=True):
    """Who belongs to a segment."""

    id: str
    program: Any
    guards: tuple[str, ...] = ()


class CompiledCollection(Struct, frozen=True):
    """Which products and SKUs belong to a collection."""

    id: str
    program: Any
    guards: tuple[str, ...] = ()


class CompiledLocation(Struct, frozen=True):
    """A shape on the globe."""

    id: str
    program: Any
