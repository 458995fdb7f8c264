"""Bodies of category requests."""

from typing import Annotated

from msgspec import Meta, Struct

HIERARCHY_MAX = 10**9


class CategoryBody(Struct, kw_only=True):
    """PUT replaces both, as POST sets them. A lower hierarchy comes first."""

    name: Annotated[str, Meta(min_length=1, max_length=1_000)]
    hierarchy: Annotated[int, Meta(ge=0, le=HIERARCHY_MAX)]
