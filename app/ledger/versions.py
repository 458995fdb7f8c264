"""Catalogue versions as SQL knows them: what recovery fills the core with before opening a partition (D5)."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import (
    Campaign,
    CatalogueVersion,
    Location,
    Product,
    ProductCollection,
    Project,
    Segment,
    Sku,
    ValidationRule,
)
from app.identifiers import next_version

SETTINGS_GUARD: Final = "s"
PRODUCTS_GUARD: Final = "prod"

_ROWS: Final[tuple[tuple[str, Any], ...]] = (
    ("c:", Campaign),
    ("rule:", ValidationRule),
    ("seg:", Segment),
    ("loc:", Location),
    ("col:", ProductCollection),
)


async def remember_versions(session: AsyncSession, project_id: str, guards: Mapping[str, int]) -> None:
    """Keep guards in the transaction of the write that raised them: an object that is deleted leaves its last
    version here.
    """
    if not guards:
        return
    rows = [{"project_id": project_id, "name": name, "version": version} for name, version in guards.items()]
    if session.get_bind().dialect.name == "postgresql":
        posted = postgresql.insert(CatalogueVersion).values(rows)
        statement: Any = posted.on_conflict_do_update(
            index_elements=["project_id", "name"],
            set_={"version": func.greatest(CatalogueVersion.version, posted.excluded.version)},
        )
    else:
        stored = sqlite.insert(CatalogueVersion).values(rows)
        statement = stored.on_conflict_do_update(
            index_elements=["project_id", "name"],
            set_={"version": func.max(CatalogueVersion.version, stored.excluded.version)},
        )
    await session.execute(statement)


async def raise_products_version(session: AsyncSession, project_id: str) -> int:
    """The last statement of a product's transaction. Its row stays locked until the commit, so versions
    grow in the order of commits: whoever reads products after seeing a version sees what that version
    stands for.
    """
    values = {"project_id": project_id, "name": PRODUCTS_GUARD, "version": next_version()}
    if session.get_bind().dialect.name == "postgresql":
        posted = postgresql.insert(CatalogueVersion).values(values)
        newest = func.greatest(CatalogueVersion.version + 1, posted.excluded.version)
        statement: Any = posted.on_conflict_do_update(
            index_elements=["project_id", "name"], set_={"version": newest}
        )
    else:
        stored = sqlite.insert(CatalogueVersion).values(values)
        newest = func.max(CatalogueVersion.version + 1, stored.excluded.version)
        statement = stored.on_conflict_do_update(
            index_elements=["project_id", "name"], set_={"version": newest}
        )
    version: int | None = await session.scalar(statement.returning(CatalogueVersion.version))
    assert version is not None
    return version


async def catalogue_versions(session: AsyncSession, project_id: str) -> dict[str, int]:
    """Every guard of a project with its newest version: of the rows, deleted ones too, and of what was
    remembered.
    """
    versions: dict[str, int] = {}

    def raise_to(name: str, version: int | None) -> None:
        if version is not None and version > versions.get(name, -1):
            versions[name] = version

    for prefix, model in _ROWS:
        rows = select(model.id, model.version).where(model.project_id == project_id)
        for identity, version in await session.execute(rows):
            raise_to(prefix + identity, version)
    raise_to(SETTINGS_GUARD, await session.scalar(select(Project.version).where(Project.id == project_id)))
    for model in (Product, Sku):
        newest = select(func.max(model.version)).where(model.project_id == project_id)
        raise_to(PRODUCTS_GUARD, await session.scalar(newest))
    remembered = select(CatalogueVersion.name, CatalogueVersion.version).where(
        CatalogueVersion.project_id == project_id
    )
    for name, version in await session.execute(remembered):
        raise_to(name, version)
    return versions
