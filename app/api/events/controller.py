"""Operations on /v1/events and /client/v1/events."""

from typing import Any

import msgspec

from app.api.call import Answer, Call
from app.api.client_side import LOYALTY_EVENTS, require_flag
from app.api.events.answers import CustomEvent
from app.api.events.schemas import EventCreate
from app.api.events.service import tracked
from app.http.routing import Route, Scope

ERRORS = ("not_found", "metadata_validation_failed", "multiple_requests", "idempotency_key_reused")


async def track_event(call: Call) -> Answer:
    """Once per request; with an Idempotency-Key the same request counts once."""
    return await tracked(call, call.body(), "API")


async def track_event_from_browser(call: Call) -> Answer:
    """Points are at stake where a card is named: the project opens that. The answer says nothing that the
    page did not say.
    """
    body: EventCreate = call.body()
    if body.loyalty is not None:
        require_flag(call, LOYALTY_EVENTS)
    answer = await tracked(call, body, "CLIENT_API")
    read: dict[str, Any] = msgspec.json.decode(answer.body) if isinstance(answer.body, bytes) else answer.body
    customer = {
        "id": read["customer"]["id"],
        "name": body.customer.name,
        "email": body.customer.email,
        "source_id": body.customer.source_id,
        "metadata": body.customer.metadata or {},
        "object": "customer",
    }
    return Answer({**read, "customer": customer}, status=answer.status, headers=answer.headers)


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/events",
        operation_id="track-custom-event",
        handler=track_event,
        permission="events.write",
        tag="Events",
        summary="Track Custom Event",
        body=EventCreate,
        answer=CustomEvent,
        errors=ERRORS,
    ),
    Route(
        method="POST",
        path="/client/v1/events",
        operation_id="track-custom-event-client-side",
        handler=track_event_from_browser,
        permission="events.write",
        scope=Scope.CLIENT,
        tag="Client-side",
        summary="Track Custom Event (client-side)",
        body=EventCreate,
        answer=CustomEvent,
        errors=(*ERRORS, "forbidden"),
    ),
)
