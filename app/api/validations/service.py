"""Validating for whoever asks: a stack, or one voucher or tier in the older way (behaviour 4.1, 4.10)."""

from app.api.call import Answer, Call
from app.api.stack_requests import asked_of, explained, left_out, moment_of, note_guesses, refusals_as_errors
from app.redeemables.checks import check_request
from app.redeemables.request import SessionRequest, StackRequest
from app.redeemables.session_request import session_of
from app.redeemables.validate import validate


async def validate_request(call: Call, request: StackRequest) -> Answer:
    """200 also when nothing applies: `valid` says it, and each redeemable says why."""
    engine = call.engine
    with refusals_as_errors:
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
