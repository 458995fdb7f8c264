"""How a step tells how far it is."""

from datetime import datetime
from typing import Any

from app.db.models import AsyncAction


class SliceDelayed(Exception):
    """The slice was not done because something it needs is away; it is to be tried again later."""


def advance(action: AsyncAction, done: int, total: int) -> None:
    """`done` rows of `total`; kept in the action's state, from where the next slice goes on."""
    action.state = {**action.state, "done": done}
    action.progress = 100 if total == 0 else min(99, done * 100 // total)


def finish(action: AsyncAction, now: datetime, message: str, **more: Any) -> None:
    """The work is done. more: further members of the result."""
    action.status = "DONE"
    action.operation_status = "SUCCESS"
    action.progress = 100
    action.updated_at = now
    action.result = {"message": message, "done_count": int(action.state.get("done", 0)), **more}


def fail(action: AsyncAction, now: datetime, message: str) -> None:
    """The work cannot be finished, for a reason that trying again would not change."""
    action.status = "FAILED"
    action.operation_status = "FAILED"
    action.updated_at = now
    action.result = {"message": message, "done_count": int(action.state.get("done", 0))}
