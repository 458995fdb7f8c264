"""The verbs of product collections."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.product_collections import queries
from app.api.product_collections.schemas import CollectionCreate, CollectionUpdate, Member
from app.api.products.wire import product_wire, sku_wire
from app.db.models import Product, ProductCollection, Sku
from app.http.errors import ApiError, invalid_payload, not_found
from app.http.filtering import page_of
from app.http.wire import iso, listing
from app.identifiers import new_id, next_version
from app.redeemables.collections import membership
from app.redeemables.products import product_facts, sku_facts
from app.redeemables.referred import LOCATION, ids_of, load_locations
from rules.compile import RuleError, compile_collection, references
from rules.facts import Moment

Listed = Product | tuple[Sku, Product | None]


def collection_wire(row: ProductCollection) -> dict[str, Any]:
    """`products` of a static one, `filter` of an AUTO_UPDATE one."""
    wire: dict[str, Any] = {"id": row.id, "name": row.name, "type": row.type}
    if row.type == "STATIC":
        wire["products"] = row.body.get("products") or []
    else:
        wire["filter"] = row.body.get("filter") or {}
    wire["created_at"] = iso(row.created_at)
    wire["updated_at"] = iso(row.updated_at)
    wire["object"] = "products_collection"
    return wire


async def create(call: Call, payload: CollectionCreate) -> dict[str, Any]:
    """Raises: ApiError 400 for a filter that does not compile, 404 for an unknown product."""
    kind = payload.type or ("AUTO_UPDATE" if payload.filter is not None else "STATIC")
    collection_id = new_id("pc_")
    async with call.write() as write:
        body: dict[str, Any]
        if kind == "STATIC":
            members = await _resolved(write.session, call.project_id, payload.products or [])
            body = {"products": members}
        else:
            body = {"filter": _checked(collection_id, payload.filter)}
        row = ProductCollection(
            project_id=call.project_id,
            id=collection_id,
            name=payload.name,
            type=kind,
            body=body,
            version=next_version(),
            created_at=call.engine.now(),
            updated_at=None,
        )
        write.session.add(row)
        write.guard("col:" + row.id, row.version)
    return collection_wire(row)


def _checked(collection_id: str, condition: dict[str, Any] | None) -> dict[str, Any]:
    if condition is None:
        raise invalid_payload("Payload should have required property 'filter'")
    if "junction" not in condition:
        raise invalid_payload("Property .filter should have required property 'junction'")
    try:
        compile_collection(collection_id, {"type": "AUTO_UPDATE", "filter": condition})
    except RuleError as error:
        raise invalid_payload(error.details) from None
    return condition


async def _resolved(session: AsyncSession, project_id: str, members: list[Member]) -> list[dict[str, Any]]:
    """Each member once, by its id."""
    products = await queries.products_by_name(
        session, project_id, [member.id for member in members if member.object == "product"]
    )
    skus = await queries.skus_by_name(
        session, project_id, [member.id for member in members if member.object == "sku"]
    )
    resolved: dict[str, dict[str, Any]] = {}
    for member in members:
        if member.object == "product":
            product = products.get(member.id)
            if product is None:
                raise not_found("product", member.id)
            resolved[product.id] = {"id": product.id, "object": "product"}
        else:
            sku = skus.get(member.id)
            if sku is None:
                raise not_found("sku", member.id)
            resolved[sku.id] = {"id": sku.id, "product_id": sku.product_id, "object": "sku"}
    return list(resolved.values())


async def get(call: Call, collection_id: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        row = await queries.collection_named(session, call.project_id, collection_id)
        call.tag(row.version)
        return collection_wire(row)


async def list_collections(call: Call) -> dict[str, Any]:
    """Newest first unless `order` says otherwise."""
    paging = call.query.paging(tuple(queries.COLUMNS), "-created_at")
    async with call.read() as session:
        statement = select(ProductCollection).where(ProductCollection.project_id == call.project_id)
        rows, total = await page_of(session, statement, paging, queries.COLUMNS, ProductCollection.id)
    return listing("data", [collection_wire(row[0]) for row in rows], total)


async def update(call: Call, collection_id: str, payload: CollectionUpdate) -> dict[str, Any]:
    """Raises: ApiError 404; 400 for a filter on a static collection."""
    async with call.write() as write:
        row = await queries.collection_named(write.session, call.project_id, collection_id, lock=True)
        call.require_version(row.version)
        if payload.filter is not None:
            if row.type != "AUTO_UPDATE":
                raise invalid_payload("Property .filter is not allowed for a STATIC collection")
            row.body = {**row.body, "filter": _checked(row.id, payload.filter)}
        if payload.name is not None:
            row.name = payload.name
        row.updated_at = call.engine.now()
        row.version = next_version(row.version)
        write.guard("col:" + row.id, row.version)
        call.tag(row.version)
    return collection_wire(row)


async def delete(call: Call, collection_id: str) -> None:
    """Raises: ApiError 404; 400 resource_in_use while a validation rule refers to it."""
    async with call.write() as write:
        row = await queries.collection_named(write.session, call.project_id, collection_id, lock=True)
        call.require_version(row.version)
        rule_ids = await queries.rules_naming(write.session, call.project_id, "col:" + row.id)
        if rule_ids:
            raise ApiError(
                400,
                "resource_in_use",
                "Resource in use",
                f"Resource products_collection with id {row.id} is in use by validation_rules with ids"
                f" [{', '.join(rule_ids)}]",
                related_object_ids=rule_ids,
                related_object_type="validation_rules",
            )
        await write.session.delete(row)
        write.guard("col:" + row.id, next_version(row.version))


async def list_products(call: Call, collection_id: str) -> dict[str, Any]:
    """The products and SKUs that belong to a collection now, newest first unless `order` says otherwise."""
    paging = call.query.paging(("created_at", "updated_at"), "-created_at")
    after = call.query.instant("starting_after")
    async with call.read() as session:
        row = await queries.collection_named(session, call.project_id, collection_id)
        found = await (_static(session, row) if row.type == "STATIC" else _matching(call, session, row))
    # Either side of a page is told by when it was made: products and SKUs are two tables, but one list.
    found.sort(key=lambda one: _place(one, paging.order.field), reverse=paging.order.descending)
    total = len(found)
    if after is not None:
        if paging.order.descending:
            found = [one for one in found if _made(one) < after]
        else:
            found = [one for one in found if _made(one) > after]
        page = found[: paging.limit]
    else:
        page = found[paging.offset : paging.offset + paging.limit]
    return listing("data", [_listed_wire(one) for one in page], total)


async def _static(session: AsyncSession, row: ProductCollection) -> list[Listed]:
    members = row.body.get("products") or []
    products = await queries.products_by_name(session, row.project_id, _ids(members, "product"))
    skus = await queries.skus_by_name(session, row.project_id, _ids(members, "sku"))
    parents = await queries.products_by_name(
        session, row.project_id, list({sku.product_id for sku in skus.values()})
    )
    found: list[Listed] = list({product.id: product for product in products.values()}.values())
    found.extend(
        (sku, parents.get(sku.product_id)) for sku in {sku.id: sku for sku in skus.values()}.values()
    )
    return found


def _ids(members: list[dict[str, Any]], kind: str) -> list[str]:
    return [member["id"] for member in members if member.get("object") == kind]


async def _matching(call: Call, session: AsyncSession, row: ProductCollection) -> list[Listed]:
    """What the filter matches now: products by themselves, SKUs by themselves (behaviour 2.8)."""
    project = await call.engine.catalogue.project(call.project_id)
    moment = Moment(now=call.engine.now(), zone=project.zone)
    named = ids_of(references(row.body), LOCATION)
    locations, _ = await load_locations(session, row.project_id, named)
    belongs = membership(row.id, {"type": row.type, **row.body}, moment, locations)
    found: list[Listed] = []
    async for product, skus in queries.all_products(session, row.project_id):
        facts = product_facts(product)
        if belongs(facts, None):
            found.append(product)
        found.extend((sku, product) for sku in skus if belongs(facts, sku_facts(sku)))
    return found


def _row_of(one: Listed) -> Product | Sku:
    return one if isinstance(one, Product) else one[0]


def _made(one: Listed) -> Any:
    return _row_of(one).created_at


def _place(one: Listed, field: str) -> tuple[Any, str]:
    row = _row_of(one)
    instant = row.created_at if field == "created_at" else row.updated_at or row.created_at
    return instant, row.id


def _listed_wire(one: Listed) -> dict[str, Any]:
    if isinstance(one, Product):
        return product_wire(one)
    sku, product = one
    wire = sku_wire(sku, product)
    # The official client's model of this list takes names of attributes only, also for SKUs.
    wire["attributes"] = list(wire["attributes"])
    return wire
