"""Locations that `extensions.geo` names by id: their shapes are laid into the extensions when a program is
made, which then rests on their versions too.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Campaign, Location, PromotionTier
from rules.geo import geo_locations, with_shapes

GUARD: Final = "loc:"


class Places(Struct, frozen=True):
    """Shapes and versions by the id of a location."""

    shapes: Mapping[str, Mapping[str, Any]] = {}
    versions: Mapping[str, int] = {}

    def resolved(self, extensions: Mapping[str, Any]) -> Mapping[str, Any]:
        """The extensions with the shapes of what they name; the same object where they name nothing."""
        return with_shapes(extensions, self.shapes) if geo_locations(extensions) else extensions

    def guards_of(self, extensions: Mapping[str, Any]) -> dict[str, int]:
        return {
            GUARD + name: self.versions[name] for name in geo_locations(extensions) if name in self.versions
        }


def extensions_of(row: Campaign | PromotionTier) -> Mapping[str, Any]:
    return row.body.get("extensions") or {}


async def load_places(
    session: AsyncSession, project_id: str, extensions: Iterable[Mapping[str, Any]]
) -> Places:
    """No statement where nothing is named."""
    names = {name for one in extensions for name in geo_locations(one)}
    if not names:
        return Places()
    rows = await session.execute(
        select(Location.id, Location.shape, Location.version).where(
            Location.project_id == project_id, Location.id.in_(names)
        )
    )
    found = rows.all()
    return Places(
        shapes={row[0]: row[1] for row in found}, versions={row[0]: row[2] for row in found}
    )
