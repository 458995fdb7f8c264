"""Operations on /v1/products and /v1/skus."""

from typing import Any

from app.api.action_routes import ActionRoutes
from app.api.call import Answer, Call
from app.api.products import answers, imports, service
from app.api.products.schemas import BulkProduct, ProductCreate, SameProductMetadata, SkuCreate
from app.api.vouchers.schemas import FileForm
from app.http.routing import Route
from app.redeemables.product_changes import ProductUpdate, SkuUpdate

PRODUCT = "/v1/products/{productId}"
SKUS = PRODUCT + "/skus"
PAGED = ("limit", "page", "order", "start_date", "end_date")


async def list_products(call: Call) -> Answer:
    return Answer(await service.list_products(call))


async def create_product(call: Call) -> Answer:
    return Answer(await service.create_product(call, call.body()))


async def get_product(call: Call) -> Answer:
    return Answer(await service.get_product(call, call.path["productId"]))


async def update_product(call: Call) -> Answer:
    return Answer(await service.update_product(call, call.path["productId"], call.body()))


async def delete_product(call: Call) -> Answer:
    await service.delete_product(call, call.path["productId"])
    return Answer()


async def list_skus(call: Call) -> Answer:
    return Answer(await service.list_skus(call, call.path["productId"]))


async def create_sku(call: Call) -> Answer:
    return Answer(await service.create_sku(call, call.path["productId"], call.body()))


async def get_sku(call: Call) -> Answer:
    return Answer(await service.get_sku(call, call.path["skuId"]))


async def update_sku(call: Call) -> Answer:
    return Answer(await service.update_sku(call, call.path["productId"], call.path["skuId"], call.body()))


async def delete_sku(call: Call) -> Answer:
    await service.delete_sku(call, call.path["productId"], call.path["skuId"])
    return Answer()


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.Product,
    **more: Any,
) -> Route:
    verb = {"GET": "read", "DELETE": "delete"}.get(method, "write")
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission=f"products.{verb}",
        tag="Products",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        errors=more.pop("errors", ("not_found",)),
        **more,
    )


ACTIONS = ActionRoutes(tag="Products", permission="products.write")

ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        "/v1/products",
        "list-products",
        list_products,
        "List Products",
        answers.ProductList,
        query=PAGED,
        errors=(),
    ),
    _route(
        "POST",
        "/v1/products",
        "create-product",
        create_product,
        "Create Product",
        body=ProductCreate,
        errors=("invalid_product", "duplicate_found", "metadata_validation_failed"),
    ),
    _route("GET", PRODUCT, "get-product", get_product, "Get Product"),
    _route(
        "PUT",
        PRODUCT,
        "update-product",
        update_product,
        "Update Product",
        body=ProductUpdate,
        errors=("not_found", "metadata_validation_failed"),
    ),
    _route(
        "DELETE", PRODUCT, "delete-product", delete_product, "Delete Product", status=204, query=("force",)
    ),
    _route("GET", "/v1/skus/{skuId}", "get-sku", get_sku, "Get SKU", answers.Sku),
    _route(
        "GET", SKUS, "list-SKUs-in-product", list_skus, "List SKUs in Product", answers.SkuList, query=PAGED
    ),
    _route(
        "POST",
        SKUS,
        "create-sku",
        create_sku,
        "Create SKU",
        answers.ProductSku,
        body=SkuCreate,
        errors=("not_found", "duplicate_found", "metadata_validation_failed"),
    ),
    _route(
        "PUT",
        SKUS + "/{skuId}",
        "update-sku",
        update_sku,
        "Update SKU",
        answers.ProductSku,
        body=SkuUpdate,
        errors=("not_found", "metadata_validation_failed"),
    ),
    _route("DELETE", SKUS + "/{skuId}", "delete-sku", delete_sku, "Delete SKU", status=204, query=("force",)),
    ACTIONS.row(
        "/v1/products/importCSV",
        "import-products-using-csv",
        imports.import_products,
        "Import Products using CSV",
        FileForm,
        status=200,
    ),
    ACTIONS.row(
        "/v1/skus/importCSV",
        "import-SKUs-using-csv",
        imports.import_skus,
        "Import SKUs using CSV",
        FileForm,
        status=200,
    ),
    ACTIONS.row(
        "/v1/products/bulk/async",
        "update-products-in-bulk",
        imports.update_each,
        "Update Products in Bulk",
        list[BulkProduct],
    ),
    ACTIONS.row(
        "/v1/products/metadata/async",
        "update-products-metadata-in-bulk",
        imports.update_same_metadata,
        "Update Products' Metadata in Bulk",
        SameProductMetadata,
    ),
)
