"""The rows of a room's imports and bulk updates in the table of routes: each starts an async action, once for
an idempotency key.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from app.api.async_actions.answers import StartedAction
from app.api.call import Answer, Call
from app.api.idempotency import once
from app.http.routing import Route

Start = Callable[[Call], Awaitable[dict[str, Any]]]


class ActionRoutes(Struct, frozen=True):
    """Of one room: the tag and the permission that its rows have."""

    tag: str
    permission: str

    def row(
        self,
        path: str,
        operation_id: str,
        start: Start,
        summary: str,
        body: Any,
        *,
        status: int = 202,
        errors: tuple[str, ...] = (),
    ) -> Route:
        """start: what answers with the action's id. body: of the request, a form where it is for a file."""

        async def handler(call: Call) -> Answer:
            return Answer(await start(call))

        is_form = isinstance(body, type) and "file" in getattr(body, "__struct_fields__", ())
        return Route(
            method="POST",
            path=path,
            operation_id=operation_id,
            handler=once(handler),
            permission=self.permission,
            tag=self.tag,
            summary=summary,
            status=status,
            body=body,
            answer=StartedAction,
            errors=(*errors, "idempotency_key_reused"),
            consumes=("multipart/form-data",) if is_form else ("application/json",),
        )
