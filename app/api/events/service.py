"""One event: checked by its schema, then tracked."""

import msgspec
from sqlalchemy import select

from app.api.call import Answer, Call
from app.api.events.checks import check_event, counted_members
from app.api.events.schemas import EventCreate
from app.api.idempotency import key_life
from app.api.profiles import profile_stored
from app.api.stack_requests import asked_of, moment_of, refusals_as_errors, replayed
from app.db.models import CustomEventSchema
from app.redeemables.customers import changes_profile
from app.redeemables.settle import Replayed
from app.redeemables.tracking import Happened, track


async def tracked(call: Call, body: EventCreate, channel: str) -> Answer:
    """channel: API or CLIENT_API.

    Raises: ApiError 400 metadata_validation_failed; 404 for a customer's id that is unknown.
    """
    engine = call.engine
    engine.ledger.require()
    metadata = body.metadata or {}
    schema_id, counted = None, list[str]()
    async with call.read() as session:
        schema = await session.scalar(
            select(CustomEventSchema).where(
                CustomEventSchema.project_id == call.project_id, CustomEventSchema.name == body.event
            )
        )
    if schema is not None:
        properties = schema.body.get("properties") or {}
        check_event(properties, metadata)
        schema_id, counted = schema.id, counted_members(properties)
    happened = Happened(
        name=body.event,
        customer=body.customer,
        metadata=metadata,
        referral=msgspec.to_builtins(body.referral) if body.referral is not None else None,
        loyalty=msgspec.to_builtins(body.loyalty) if body.loyalty is not None else None,
        counted=counted,
        schema_id=schema_id,
        channel=channel,
        request_id=call.request_id,
    )
    asked = asked_of(call)
    with refusals_as_errors:
        try:
            done = await track(
                engine.core, engine.catalogue, asked, happened, await moment_of(call), key_life(call, asked)
            )
        except Replayed as first:
            return await replayed(call, first.event_id)
    await engine.ledger.acknowledged(call.partition, done.event_id)
    if asked.stores_customer and changes_profile(done.known, body.customer):
        await profile_stored(call, done.event_id)
    return Answer(done.answer)
