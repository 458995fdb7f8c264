"""What a process knows of products: asked once, forgotten when the project's version of products moves."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import event, update

from app.db.models import Product, Sku
from app.redeemables.order_request import ItemProductPayload, ItemSkuPayload, OrderItemPayload
from app.redeemables.products import PRODUCT, SKU, ProductCache, references_of


@pytest.fixture
async def project(shop):
    """A project with a product of two SKUs."""
    project_id = shop.partition.project_id
    common = {
        "project_id": project_id,
        "version": 1,
        "created_at": datetime.now(UTC),
        "updated_at": None,
        "cost": None,
    }
    async with shop.db.writing() as session:
        session.add(
            Product(
                id="prod_1",
                source_id="mug",
                name="Mug",
                price=1_000,
                body={"metadata": {"color": "red", "size": "S"}},
                **common,
            )
        )
        session.add(
            Sku(
                id="sku_1",
                product_id="prod_1",
                source_id="mug-l",
                sku="Large",
                price=1_500,
                body={},
                **common,
            )
        )
        session.add(
            Sku(id="sku_2", product_id="prod_1", source_id=None, sku="Bare", price=None, body={}, **common)
        )
    return project_id


class Counted:
    """How many SELECTs a database is asked."""

    def __init__(self, db):
        self.selects = 0
        event.listen(db._reader.sync_engine, "before_cursor_execute", self._count)

    def _count(self, connection, cursor, statement, *rest):
        self.selects += statement.lstrip().upper().startswith("SELECT")


async def test_products_are_found_by_either_name_and_asked_once(shop, project):
    """id and source_id, product and SKU, present and absent: one read each, and none the second time."""
    cache = ProductCache(shop.db)
    counted = Counted(shop.db)
    wanted = {
        (PRODUCT, "prod_1"),
        (PRODUCT, "mug"),
        (PRODUCT, "nothing"),
        (SKU, "mug-l"),
    }
    resolved = await cache.resolve(project, wanted)
    assert resolved.product("prod_1") == resolved.product("mug")
    assert resolved.product("mug").name == "Mug"
    assert resolved.product("nothing") is None
    assert resolved.sku("mug-l").product_id == "prod_1"
    asked = counted.selects
    assert asked == 2
    await cache.resolve(project, wanted)
    assert counted.selects == asked


async def test_a_new_version_of_products_forgets_the_old(shop, project):
    """After the version moved, a changed price is seen; while it stands still, it is not asked for."""
    cache = ProductCache(shop.db)
    cache.refresh(project, 5)
    mug = (PRODUCT, "mug")
    assert (await cache.resolve(project, [mug])).product("mug").price == 1_000
    async with shop.db.writing() as session:
        await session.execute(update(Product).where(Product.project_id == project).values(price=2_000))
    cache.refresh(project, 5)
    assert (await cache.resolve(project, [mug])).product("mug").price == 1_000
    cache.refresh(project, 6)
    assert (await cache.resolve(project, [mug])).product("mug").price == 2_000


async def test_another_projects_products_are_unknown(shop, project):
    """The same names in another project resolve to nothing."""
    resolved = await ProductCache(shop.db).resolve("p_other", [(PRODUCT, "prod_1"), (SKU, "sku_1")])
    assert (resolved.product("prod_1"), resolved.sku("sku_1")) == (None, None)


async def test_sent_details_lie_over_stored_ones(shop, project):
    """The request wins, metadata key by key; a SKU brings its product, the unknown is what was sent."""
    known = OrderItemPayload(
        source_id="mug",
        related_object="product",
        product=ItemProductPayload(name="Cup", metadata={"color": "blue"}),
    )
    bare = OrderItemPayload(sku_id="sku_2")
    unknown = OrderItemPayload(
        source_id="ghost",
        related_object="sku",
        sku=ItemSkuPayload(sku="Ghost", price=5),
        product=ItemProductPayload(source_id="haunted", price=9),
    )
    items = [known, bare, unknown]
    resolved = await ProductCache(shop.db).resolve(project, references_of(items))
    product, sku = resolved.of(known)
    assert (product.id, product.name, product.price, sku) == ("prod_1", "Cup", 1_000, None)
    assert product.metadata == {"color": "blue", "size": "S"}
    product, sku = resolved.of(bare)
    assert (product.id, sku.id, sku.price) == ("prod_1", "sku_2", None)
    product, sku = resolved.of(unknown)
    assert (product.id, product.source_id, product.price) == (None, "haunted", 9)
    assert (sku.id, sku.source_id, sku.price, sku.sku) == (None, "ghost", 5, "Ghost")
