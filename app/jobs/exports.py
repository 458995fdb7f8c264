"""Exports: files written some rows at a time into the database, from where they are downloaded (behaviour
2.17).

A slice reads the rows after the last one it wrote and commits them with that place, so a file goes on after
a kill where it was, and no more than one slice of it is ever in memory.
"""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import structlog
from msgspec import Struct
from sqlalchemy import literal, select, text, tuple_
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.database import Database
from app.db.models import Export, ExportPart, Project
from app.engine import Engine
from app.http.filtering import filter_condition
from app.http.query import Condition, Filters
from app.jobs.export_objects import OBJECTS, Exportable, cursor_value, value_of_cursor
from app.jobs.export_values import AMOUNTS, PLAIN, voucher_pictures
from rules.currencies import exponent_of

SLICE_ROWS = 500
SLICE_ROWS_POSTGRESQL = 5_000
"""Nobody waits for the transaction of an export there; a million rows are then 200 looks at the table."""
OPEN = ("SCHEDULED", "IN_PROGRESS")
FAILURES_MAX = 5
CSV, NDJSON = "CSV", "NDJSON"
_TITLES = {"id": "ID", "qr_code": "QR Code"}

_encoder = msgspec.json.Encoder(decimal_format="number")
log = structlog.get_logger("vouchsafe.jobs")


class _Part(Struct, frozen=True):
    """The next piece of a file, and what the export's state is after it."""

    body: bytes
    state: dict[str, Any]
    is_last: bool


async def open_exports(engine: Engine) -> list[tuple[str, str]]:
    """(project, export) of files that are not finished, oldest first."""
    async with engine.db.reading() as session:
        rows = await session.execute(
            select(Export.project_id, Export.id)
            .where(Export.status.in_(OPEN))
            .order_by(Export.created_at, Export.id)
            .limit(100)
        )
        return [(project_id, export_id) for project_id, export_id in rows]


async def run_export_slice(engine: Engine, project_id: str, export_id: str) -> bool:
    """Write the next rows. True while there are more. Harmless when two processes do it at once."""
    try:
        async with engine.db.reading() as session:
            export = await session.get(Export, (project_id, export_id))
            if export is None or export.status not in OPEN:
                return False
            part = await _next_part(session, export, engine.now(), engine.settings.public_url)
        async with engine.db.writing() as session:
            return await _store(session, export, part)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("export.slice_failed", export=export_id)
        return await _count_failure(engine.db, project_id, export_id)


async def _store(session: AsyncSession, seen: Export, part: _Part) -> bool:
    """Reading may take long, so it holds no lock: whoever was overtaken meanwhile gives up what it read."""
    export = await _locked(session, seen.project_id, seen.id)
    if export is None or export.status not in OPEN:
        return False
    if export.state != seen.state:
        return True
    if part.body:
        number = int(seen.state.get("parts", 0))
        session.add(ExportPart(project_id=export.project_id, export_id=export.id, n=number, body=part.body))
    export.state = part.state
    export.status = "DONE" if part.is_last else "IN_PROGRESS"
    return not part.is_last


async def _locked(session: AsyncSession, project_id: str, export_id: str) -> Export | None:
    found: Export | None = await session.scalar(
        select(Export).where(Export.project_id == project_id, Export.id == export_id).with_for_update()
    )
    return found


async def _count_failure(db: Database, project_id: str, export_id: str) -> bool:
    async with db.writing() as session:
        export = await _locked(session, project_id, export_id)
        if export is None or export.status not in OPEN:
            return False
        failures = int(export.state.get("failures", 0)) + 1
        export.state = {**export.state, "failures": failures}
        if failures < FAILURES_MAX:
            return True
        export.status = "ERROR"
        return False


async def _next_part(session: AsyncSession, export: Export, now: datetime, public_url: str) -> _Part:
    kind, state = OBJECTS[export.exported_object], dict(export.state)
    wanted = slice_rows(session)
    project = await session.get(Project, export.project_id)
    assert project is not None  # whoever asked for the export belongs to it
    await walk_index(session)
    rows = (await session.execute(_statement(kind, export, state, now, wanted))).all()
    fields: list[str] = export.parameters["fields"]
    number = int(state.get("parts", 0))
    values = [kind.values(tuple(row)[:-1]) for row in rows]
    if kind is OBJECTS["voucher"] and not {"qr_code", "bar_code"}.isdisjoint(fields):
        for own, row in zip(values, rows, strict=True):
            own.update(voucher_pictures(row, project.secret, public_url.rstrip("/")))
    if export.parameters.get("response_format") == NDJSON:
        body = b"".join(_encoder.encode(_chosen(one, fields)) + b"\n" for one in values)
    else:
        exponent = exponent_of(project.currency)
        body = _csv_text(values, fields, exponent, header=number == 0).encode()
    if body:
        state |= {"parts": number + 1, "bytes": int(state.get("bytes", 0)) + len(body)}
    state |= {"rows": int(state.get("rows", 0)) + len(rows), "failures": 0}
    if rows:
        identity = getattr(rows[-1][0], kind.identity.key)
        state["after"] = [cursor_value(rows[-1][-1]), identity]
    return _Part(body=body, state=state, is_last=len(rows) < wanted)


def slice_rows(session: AsyncSession) -> int:
    """Rows of one part of a file."""
    return SLICE_ROWS_POSTGRESQL if _is_postgresql(session) else SLICE_ROWS


async def walk_index(session: AsyncSession) -> None:
    """Until the transaction ends: rows in the order of an index wherever there is one. Right after very many
    were made, PostgreSQL's statistics know nothing of them, and it would sort the table for each part.
    """
    if _is_postgresql(session):
        await session.execute(text("SET LOCAL enable_sort = off"))


def _is_postgresql(session: AsyncSession) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _statement(
    kind: Exportable, export: Export, state: Mapping[str, Any], now: datetime, wanted: int
) -> Any:
    """The next rows; the last column is what they are sorted by."""
    order: str = export.parameters["order"]
    descending, name = order.startswith("-"), order.removeprefix("-")
    column = kind.orders[name]
    statement = kind.statement(export.project_id).add_columns(column.label("place"))
    condition = filter_condition(
        filters_of(export.parameters.get("filters") or {}), kind.filters, now, metadata=kind.metadata
    )
    statement = statement.where(condition)
    for field, value in (state.get("scope") or {}).items():
        statement = statement.where(kind.filters[field].column == value)
    if state.get("after") is not None:
        last, identity = value_of_cursor(state["after"][0]), state["after"][1]
        # Compared as a row, so that the index of the order is entered where the last part ended.
        place, ended = tuple_(column, kind.identity), tuple_(literal(last, column.type), literal(identity))
        statement = statement.where(place < ended if descending else place > ended)
    ordering = [column.desc(), kind.identity.desc()] if descending else [column, kind.identity]
    return statement.order_by(*ordering).limit(wanted)


def filters_of(document: Mapping[str, Any]) -> Filters:
    """`filters` of a JSON body as those of a query string. What is no condition has been refused before."""
    conditions = [
        Condition(field, operator, tuple(map(_plain, values if isinstance(values, list) else [values])))
        for field, body in document.items()
        if field != "junction" and isinstance(body, dict)
        for operator, values in (body.get("conditions") or {}).items()
    ]
    return Filters(tuple(conditions), str(document.get("junction") or "and").lower())


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _chosen(values: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {field: _value(values, field) for field in fields}


def _value(values: Mapping[str, Any], field: str) -> Any:
    if field.startswith("metadata."):
        return (values.get("metadata") or {}).get(field.removeprefix("metadata."))
    return values.get(field)


def _csv_text(
    values: Sequence[Mapping[str, Any]], fields: Sequence[str], exponent: int, *, header: bool
) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow([title_of(field) for field in fields])
    for one in values:
        plain = one.get(PLAIN, ())
        writer.writerow(
            [_cell(_value(one, field), exponent if field in AMOUNTS and field not in plain else None)
             for field in fields]
        )  # fmt: skip
    return text.getvalue()


def title_of(field: str) -> str:
    """The header of a column: voucher_type is Voucher Type, metadata.shop is shop."""
    if field.startswith("metadata."):
        return field.removeprefix("metadata.")
    return _TITLES.get(field) or field.replace("_", " ").title().replace(" Id", " ID")


def _cell(value: Any, exponent: int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return _encoder.encode(value).decode() if value else ""
    if exponent is not None and isinstance(value, int | Decimal):
        return f"{Decimal(value).scaleb(-exponent):.{exponent}f}"
    return str(value)


async def read_export(db: Database, project_id: str, export_id: str) -> AsyncIterator[bytes]:
    """The file, piece by piece."""
    number = 0
    while True:
        async with db.reading() as session:
            body: bytes | None = await session.scalar(
                select(ExportPart.body).where(
                    ExportPart.project_id == project_id,
                    ExportPart.export_id == export_id,
                    ExportPart.n == number,
                )
            )
        if body is None:
            return
        yield body
        number += 1
