"""What an async action is to work on, in pieces of 500 rows: written before the action is there, taken by
its steps.

A piece goes with the transaction that did its work, so a step that is repeated after a crash finds exactly
what is left.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.database import Database
from app.db.models import ActionInput, AsyncAction
from app.identifiers import characters_of

PIECE_ROWS = 500
"""Rows of one step."""
PIECES_PER_TRANSACTION = 10
ORPHAN_SECONDS = 3_600
"""Pieces whose action never came: whoever wrote them died in between."""


def pieces(rows: Sequence[Any], size: int = PIECE_ROWS) -> Iterator[list[Any]]:
    for start in range(0, len(rows), size):
        yield list(rows[start : start + size])


async def store_inputs(
    db: Database, project_id: str, action_id: str, rows: Sequence[Any], size: int = PIECE_ROWS
) -> None:
    """Write the rows of an action that is about to be started. size: of its pieces."""
    values = [
        {"project_id": project_id, "action_id": action_id, "n": number, "rows": piece}
        for number, piece in enumerate(pieces(rows, size))
    ]
    for start in range(0, len(values), PIECES_PER_TRANSACTION):
        async with db.writing() as session:
            await session.execute(insert(ActionInput), values[start : start + PIECES_PER_TRANSACTION])


async def stream_inputs(db: Database, project_id: str, action_id: str, rows: Iterator[Any]) -> int:
    """The same from rows that are still being read, a thread reading them: how many there were. Only what
    one transaction writes is held at a time. What the reader raises on its first row leaves nothing.
    """
    count = number = 0
    while True:
        batch = await asyncio.to_thread(list, islice(rows, PIECE_ROWS * PIECES_PER_TRANSACTION))
        if not batch:
            return count
        values = [
            {"project_id": project_id, "action_id": action_id, "n": number + offset, "rows": piece}
            for offset, piece in enumerate(pieces(batch))
        ]
        async with db.writing() as session:
            await session.execute(insert(ActionInput), values)
        count += len(batch)
        number += len(values)


async def take_input(session: AsyncSession, action: AsyncAction, count: int = 1) -> list[Any] | None:
    """The next `count` pieces, which go with this transaction; None after the last."""
    found = (
        await session.execute(
            select(ActionInput.n, ActionInput.rows)
            .where(ActionInput.project_id == action.project_id, ActionInput.action_id == action.id)
            .order_by(ActionInput.n)
            .limit(count)
        )
    ).all()
    if not found:
        return None
    await session.execute(
        delete(ActionInput).where(
            ActionInput.project_id == action.project_id,
            ActionInput.action_id == action.id,
            ActionInput.n <= found[-1][0],
        )
    )
    return [row for piece in found for row in piece[1]]


async def forget_inputs(session: AsyncSession, action: AsyncAction) -> None:
    """An action that ended early leaves nothing behind."""
    await session.execute(
        delete(ActionInput).where(
            ActionInput.project_id == action.project_id, ActionInput.action_id == action.id
        )
    )


async def forget_orphans(db: Database, now: datetime) -> None:
    """Remove pieces that belong to no action and are older than an hour. Ids tell when they were made."""
    milliseconds = int(now.timestamp() * 1_000) - ORPHAN_SECONDS * 1_000
    oldest = "aa_" + characters_of(max(0, min(milliseconds, time.time_ns() // 1_000_000)) << 80)
    known = exists().where(
        AsyncAction.project_id == ActionInput.project_id, AsyncAction.id == ActionInput.action_id
    )
    async with db.writing() as session:
        await session.execute(delete(ActionInput).where(ActionInput.action_id < oldest, ~known))
