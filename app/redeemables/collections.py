"""Which stored products and SKUs belong to a collection, asked outside of any decision."""

from collections.abc import Callable, Mapping
from typing import Any

from rules.cart import work_line
from rules.compile import CompiledLocation, compile_collection
from rules.facts import ItemFacts, Line, Moment
from rules.moment import Now


def membership(
    collection_id: str,
    document: dict[str, Any],
    moment: Moment,
    locations: Mapping[str, CompiledLocation] | None = None,
) -> Callable[[ItemFacts, ItemFacts | None], bool]:
    """A test of (product, SKU or None): with a SKU it is the SKU that must belong.

    Raises: RuleError when the document is not a collection.
    """
    program = compile_collection(collection_id, document, locations=locations).program
    now = Now(moment)

    def belongs(product: ItemFacts, sku: ItemFacts | None) -> bool:
        line = Line(
            index=0,
            price=sku.price if sku is not None else product.price,
            product_id=product.id,
            sku_id=sku.id if sku is not None else None,
            source_id=sku.source_id if sku is not None else product.source_id,
            related_object="sku" if sku is not None else "product",
            product=product,
            sku=sku,
        )
        return bool(program.contains(work_line(0, line), now))

    return belongs
