"""Sessions on vouchers: what a validation locked, given back by hand (behaviour 4.8)."""

from app.api.call import Answer, Call
from app.api.lookup import voucher_named
from app.http.errors import not_found
from app.http.routing import Route
from app.redeemables.locking import release


async def release_session(call: Call) -> Answer:
    """404 for a voucher that is not there, and for a session that holds nothing of it."""
    engine = call.engine
    engine.ledger.require()
    async with call.read() as session:
        voucher, _ = await voucher_named(session, call.project_id, call.path["code"])
    key = call.path["sessionKey"]
    event_id = await release(
        engine.core, call.partition, key, voucher.id, call.principal.key_id, engine.now()
    )
    if event_id is None:
        raise not_found("session", key)
    await engine.ledger.acknowledged(call.partition, event_id)
    return Answer()


ROUTES: tuple[Route, ...] = (
    Route(
        method="DELETE",
        path="/v1/vouchers/{code}/sessions/{sessionKey}",
        operation_id="release-validation-session",
        handler=release_session,
        permission="vouchers.write",
        tag="Vouchers",
        summary="Release Validation Session",
        answer=None,
        status=204,
        errors=("not_found",),
    ),
)
