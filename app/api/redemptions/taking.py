"""Redeeming for whoever asks: a stack, or one voucher or tier in the older way (behaviour 4.6, 4.10)."""

import asyncio

from app.api.call import Answer, Call
from app.api.idempotency import key_life
from app.api.products.overrides import store_overrides
from app.api.profiles import profile_stored
from app.api.stack_requests import (
    asked_of,
    explained,
    left_out,
    moment_of,
    note_guesses,
    refusals_as_errors,
    replayed,
)
from app.http.errors import ApiError
from app.redeemables.answer import error_wire, message_of
from app.redeemables.checks import check_request
from app.redeemables.customers import changes_profile
from app.redeemables.hiding import hidden
from app.redeemables.product_overrides import overriding
from app.redeemables.redeem import Failed, redeem
from app.redeemables.refusals import note_failures
from app.redeemables.request import StackRequest
from app.redeemables.session_request import check_session
from app.redeemables.settle import Replayed, Settled
from rules.verdict import Result


async def redeem_request(call: Call, request: StackRequest) -> Answer:
    """Take all that applies, or answer 400 with the first failure (behaviour 4.6)."""
    engine, partition, admission = call.engine, call.partition, call.admission
    engine.ledger.require()
    pause = engine.ledger.pause(partition)
    if pause:
        await asyncio.sleep(pause)
    asked = asked_of(call, lists=False)
    now = await moment_of(call)
    with refusals_as_errors:
        check_request(request)
        if request.session is not None:
            check_session(request.session)
        try:
            done = await redeem(
                engine.core,
                engine.catalogue,
                asked,
                request,
                now,
                call.request_id,
                admission.admit,
                key_life=key_life(call, asked),
                explain=explained(call),
            )
        except Replayed as first:
            return await replayed(call, first.event_id)
    if isinstance(done, Failed):
        if done.settled.unasked:
            await admission.ask()
        failure_ids = note_failures(engine.core, asked, request, done, now)
        shown = hidden(done.results, done.settled.gathered) if asked.hides_codes else done.results
        if admission.counts_guesses:
            await admission.failed(sum(1 for result in shown if result.candidate.absent))
        raise refused(shown[0], done.settled, failure_ids[0], call.request_id)
    if admission.counts_guesses:
        await note_guesses(call, left_out(done.answer))
    await engine.ledger.acknowledged(partition, done.event_id)
    if asked.stores_customer and changes_profile(done.known, request.customer):
        await profile_stored(call, done.event_id)
    if request.order is not None and request.order.items and call.principal.kind != "client":
        asking = overriding(request.order.items)
        if asking:
            await store_overrides(call, asking)
    return Answer(done.answer if done.trace is None else {**done.answer, "trace": done.trace})


def refused(first: Result, settled: Settled, failure_id: str, request_id: str) -> ApiError:
    """The first failing redeemable decides the error; its rf_ redemption is the resource (appendix A3)."""
    assert first.refusal is not None
    wire = error_wire(first.refusal, request_id, message_of(first, settled.gathered))
    members = {"error": wire["error"]} if "error" in wire else {}
    if wire["code"] == 404:
        members |= {name: wire[name] for name in ("resource_id", "resource_type") if name in wire}
    else:
        members |= {"resource_id": failure_id, "resource_type": "redemption"}
    members["redeemable_type"] = first.candidate.object
    members["redeemable_id"] = first.candidate.id or first.candidate.requested_id
    if settled.decision.trace is not None:
        members["trace"] = settled.decision.trace
    return ApiError(wire["code"], wire["key"], wire["message"], wire.get("details"), **members)
