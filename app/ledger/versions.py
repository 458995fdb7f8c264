"""Catalogue versions as SQL knows them: what recovery fills the core with before opening a partition (D5)."""

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
CATALOGUE_GUARD: Final = "cat"
"""How often what offers are made of was changed: raised by every transaction that changes any of it, in the
order of commits. No decision rests on it; it tells a process that what it has gathered of all offers has to
be brought up to date.
"""
OF_OFFERS: Final = ("c:", "rule:", "seg:", "col:", "loc:")

_ROWS: Final[tuple[tuple[str, Any], ...]] = (
    ("c:", Campaign),
    ("rule:", ValidationRule),
    ("seg:", Segment),
    ("loc:", Location),
    ("col:", ProductCollection),
)


async def remember_versions(session: AsyncSession, project_id: str, guards: dict[str, int]) -> None:
    """Keep guards in the transaction of the write that raised them: an object that is deleted leaves its last
    version here. When one of them is about what offers are made of, the number of the project's changes is
    raised and added to `guards`, to be published with them.
    """
    if not guards:
        return
    changed = None
    if any(name.startswith(OF_OFFERS) for name in guards):
        # First of all: whoever waits for it has nothing that the other could wait for.
        changed = guards[CATALOGUE_GUARD] = await _raise(session, project_id, CATALOGUE_GUARD)
    rows = [
        {"project_id": project_id, "name": name, "version": version, "changed": changed}
        for name, version in guards.items()
        if name != CATALOGUE_GUARD
    ]
    insert, greatest = _dialect(session)
    posted = insert(CatalogueVersion).values(rows)
    raised: dict[str, Any] = {"version": greatest(CatalogueVersion.version, posted.excluded.version)}
    if changed is not None:
        raised["changed"] = posted.excluded.changed
    await session.execute(posted.on_conflict_do_update(index_elements=["project_id", "name"], set_=raised))


async def raise_products_version(session: AsyncSession, project_id: str) -> int:
    """The last statement of a product's transaction. Its row stays locked until the commit, so versions
    grow in the order of commits: whoever reads products after seeing a version sees what that version
    stands for.
    """
    return await _raise(session, project_id, PRODUCTS_GUARD)


async def _raise(session: AsyncSession, project_id: str, name: str) -> int:
    values = {"project_id": project_id, "name": name, "version": next_version()}
    insert, greatest = _dialect(session)
    posted = insert(CatalogueVersion).values(values)
    newest = greatest(CatalogueVersion.version + 1, posted.excluded.version)
    statement = posted.on_conflict_do_update(
        index_elements=["project_id", "name"], set_={"version": newest}
    ).returning(CatalogueVersion.version)
    version: int | None = await session.scalar(statement)
    assert version is not None
    return version


def _dialect(session: AsyncSession) -> tuple[Any, Any]:
    """The insert that can update instead, and the greater of two values."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert, func.greatest
    return sqlite.insert, func.max


async def changes_of(session: AsyncSession, project_id: str) -> int:
    """The number of the last change that offers are made of; 0 before the first. What is read after it is
    at least as new.
    """
    number = await session.scalar(
        select(CatalogueVersion.version).where(
            CatalogueVersion.project_id == project_id, CatalogueVersion.name == CATALOGUE_GUARD
        )
    )
    return number or 0


async def changed_since(session: AsyncSession, project_id: str, number: int, count: int) -> list[str]:
    """Names of guards that were raised after the change `number`: `count` of them at most."""
    names = await session.scalars(
        select(CatalogueVersion.name)
        .where(CatalogueVersion.project_id == project_id, CatalogueVersion.changed > number)
        .limit(count)
    )
    return list(names)


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
