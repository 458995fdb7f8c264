"""POST /v1/qualifications (behaviour 4.9)."""

from app.api.call import Answer, Call
from app.api.client_side import LIST_VOUCHERS, public_qualification
from app.api.qualifications import older
from app.api.qualifications.answers import Qualification
from app.api.qualifications.schemas import QualificationRequest
from app.api.qualifications.service import qualifications
from app.api.stack_requests import refusals_as_errors
from app.http.routing import Route, Scope


async def qualify(call: Call) -> Answer:
    """What applies to this customer and cart, each redeemable alone; what does not apply is left out."""
    request: QualificationRequest = call.body() or QualificationRequest()
    with refusals_as_errors:
        return Answer(await qualifications(call, request))


async def qualify_from_browser(call: Call) -> Answer:
    """As on the server side, with less in the answer. Codes are listed where the project opens it: whoever
    guesses a source_id must not read its codes.
    """
    request: QualificationRequest = call.body() or QualificationRequest()
    with refusals_as_errors:
        answer = await qualifications(call, request, codes=call.admission.enabled(LIST_VOUCHERS))
    return Answer(public_qualification(answer, request.order))


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
        answer=Qualification,
        errors=("invalid_payload", "invalid_order", "multiple_requests"),
        hot=True,
    ),
    Route(
        method="POST",
        path="/client/v1/qualifications",
        operation_id="check-eligibility-client-side",
        handler=qualify_from_browser,
        permission="qualifications.write",
        scope=Scope.CLIENT,
        tag="Client-side",
        summary="List what applies to a customer and a cart, from a browser",
        body=QualificationRequest,
        body_required=False,
        answer=Qualification,
        errors=("invalid_payload", "invalid_order", "multiple_requests"),
    ),
    *older.ROUTES,
)
