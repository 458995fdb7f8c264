"""Validation of a stack of redeemables (behaviour 4.1, 4.2)."""

from app.api.call import Answer, Call
from app.api.client_side import changed, evenly_timed, public_validation
from app.api.validations import single
from app.api.validations.answers import ValidationAnswer
from app.api.validations.automatic import validate_with_automatic
from app.api.validations.service import validate_request
from app.http.routing import Route, Scope
from app.redeemables.request import StackRequest


async def validate_stack(call: Call) -> Answer:
    """200 also when nothing applies: `valid` says it, and each redeemable says why. `auto=true` adds what
    applies by itself.
    """
    if call.query.flag("auto"):
        return await validate_with_automatic(call, call.body())
    return await validate_request(call, call.body())


async def validate_from_browser(call: Call) -> Answer:
    """As on the server side, with less in the answer."""
    async with evenly_timed(call):
        answer = await validate_stack(call)
        return changed(answer, public_validation(answer.body, call.body().order))


VALIDATION_ERRORS = (
    "invalid_payload",
    "duplicated_redeemables",
    "invalid_redeemables",
    "invalid_order",
    "multiple_requests",
)

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/validations",
        operation_id="validate-stacked-discounts",
        handler=validate_stack,
        permission="validations.write",
        tag="Validations",
        summary="Validate up to 30 redeemables and calculate the order",
        body=StackRequest,
        query=("explain", "auto"),
        answer=ValidationAnswer,
        errors=VALIDATION_ERRORS,
        hot=True,
    ),
    Route(
        method="POST",
        path="/client/v1/validations",
        operation_id="validate-stacked-discounts-client-side",
        handler=validate_from_browser,
        permission="validations.write",
        scope=Scope.CLIENT,
        tag="Client-side",
        summary="Validate up to 30 redeemables and calculate the order, from a browser",
        body=StackRequest,
        answer=ValidationAnswer,
        errors=VALIDATION_ERRORS,
    ),
    *single.ROUTES,
)
