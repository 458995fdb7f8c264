"""Files and papers in which a forgotten customer may stand: exports, kept answers, inputs and results of long
work, and what was written down of failures.
"""

from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.db.models import (
    ActionInput,
    AsyncAction,
    Export,
    ExportPart,
    IdempotentAnswer,
    ProjectionFailure,
)
from app.engine import Engine

if TYPE_CHECKING:
    from app.jobs.erasure import Person

OF_NOBODY: Final = ("product", "sku", "category", "campaign")
"""Exported objects in which no customer stands."""
PAGE: Final = 200
BLANK: Final = "erased"
TELLING: Final = 8
"""Characters from which a name is looked for inside of texts: a shorter one stands in what is not about its
owner, so only a text that is the name is the customer's.
"""


async def forget_in_files(engine: Engine, person: "Person") -> int:
    """How many exports are gone: what they held of one person cannot be told from what they held of others,
    so they are to be made anew.
    """
    needles = [name.encode() for name in person.all_names if len(name) >= TELLING]
    await _answers(engine, person, needles)
    await _actions(engine, person)
    async with engine.db.writing() as session:
        await session.execute(
            delete(ProjectionFailure).where(ProjectionFailure.part == Partition(person.project_id).name)
        )
        return await _exports(session, person)


async def _exports(session: AsyncSession, person: "Person") -> int:
    ids = list(
        await session.scalars(
            select(Export.id).where(
                Export.project_id == person.project_id, Export.exported_object.not_in(OF_NOBODY)
            )
        )
    )
    if ids:
        for table, column in ((ExportPart, ExportPart.export_id), (Export, Export.id)):
            await session.execute(delete(table).where(table.project_id == person.project_id, column.in_(ids)))
    return len(ids)


async def _answers(engine: Engine, person: "Person", needles: list[bytes]) -> None:
    """Answers that are kept for a repeated request: it is decided anew then."""
    after = ""
    while True:
        async with engine.db.reading() as session:
            rows = (
                await session.execute(
                    select(IdempotentAnswer.scope_hash, IdempotentAnswer.body)
                    .where(
                        IdempotentAnswer.project_id == person.project_id,
                        IdempotentAnswer.scope_hash > after,
                    )
                    .order_by(IdempotentAnswer.scope_hash)
                    .limit(PAGE)
                )
            ).all()
        if not rows:
            return
        after = rows[-1][0]
        found = [row[0] for row in rows if any(needle in row[1] for needle in needles)]
        if found:
            async with engine.db.writing() as session:
                await session.execute(
                    delete(IdempotentAnswer).where(
                        IdempotentAnswer.project_id == person.project_id,
                        IdempotentAnswer.scope_hash.in_(found),
                    )
                )


async def _actions(engine: Engine, person: "Person") -> None:
    """Rows that wait to be worked on, and reports on those that were."""
    names = set(person.names)
    async with engine.db.writing() as session:
        inputs = await session.scalars(
            select(ActionInput).where(ActionInput.project_id == person.project_id).with_for_update()
        )
        for piece in inputs:
            left = [row for row in piece.rows if not _names(row, names)]
            if len(left) != len(piece.rows):
                piece.rows = left
        actions = await session.scalars(
            select(AsyncAction).where(AsyncAction.project_id == person.project_id).with_for_update()
        )
        for action in actions:
            for member in ("result", "state"):
                document = getattr(action, member)
                if document and any(name in msgspec.json.encode(document).decode() for name in names):
                    setattr(action, member, _without(document, names))


def _names(row: Any, names: set[str]) -> bool:
    """Whether an input's row names the customer: a source_id, or an object or an order with one."""
    if isinstance(row, str):
        return row in names
    if not isinstance(row, dict):
        return False
    customer = row.get("customer")
    return row.get("source_id") in names or (
        isinstance(customer, dict) and customer.get("source_id") in names
    )


def _without(value: Any, names: set[str]) -> Any:
    """The same document with every text that names the customer blanked."""
    if isinstance(value, str):
        is_named = value in names or any(len(name) >= TELLING and name in value for name in names)
        return BLANK if is_named else value
    if isinstance(value, list):
        return [_without(inner, names) for inner in value]
    if isinstance(value, dict):
        return {key: _without(inner, names) for key, inner in value.items()}
    return value
