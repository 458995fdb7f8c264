"""The version of all products of a project together, by which caches of them are dropped (D4)."""

from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects import postgresql, sqlite

from app.api.publishing import CatalogueWrite
from app.db.models import CatalogueVersion
from app.identifiers import next_version
from app.ledger.versions import PRODUCTS_GUARD


async def raise_guard(write: CatalogueWrite) -> None:
    """The last statement of a product's transaction. Its row stays locked until the commit, so versions
    grow in the order of commits: whoever reads products after seeing a version sees what that version
    stands for.
    """
    values = {"project_id": write.project_id, "name": PRODUCTS_GUARD, "version": next_version()}
    if write.session.get_bind().dialect.name == "postgresql":
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
    version = await write.session.scalar(statement.returning(CatalogueVersion.version))
    assert version is not None
    write.guard(PRODUCTS_GUARD, version)
