"""The version of all products of a project together, by which caches of them are dropped (D4)."""

from app.api.publishing import CatalogueWrite
from app.ledger.versions import PRODUCTS_GUARD, raise_products_version


async def raise_guard(write: CatalogueWrite) -> None:
    """The last statement of a product's transaction."""
    write.guard(PRODUCTS_GUARD, await raise_products_version(write.session, write.project_id))
