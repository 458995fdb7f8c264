"""A project's metadata schemas as objects are checked against them. Where a project has none, there is no
object here at all: nothing is asked and nothing is paid.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import MetadataSchema as SchemaRow
from app.redeemables.order_request import OrderPayload
from app.redeemables.request import StackRequest
from rules.facts import CustomerFacts, OrderFacts
from rules.metadata import MetadataSchema, compile_metadata

STANDARD: Final = (
    "campaign",
    "customer",
    "earning_rule",
    "loyalty_tier",
    "order",
    "order_item",
    "product",
    "promotion_tier",
    "publication",
    "redemption",
    "reward",
    "voucher",
)
"""Kinds of objects that have metadata; every other schema describes nested objects. SKUs follow `product`."""
PROBLEMS_SHOWN_MAX: Final = 10


class MetadataSchemas(Struct, frozen=True):
    """By kind of object."""

    schemas: Mapping[str, MetadataSchema]

    def problem(
        self, kind: str, metadata: Mapping[str, Any] | None, *, is_whole: bool = True
    ) -> str | None:
        """What is wrong with the metadata of one object, in the words of the contract; None: nothing.
        is_whole: it is all that the object has, so that what is required must be in it.
        """
        schema = self.schemas.get(kind)
        if schema is None:
            return None
        found = schema.problems(metadata or {}, is_whole=is_whole)
        return ", ".join(found[:PROBLEMS_SHOWN_MAX]) if found else None


def schemas_of(rows: Iterable[SchemaRow]) -> MetadataSchemas | None:
    """Schemas of nested objects first, those that nest them next."""
    rows = list(rows)
    if not rows:
        return None
    custom = {
        row.related_object: compile_metadata(row.properties, allow_defined_only=bool(row.allow_defined_only))
        for row in rows
        if row.related_object not in STANDARD
    }
    return MetadataSchemas(
        {
            row.related_object: compile_metadata(
                row.properties, allow_defined_only=bool(row.allow_defined_only), custom=custom
            )
            for row in rows
            if row.related_object in STANDARD
        }
    )


async def load_metadata_schemas(session: AsyncSession, project_id: str) -> MetadataSchemas | None:
    """As of this transaction; None: the project defines nothing."""
    rows = await session.scalars(select(SchemaRow).where(SchemaRow.project_id == project_id))
    return schemas_of(rows)


def problem_of_request(
    schemas: MetadataSchemas,
    request: StackRequest,
    order: OrderFacts | None,
    customer: CustomerFacts | None,
    *,
    is_stored: bool,
) -> str | None:
    """Of a validation or a redemption: its own metadata, its order with the lines, and of its customer what
    it sends. order, customer: with what is stored of them underneath. is_stored: the order was there before.
    """
    found = schemas.problem("redemption", request.metadata)
    if found is None and request.order is not None:
        whole = order.metadata if order is not None else request.order.metadata
        found = problem_of_order(schemas, request.order, whole, is_stored=is_stored)
    sent = request.customer
    if found is None and sent is not None and sent.metadata is not None:
        found = schemas.problem("customer", customer.metadata if customer is not None else sent.metadata)
    return found


def problem_of_order(
    schemas: MetadataSchemas, sent: OrderPayload, metadata: Mapping[str, Any] | None, *, is_stored: bool
) -> str | None:
    """metadata: the order's own, with what is stored underneath. An order that is there already is asked
    about what is sent of it; products are where the order stores them.
    """
    found = None
    if sent.metadata is not None or not is_stored:
        found = schemas.problem("order", metadata)
    for item in sent.items or ():
        if found is not None:
            break
        found = schemas.problem("order_item", item.metadata)
        for inner in (item.product, item.sku):
            if found is None and inner is not None and inner.override and inner.metadata is not None:
                found = schemas.problem("product", inner.metadata, is_whole=False)
    return found
