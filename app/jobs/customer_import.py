"""Customers in bulk, 500 rows at a time: a CSV file that overwrites profiles, updates of each, one metadata
for many.

A slice takes one piece of the input, stores it and moves the action's progress in one transaction, so after a
kill the next slice goes on with exactly the rows that are left. Unknown source_ids make customers.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import AsyncAction, Customer
from app.db.noted import be_quiet, note_created, note_touched
from app.engine import Engine
from app.jobs.customer_rows import CustomerRow, RowRefused, columns_of, row_of
from app.jobs.inputs import PIECE_ROWS, forget_inputs, take_input
from app.jobs.progress import SliceDelayed, advance, fail, finish
from app.jobs.publications import all_published, known_customers, note_customers
from app.redeemables.metadata_schemas import MetadataSchemas, load_metadata_schemas

CSV: Final = "CUSTOMERS.IMPORT_CSV"
BULK: Final = "CUSTOMERS.BULK_UPDATE"
SAME: Final = "CUSTOMERS.METADATA_UPDATE"
TYPES: Final = (CSV, BULK, SAME)
SHOWN_MAX: Final = 1_000
"""Rows that the result lists one by one, of those that were refused and of all; all of them are counted."""


def import_payload(count: int, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    """count: rows of the whole input. metadata: the same for all, where rows are source_ids alone."""
    return {"count": count, "metadata": metadata}


async def step(engine: Engine, session: AsyncSession, action: AsyncAction) -> None:
    """One piece; after the last one the action is finished when all that it changed is published."""
    now = engine.now()
    try:
        secret = (await engine.catalogue.project(action.project_id)).secret
    except LookupError:
        await forget_inputs(session, action)
        fail(action, now, "The project was deleted.")
        return
    if action.type == CSV:
        be_quiet(session)  # As published: an import of a file is told row by row to nobody.
    rows = await take_input(session, action)
    if rows is None:
        if not await all_published(session, action):
            raise SliceDelayed("changed customers are not published yet")
        _finish(action, now)
        return
    await _Piece(engine, session, action, secret, now).do(rows)


def _finish(action: AsyncAction, now: datetime) -> None:
    state = action.state
    done, refused = int(state.get("stored", 0)), int(state.get("refused", 0))
    failed = list(state.get("failed", ()))
    action.state = {**state, "done": done}
    more: dict[str, Any] = {"failed_count": refused, "failed": failed}
    if action.type != CSV:
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
    verb = "imported" if action.type == CSV else "updated"
    finish(action, now, f"{done} customer(s) {verb} successfully, {refused} failed.", **more)


class _Piece:
    """One piece of the input on its way into the table."""

    def __init__(
        self, engine: Engine, session: AsyncSession, action: AsyncAction, secret: bytes, now: datetime
    ) -> None:
        self.engine, self.session, self.action = engine, session, action
        self.secret, self.now = secret, now
        self.failed: list[dict[str, Any]] = []
        self.found: set[str] = set()
        """source_ids of customers that were there before."""
        self.schemas: MetadataSchemas | None = None
        self.refused: set[int] = set()
        """Rows that were refused after they were read, by identity."""

    async def do(self, documents: Sequence[Any]) -> None:
        self.schemas = await load_metadata_schemas(self.session, self.action.project_id)
        rows = self._read(documents)
        left = await self._update(rows)
        self.found = {row.source_id for row in rows} - {row.source_id for row in left}
        made = await self._insert(left)
        met = [row for row in left if row.customer_id not in made and id(row) not in self.refused]
        if await self._update(met):
            # Somebody made the customer and somebody else took it away, within this slice: once more, whole.
            raise SliceDelayed("customers of this import are being changed by others")
        self._advance(len(documents), [row for row in rows if id(row) not in self.refused])

    def _read(self, documents: Sequence[Any]) -> list[CustomerRow]:
        shared = self.action.payload.get("metadata")
        rows = []
        for document in documents:
            try:
                rows.append(row_of(self.secret, document, shared, overwrites=self.action.type == CSV))
            except RowRefused as refused:
                self._refuse(document, str(refused))
        return rows

    def _refuse(self, document: Any, reason: str) -> None:
        named = document if isinstance(document, str) else document.get("source_id") or ""
        entry: dict[str, Any] = {"source_id": named, "reason": reason}
        if isinstance(document, dict) and "row" in document:
            entry["row"] = document["row"]
        self.failed.append(entry)

    def _fits(self, row: CustomerRow, stored: Customer | None) -> bool:
        """Whether the row may be stored; else it is refused here."""
        problem = row.problem(self.schemas, stored)
        if problem is not None:
            self._refuse(row.document, problem)
            self.refused.add(id(row))
        return problem is None

    async def _update(self, rows: Sequence[CustomerRow]) -> list[CustomerRow]:
        """Change the customers that are there; the rows of those that are not."""
        if not rows:
            return []
        found = await self.session.scalars(
            select(Customer)
            .where(
                Customer.project_id == self.action.project_id,
                or_(
                    Customer.source_id.in_({row.source_id for row in rows}),
                    Customer.id.in_({row.customer_id for row in rows}),
                ),
            )
            .order_by(Customer.id)
            .with_for_update()
        )
        stored = list(found)
        by_source = {one.source_id: one for one in stored if one.source_id is not None}
        by_id = {one.id: one for one in stored}
        missing, changed = [], set()
        for row in rows:
            one = by_source.get(row.source_id) or by_id.get(row.customer_id)
            if one is None:
                missing.append(row)
                continue
            if self._fits(row, one):
                row.lay_over(one, self.now)
                changed.add(one.id)
        await self.session.flush()
        await note_customers(self.engine, self.session, self.action, sorted(changed))
        return missing

    async def _insert(self, rows: Sequence[CustomerRow]) -> set[str]:
        """Make the customers; ids of those that are made. The constraints decide, not a look."""
        new: dict[str, Customer] = {}
        for row in rows:
            one = new.get(row.customer_id)
            if not self._fits(row, one):
                continue
            if one is None:
                new[row.customer_id] = row.made(self.action.project_id, self.now)
            else:
                row.lay_over(one, self.now)
        if not new:
            return set()
        project_id = self.action.project_id
        is_postgresql = self.session.get_bind().dialect.name == "postgresql"
        insert = postgresql.insert if is_postgresql else sqlite.insert
        made = set(
            await self.session.scalars(
                insert(Customer).on_conflict_do_nothing().returning(Customer.id),
                [columns_of(one) for one in new.values()],
            )
        )
        note_touched(self.session, project_id, made)
        for customer_id in made:
            note_created(self.session, project_id, "customers", customer_id)
        # Of a long import only those that the core has met before: whom it does not know it reads from SQL.
        told = sorted(made)
        if int(self.action.payload["count"]) > PIECE_ROWS:
            told = await known_customers(self.engine, project_id, told)
        await note_customers(self.engine, self.session, self.action, told)
        return made

    def _advance(self, seen: int, rows: Sequence[CustomerRow]) -> None:
        state = self.action.state
        shown = list(state.get("results", ()))
        if self.action.type != CSV:
            shown += [
                {"source_id": row.source_id, "found": row.source_id in self.found, "updated": True}
                for row in rows[: max(0, SHOWN_MAX - len(shown))]
            ]
        self.action.state = {
            **state,
            "stored": int(state.get("stored", 0)) + len(rows),
            "refused": int(state.get("refused", 0)) + len(self.failed),
            "failed": [*state.get("failed", ()), *self.failed][:SHOWN_MAX],
            "results": shown,
        }
        advance(self.action, int(state.get("done", 0)) + seen, int(self.action.payload["count"]))
