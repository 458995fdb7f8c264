"""Validation of a stack of redeemables (behaviour 4.1, 4.2)."""

from app.api.call import Answer, Call
from app.api.client_side import changed, evenly_timed, public_validation
from app.api.stack_requests import asked_of, explained, left_out, moment_of, note_guesses, refusals_as_errors
from app.http.routing import Route, Scope
from app.redeemables.checks import check_request
from app.redeemables.request import SessionRequest, StackRequest
from app.redeemables.session_request import session_of
from app.redeemables.validate import validate


async def validate_stack(call: Call) -> Answer:
    """200 also when nothing applies: `valid` says it, and each redeemable says why."""
    request: StackRequest = call.body()
    engine = call.engine
    with refusals_as_errors():
        check_request(request)
        session = session_of(request.session, client_side=call.principal.kind == "client")
        if session is not None:
            engine.ledger.require()
            request.session = SessionRequest(key=session.key)
        validated = await validate(
            engine.core,
            engine.catalogue,
            asked_of(call, looking=session is None),
            request,
            await moment_of(call),
            call.request_id,
            call.admission.admit,
            explain=explained(call),
            session=session,
        )
    if validated.event_id:
        await engine.ledger.acknowledged(call.partition, validated.event_id)
    if call.admission.counts_guesses:
        await note_guesses(call, left_out(validated.answer))
    return Answer(validated.answer)


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
        query=("explain",),
        answer=dict,
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
        answer=dict,
        errors=VALIDATION_ERRORS,
    ),
)
