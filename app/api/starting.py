"""Async actions with input: the rows are stored first, so that the action, once it is seen, has all of
them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from app.api.call import Call
from app.identifiers import new_id
from app.jobs.actions import start_action
from app.jobs.inputs import PIECE_ROWS, store_inputs, stream_inputs


async def start(
    call: Call,
    kind: str,
    rows: Sequence[Any],
    payload: dict[str, Any],
    *,
    status: int,
    piece_rows: int = PIECE_ROWS,
) -> dict[str, Any]:
    """The answer, which names the action. status: of the answer, for idempotency keys. piece_rows: of one
    step.
    """
    action_id = new_id("aa_")
    await store_inputs(call.engine.db, call.project_id, action_id, rows, piece_rows)
    return await _started(call, kind, action_id, payload, status)


async def start_streamed(
    call: Call, kind: str, rows: Iterator[Any], payload_of: Callable[[int], dict[str, Any]], *, status: int
) -> dict[str, Any]:
    """The same from rows that are still being read. payload_of: from their count."""
    action_id = new_id("aa_")
    count = await stream_inputs(call.engine.db, call.project_id, action_id, rows)
    return await _started(call, kind, action_id, payload_of(count), status)


async def _started(
    call: Call, kind: str, action_id: str, payload: dict[str, Any], status: int
) -> dict[str, Any]:
    answer = {"async_action_id": action_id}
    async with call.write() as write:
        start_action(
            write.session,
            call.project_id,
            kind,
            payload,
            call.engine.now(),
            call.request_id,
            action_id=action_id,
        )
        write.answer(answer, status)
    return answer
