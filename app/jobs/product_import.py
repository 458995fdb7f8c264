"""Products and SKUs in bulk, 500 rows at a time: files, updates of each, one metadata for many.

A slice takes one piece of the input, stores it and moves the action's progress in one transaction, so after a
kill the next slice goes on with exactly the rows that are left. Unknown source_ids make products.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import AsyncAction, Product, Sku
from app.engine import Engine
from app.jobs.inputs import take_input
from app.jobs.product_rows import (
    NO_NAME,
    NO_SOURCE,
    ProductRow,
    RowRefused,
    SkuRow,
    named,
    product_row,
    sku_row,
)
from app.jobs.progress import SliceDelayed, advance, finish
from app.jobs.publications import all_published, note_guards
from app.ledger.versions import PRODUCTS_GUARD, raise_products_version
from app.redeemables.metadata_schemas import MetadataSchemas, load_metadata_schemas
from app.redeemables.product_changes import lay_product, lay_sku, new_product, new_sku

CSV: Final = "PRODUCTS.IMPORT_CSV"
SKUS_CSV: Final = "SKUS.IMPORT_CSV"
BULK: Final = "PRODUCTS.BULK_UPDATE"
SAME: Final = "PRODUCTS.METADATA_UPDATE"
TYPES: Final = (CSV, SKUS_CSV, BULK, SAME)
SHOWN_MAX: Final = 1_000
"""Rows that the result lists one by one, of those that were refused and of all; all of them are counted."""


def import_payload(count: int, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    """count: rows of the whole input. metadata: the same for all, where rows are source_ids alone."""
    return {"count": count, "metadata": metadata}


async def step(engine: Engine, session: AsyncSession, action: AsyncAction) -> None:
    """One piece; after the last one the action is finished when every process may know of the change."""
    now = engine.now()
    rows = await take_input(session, action)
    if rows is None:
        if not await all_published(session, action):
            raise SliceDelayed("changed products are not published yet")
        _finish(action, now)
        return
    piece = _Piece(session, action, await load_metadata_schemas(session, action.project_id), now)
    await (piece.skus(rows) if action.type == SKUS_CSV else piece.products(rows))
    await session.flush()
    if piece.stored:
        version = await raise_products_version(session, action.project_id)
        await note_guards(engine, session, action, {PRODUCTS_GUARD: version})
    piece.advance(len(rows))


def _finish(action: AsyncAction, now: datetime) -> None:
    state = action.state
    done, refused = int(state.get("stored", 0)), int(state.get("refused", 0))
    failed = list(state.get("failed", ()))
    action.state = {**state, "done": done}
    more: dict[str, Any] = {"failed_count": refused, "failed": failed}
    if action.type in (BULK, SAME):
        more |= {
            "results": list(state.get("results", ())),
            "reports": [],
            "reports_available_till": None,
            "errors": [
                {
                    "key": "invalid_payload",
                    "message": "Invalid payload",
                    "details": one["reason"],
                    "source_id": one["source_id"],
                }
                for one in failed
            ],
        }
    noun = "sku" if action.type == SKUS_CSV else "product"
    verb = "updated" if action.type in (BULK, SAME) else "imported"
    finish(action, now, f"{done} {noun}(s) {verb} successfully, {refused} failed.", **more)


class _Piece:
    """One piece of the input on its way into the tables."""

    def __init__(
        self, session: AsyncSession, action: AsyncAction, schemas: MetadataSchemas | None, now: datetime
    ) -> None:
        self.session, self.action, self.schemas, self.now = session, action, schemas, now
        self.failed: list[dict[str, Any]] = []
        self.results: list[dict[str, Any]] = []
        self.stored = 0

    async def products(self, documents: Sequence[Any]) -> None:
        shared = self.action.payload.get("metadata")
        rows: list[tuple[Any, ProductRow]] = []
        for document in documents:
            try:
                rows.append((document, product_row(document, shared)))
            except RowRefused as refused:
                self._refuse(document, str(refused))
        known = await self._products_named([row.source_id for _, row in rows if row.source_id])
        for document, row in rows:
            try:
                self._product(row, known)
            except RowRefused as refused:
                self._refuse(document, str(refused))

    def _product(self, row: ProductRow, known: dict[str, Product]) -> None:
        if self.action.type != CSV and not row.source_id:
            raise RowRefused(NO_SOURCE)
        stored = known.get(row.source_id) if row.source_id else None
        if stored is None and self.action.type == CSV and not row.name:
            raise RowRefused(NO_NAME)
        before = (stored.body.get("metadata") if stored is not None else None) or {}
        if stored is None or row.metadata is not None:
            self._check({**before, **(row.metadata or {})})
        product = stored or new_product(self.action.project_id, None, row.source_id or None, self.now)
        lay_product(product, row)
        if stored is None:
            self.session.add(product)
            if row.source_id:
                known[row.source_id] = product
        else:
            product.updated_at = self.now
        self._note(row.source_id, found=stored is not None)

    async def skus(self, documents: Sequence[Any]) -> None:
        rows: list[tuple[Any, SkuRow]] = []
        for document in documents:
            try:
                rows.append((document, sku_row(document)))
            except RowRefused as refused:
                self._refuse(document, str(refused))
        products = await self._products_named([str(row.product_id) for _, row in rows])
        found = await self.session.scalars(
            select(Sku)
            .where(
                Sku.project_id == self.action.project_id,
                Sku.source_id.in_({str(row.source_id) for _, row in rows}),
            )
            .order_by(Sku.id)
            .with_for_update()
        )
        known = {str(sku.source_id): sku for sku in found}
        for document, row in rows:
            try:
                self._sku(row, products, known)
            except RowRefused as refused:
                self._refuse(document, str(refused))

    def _sku(self, row: SkuRow, products: Mapping[str, Product], known: dict[str, Sku]) -> None:
        product, source_id = products.get(str(row.product_id)), str(row.source_id)
        if product is None:
            raise RowRefused(f"Cannot find product with id {row.product_id}")
        stored = known.get(source_id)
        if stored is not None and stored.product_id != product.id:
            raise RowRefused(
                f"Resource sku with id {source_id} is in use by products with ids [{stored.product_id}]"
            )
        before = (stored.body.get("metadata") if stored is not None else None) or {}
        if stored is None or row.metadata is not None:
            self._check({**before, **(row.metadata or {})})
        sku = stored or new_sku(self.action.project_id, product.id, None, source_id, self.now)
        lay_sku(sku, row)
        if stored is None:
            self.session.add(sku)
            known[source_id] = sku
        else:
            sku.updated_at = self.now
        self._note(source_id, found=stored is not None)

    async def _products_named(self, names: Sequence[str]) -> dict[str, Product]:
        """By id and by source_id; an id wins over a source_id that looks like one."""
        if not names:
            return {}
        rows = await self.session.scalars(
            select(Product)
            .where(
                Product.project_id == self.action.project_id,
                or_(Product.source_id.in_(set(names)), Product.id.in_(set(names))),
            )
            .order_by(Product.id)
            .with_for_update()
        )
        stored = list(rows)
        found = {product.source_id: product for product in stored if product.source_id is not None}
        return found | {product.id: product for product in stored}

    def _check(self, metadata: Mapping[str, Any]) -> None:
        problem = self.schemas.problem("product", metadata) if self.schemas is not None else None
        if problem is not None:
            raise RowRefused(problem)

    def _note(self, source_id: str | None, *, found: bool) -> None:
        self.stored += 1
        if self.action.type in (BULK, SAME):
            self.results.append({"source_id": source_id, "found": found, "updated": True})

    def _refuse(self, document: Any, reason: str) -> None:
        entry: dict[str, Any] = {"source_id": named(document), "reason": reason}
        if isinstance(document, dict) and "row" in document:
            entry["row"] = document["row"]
        self.failed.append(entry)

    def advance(self, seen: int) -> None:
        state = self.action.state
        self.failed.sort(key=lambda entry: int(entry.get("row", 0)))
        self.action.state = {
            **state,
            "stored": int(state.get("stored", 0)) + self.stored,
            "refused": int(state.get("refused", 0)) + len(self.failed),
            "failed": [*state.get("failed", ()), *self.failed][:SHOWN_MAX],
            "results": [*state.get("results", ()), *self.results][:SHOWN_MAX],
        }
        advance(self.action, int(state.get("done", 0)) + seen, int(self.action.payload["count"]))
