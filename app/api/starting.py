"""Async actions with input, of whatever room: what was sent is read and stored first, so that the action,
once it is seen, has all of it; app.jobs does the work.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from app.api.call import Call
from app.api.csv_files import Layout, Row, columns_of_csv, rows_of_csv
from app.api.lookup import project_of
from app.http.errors import invalid_payload
from app.http.multipart import form_field, form_parts
from app.identifiers import new_id
from app.jobs.actions import start_action
from app.jobs.inputs import PIECE_ROWS, store_inputs, stream_inputs
from app.redeemables.metadata_schemas import load_metadata_schemas
from rules.currencies import exponent_of
from rules.metadata import MetadataSchema


def rows_of_body(body: Sequence[Any]) -> list[Row]:
    """Rows of JSON as they are stored. Raises: ApiError 400 invalid_payload for none."""
    if not body:
        raise invalid_payload("Payload must NOT have fewer than 1 items")
    return [msgspec.to_builtins(one, builtin_types=(Decimal,)) for one in body]


def sent_file(call: Call) -> bytes:
    """The form's file. Raises: ApiError 400 invalid_payload for what is no form, or has none."""
    return form_field(form_parts(call.headers.get("content-type", ""), call.raw_body), "file")


class SentFile:
    """A CSV file whose rows can be read any number of times; nothing of them is held."""

    def __init__(self, raw: bytes, layout: Layout, schema: MetadataSchema | None) -> None:
        self._raw, self._layout, self._schema = raw, layout, schema

    def __iter__(self) -> Iterator[Row]:
        """Raises: ApiError 400 invalid_payload for a file without a readable header, or without rows."""
        return rows_of_csv(self._raw, self._layout, self._schema)

    def columns(self) -> list[str]:
        """Raises: ApiError 400 invalid_payload for a file without a readable header."""
        return columns_of_csv(self._raw, self._layout)


async def file_of(call: Call, kind: str, layout_of: Callable[[int], Layout]) -> SentFile:
    """kind: of the objects, whose metadata schema types the cells. layout_of: from the digits of minor units
    of the project's currency.
    """
    raw = sent_file(call)
    async with call.read() as session:
        digits = exponent_of((await project_of(session, call.project_id)).currency)
        schemas = await load_metadata_schemas(session, call.project_id)
    return SentFile(raw, layout_of(digits), schemas.schemas.get(kind) if schemas is not None else None)


async def start(
    call: Call, kind: str, rows: Sequence[Any], payload: dict[str, Any], *, piece_rows: int = PIECE_ROWS
) -> dict[str, Any]:
    """The answer, which names the action. piece_rows: of one step."""
    action_id = new_id("aa_")
    await store_inputs(call.engine.db, call.project_id, action_id, rows, piece_rows)
    return await _started(call, kind, action_id, payload)


async def start_streamed(
    call: Call, kind: str, rows: Iterator[Any], payload_of: Callable[[int], dict[str, Any]]
) -> dict[str, Any]:
    """The same from rows that are still being read. payload_of: from their count."""
    action_id = new_id("aa_")
    count = await stream_inputs(call.engine.db, call.project_id, action_id, rows)
    return await _started(call, kind, action_id, payload_of(count))


async def _started(call: Call, kind: str, action_id: str, payload: dict[str, Any]) -> dict[str, Any]:
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
        write.answer(answer, call.route.status)
    return answer
