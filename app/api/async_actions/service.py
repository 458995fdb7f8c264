"""Async actions are read here; rooms start them and app.jobs does them."""

from typing import Any

from sqlalchemy import select

from app.api.call import Call
from app.db.models import AsyncAction
from app.http.errors import not_found
from app.http.wire import iso


def action_wire(row: AsyncAction, *, with_result: bool = True) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "id": row.id,
        "type": row.type,
        "status": row.status,
        "operation_status": row.operation_status,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "request_id": row.request_id,
        "progress": row.progress,
        "processing_time": row.processing_time,
        "object": "async_action",
    }
    if with_result:
        answer["result"] = row.result
    return answer


async def get_action(call: Call, action_id: str) -> dict[str, Any]:
    async with call.read() as session:
        row = await session.get(AsyncAction, (call.project_id, action_id))
        if row is None:
            raise not_found("async_action", action_id)
        return action_wire(row)


async def list_actions(call: Call) -> dict[str, Any]:
    """Newest first; `end_date` names the moment before which they were started: there are no pages and no
    total.
    """
    limit, end_date = call.query.limit, call.query.instant("end_date")
    statement = select(AsyncAction).where(AsyncAction.project_id == call.project_id)
    if end_date is not None:
        statement = statement.where(AsyncAction.created_at < end_date)
    async with call.read() as session:
        rows = (
            await session.scalars(
                statement.order_by(AsyncAction.created_at.desc(), AsyncAction.id.desc()).limit(limit + 1)
            )
        ).all()
    return {
        "object": "list",
        "data_ref": "async_actions",
        "async_actions": [action_wire(row, with_result=False) for row in rows[:limit]],
        "has_more": len(rows) > limit,
    }
