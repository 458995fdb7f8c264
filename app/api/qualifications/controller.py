"""POST /v1/qualifications (behaviour 4.9)."""

from app.api.call import Answer, Call
from app.api.qualifications.schemas import QualificationRequest
from app.api.qualifications.service import qualifications
from app.api.stack_requests import refusals_as_errors
from app.http.routing import Route


async def qualify(call: Call) -> Answer:
    """What applies to this customer and cart, each redeemable alone; what does not apply is left out."""
    request: QualificationRequest = call.body() or QualificationRequest()
    with refusals_as_errors():
        return Answer(await qualifications(call, request))


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/qualifications",
        operation_id="check-eligibility",
        handler=qualify,
        permission="qualifications.write",
        tag="Qualifications",
        summary="List what applies to a customer and a cart",
        body=QualificationRequest,
        body_required=False,
        answer=dict,
        errors=("invalid_payload", "invalid_order", "multiple_requests"),
        hot=True,
    ),
)
