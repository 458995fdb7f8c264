"""What rules and discounts refer to: segments and collections, and the locations that those look at in turn.

Owns the reading of these rows and their compilation; knows which versions each of them rests on.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Location, ProductCollection, Segment
from rules.compile import (
    CompiledCollection,
    CompiledLocation,
    CompiledSegment,
    RuleError,
    compile_collection,
    compile_location,
    compile_segment,
    references,
)

SEGMENT, COLLECTION, LOCATION = "seg:", "col:", "loc:"
"""Prefixes of guard names."""


class Referred(Struct, frozen=True):
    """Compiled, by id. `guards`: of each segment and collection by its guard name, with its locations'."""

    segments: Mapping[str, CompiledSegment]
    collections: Mapping[str, CompiledCollection]
    guards: Mapping[str, Mapping[str, int]]

    def guards_of(self, names: Iterable[str]) -> dict[str, int]:
        """The versions on which a document that refers to `names` rests."""
        found: dict[str, int] = {}
        for name in names:
            found.update(self.guards.get(name, {}))
        return found


async def load_referred(session: AsyncSession, project_id: str, names: Iterable[str]) -> Referred:
    """names: guard names. What does not exist has no members, and nothing of it is answered."""
    wanted = list(names)
    segments = await _rows(session, Segment, project_id, ids_of(wanted, SEGMENT))
    collections = await _rows(session, ProductCollection, project_id, ids_of(wanted, COLLECTION))
    below = {SEGMENT + row.id: references(row.body) for row in segments}
    below.update({COLLECTION + row.id: references(row.body) for row in collections})
    locations, versions = await load_locations(
        session, project_id, ids_of((name for one in below.values() for name in one), LOCATION)
    )
    guards = {
        prefix + row.id: {
            prefix + row.id: row.version,
            **{name: versions[name] for name in below[prefix + row.id] if name in versions},
        }
        for prefix, rows in ((SEGMENT, segments), (COLLECTION, collections))
        for row in rows
    }
    return Referred(
        segments={
            row.id: compile_segment(row.id, {**row.body, "type": row.type}, locations=locations)
            for row in segments
        },
        collections={
            row.id: compile_collection(row.id, {**row.body, "type": row.type}, locations=locations)
            for row in collections
        },
        guards=guards,
    )


async def load_locations(
    session: AsyncSession, project_id: str, location_ids: Iterable[str]
) -> tuple[dict[str, CompiledLocation], dict[str, int]]:
    """(compiled by id, version by guard name)."""
    compiled: dict[str, CompiledLocation] = {}
    versions: dict[str, int] = {}
    for row in await _rows(session, Location, project_id, set(location_ids)):
        versions[LOCATION + row.id] = row.version
        try:
            compiled[row.id] = compile_location(row.id, {"shape": row.shape})
        except RuleError:
            # Refused when it was written; a shape that no longer compiles holds no point.
            continue
    return compiled, versions


def collection_names(discounts: Iterable[Mapping[str, Any] | None]) -> set[str]:
    """Guard names of the collections that discounts name."""
    return {
        name for document in discounts if document for name in references(document) if name.startswith("col:")
    }


def ids_of(names: Iterable[str], prefix: str) -> set[str]:
    """The ids among guard names that begin with a prefix."""
    return {name[len(prefix) :] for name in names if name.startswith(prefix)}


async def _rows(session: AsyncSession, table: Any, project_id: str, ids: set[str]) -> list[Any]:
    if not ids:
        return []
    return list(await session.scalars(select(table).where(table.project_id == project_id, table.id.in_(ids))))
