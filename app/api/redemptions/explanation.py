"""Why a redemption failed an hour ago: what was decided then, with what was known then."""

from app.api.call import Answer, Call
from app.api.redemptions.answers import FailureExplanation
from app.db.models import FailureTrace, Redemption
from app.http.errors import not_found
from app.http.routing import Route
from app.http.wire import iso


async def explain_failure(call: Call) -> Answer:
    """Kept for 14 days, on a best-effort basis as failures themselves.

    404 for a redemption that did not fail, and when nothing is kept of it any more.
    """
    failure_id = call.path["redemptionId"]
    await call.barrier()
    async with call.read() as session:
        row = await session.get(Redemption, (call.project_id, failure_id))
        kept = await session.get(FailureTrace, (call.project_id, failure_id))
    if row is None or kept is None:
        raise not_found("redemption", failure_id)
    return Answer(
        {
            "object": "failure_explanation",
            "id": row.id,
            "date": iso(row.date),
            "failure_code": row.failure_code,
            "failure_message": row.body.get("failure_message"),
            "related_object_type": row.related_object_type,
            "related_object_id": row.related_object_id,
            "customer_id": row.customer_id,
            "channel": row.body.get("channel"),
            **kept.body,
        }
    )


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/engine/redemptions/{redemptionId}/explain",
        operation_id="explain-failed-redemption",
        handler=explain_failure,
        permission="redemptions.read",
        tag="Redemptions",
        summary="Why a redemption failed",
        answer=FailureExplanation,
        errors=("not_found",),
    ),
)
