"""Metadata of many vouchers at once: each code has its own, or all get the same. Unknown codes are
reported, never made.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import AsyncAction, Project, Voucher
from app.engine import Engine
from app.identifiers import next_version
from app.jobs.inputs import take_input
from app.jobs.progress import SliceDelayed, advance, finish
from app.jobs.publications import all_published, note_vouchers
from app.jobs.voucher_import import FAILURES_SHOWN_MAX
from app.redeemables.documents import overlaid
from app.redeemables.issuing import fold
from app.redeemables.metadata_schemas import load_metadata_schemas

BULK = "VOUCHERS.BULK_UPDATE"
SAME = "VOUCHERS.METADATA_UPDATE"
TYPES = (BULK, SAME)
UNKNOWN = "Resource not found"


def metadata_payload(count: int, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    """metadata: the same for all; None when each row brings its own."""
    return {"count": count, "metadata": metadata}


async def step(engine: Engine, session: AsyncSession, action: AsyncAction) -> None:
    """One piece of the input: objects with code and metadata, or codes alone."""
    now = engine.now()
    rows = await take_input(session, action)
    if rows is None:
        if not await all_published(session, action):
            raise SliceDelayed("changed vouchers are not published yet")
        _finish(action, now)
        return
    project = await session.get(Project, action.project_id)
    assert project is not None  # whoever started the action belongs to it
    shared: dict[str, Any] = action.payload.get("metadata") or {}
    wanted: list[tuple[str, dict[str, Any]]] = [
        (row, shared) if isinstance(row, str) else (row["code"], row["metadata"]) for row in rows
    ]
    found = await session.scalars(
        select(Voucher)
        .where(
            Voucher.project_id == project.id,
            Voucher.folded_code.in_({fold(project, code) for code, _ in wanted}),
            Voucher.deleted_at.is_(None),
        )
        .with_for_update()
    )
    by_code = {row.folded_code: row for row in found}
    schemas = await load_metadata_schemas(session, project.id)
    failed: list[dict[str, str]] = []
    for code, metadata in wanted:
        row = by_code.get(fold(project, code))
        if row is None:
            failed.append({"code": code, "reason": UNKNOWN})
            continue
        merged = overlaid(row.body.get("metadata") or {}, metadata)
        problem = schemas.problem("voucher", merged) if schemas is not None else None
        if problem is not None:
            failed.append({"code": code, "reason": problem})
            continue
        row.body = {**row.body, "metadata": merged}
        row.updated_at = now
        row.version = next_version(row.version)
    await note_vouchers(engine, session, action, sorted(row.id for row in by_code.values()))
    state = action.state
    action.state = {
        **state,
        "updated": int(state.get("updated", 0)) + len(wanted) - len(failed),
        "refused": int(state.get("refused", 0)) + len(failed),
        "failed": [*state.get("failed", ()), *failed][:FAILURES_SHOWN_MAX],
    }
    advance(action, int(state.get("done", 0)) + len(rows), int(action.payload["count"]))


def _finish(action: AsyncAction, now: datetime) -> None:
    state = action.state
    done, refused = int(state.get("updated", 0)), int(state.get("refused", 0))
    failed = list(state.get("failed", ()))
    action.state = {**state, "done": done}
    finish(
        action,
        now,
        f"{done} voucher(s) updated successfully, {refused} failed.",
        failed_count=refused,
        failed=failed,
        errors=failed,
        reports=[],
    )
