"""Operations on /v1/product-collections."""

from typing import Any

from app.api.call import Answer, Call
from app.api.product_collections import answers, service
from app.api.product_collections.schemas import CollectionCreate, CollectionUpdate
from app.http.routing import Route

COLLECTION = "/v1/product-collections/{productCollectionId}"


async def list_collections(call: Call) -> Answer:
    return Answer(await service.list_collections(call))


async def create_collection(call: Call) -> Answer:
    return Answer(await service.create(call, call.body()))


async def get_collection(call: Call) -> Answer:
    return Answer(await service.get(call, call.path["productCollectionId"]))


async def update_collection(call: Call) -> Answer:
    return Answer(await service.update(call, call.path["productCollectionId"], call.body()))


async def delete_collection(call: Call) -> Answer:
    await service.delete(call, call.path["productCollectionId"])
    return Answer()


async def list_products(call: Call) -> Answer:
    return Answer(await service.list_products(call, call.path["productCollectionId"]))


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.ProductCollection,
    **more: Any,
) -> Route:
    verb = {"GET": "read", "DELETE": "delete"}.get(method, "write")
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission=f"product-collections.{verb}",
        tag="Product Collections",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        errors=more.pop("errors", ("not_found",)),
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        "/v1/product-collections",
        "list-product-collections",
        list_collections,
        "List Product Collections",
        answers.ProductCollectionList,
        query=("limit", "page", "order"),
        errors=(),
    ),
    _route(
        "POST",
        "/v1/product-collections",
        "create-product-collection",
        create_collection,
        "Create Product Collection",
        body=CollectionCreate,
    ),
    _route("GET", COLLECTION, "get-product-collection", get_collection, "Get Product Collection"),
    _route(
        "PUT",
        COLLECTION,
        "put-product-collection",
        update_collection,
        "Update Product Collection",
        body=CollectionUpdate,
    ),
    _route(
        "DELETE",
        COLLECTION,
        "delete-product-collection",
        delete_collection,
        "Delete Product Collection",
        status=204,
        errors=("not_found", "resource_in_use"),
    ),
    _route(
        "GET",
        COLLECTION + "/products",
        "list-products-in-collection",
        list_products,
        "List Products in Collection",
        answers.CollectionContents,
        query=("limit", "page", "order", "starting_after"),
    ),
)
