"""What an Idempotency-Key means to the rooms (D1): how long it is known, and catalogue writes that make codes
once under it.

The key is claimed by the first statement of the transaction that writes, and the answer is kept by its last:
whoever comes second waits for that commit and is answered with the same bytes. A request that is refused
claims nothing, and is decided again under its key.
"""

from collections.abc import Awaitable, Callable
from functools import wraps

from sqlalchemy import select

from app.api.call import Answer, Call
from app.api.claims import AnsweredBefore, Claim
from app.db.models import IdempotentAnswer
from app.http.errors import ApiError
from app.http.idempotency import REPLAYED, request_identity
from app.http.multipart import without_boundary
from app.redeemables.read_trip import Asked
from app.redeemables.replay import KeyLife

SECONDS_PER_HOUR = 3600

Handler = Callable[[Call], Awaitable[Answer]]


def key_life(call: Call, asked: Asked) -> KeyLife | None:
    """How long the request's key is known, counted from now whatever time a sandbox travels to; None for a
    request without one.
    """
    if not asked.scope_hash:
        return None
    seconds = call.engine.settings.idempotency_hours * SECONDS_PER_HOUR
    until = int(call.engine.now().timestamp()) + seconds
    return KeyLife(asked.scope_hash, asked.fingerprint, seconds, until)


def once(handler: Handler) -> Handler:
    """The handler, honouring the header. Its transaction must keep its answer (`CatalogueWrite.answer`)."""

    @wraps(handler)
    async def answered_once(call: Call) -> Answer:
        path = call.route.path
        for name, value in call.path.items():
            path = path.replace(f"{{{name}}}", value)
        identity = request_identity(
            call.headers,
            call.principal.key_id,
            call.route.method,
            path,
            call.query.raw,
            without_boundary(call.headers.get("content-type", ""), call.raw_body),
        )
        if identity is None:
            return await handler(call)
        claim = Claim(identity, call.engine.now(), call.engine.settings.idempotency_hours)
        first = await _first(call, claim)
        if first is not None:
            return first
        call.claim = claim
        try:
            return await handler(call)
        except AnsweredBefore:
            first = await _first(call, claim)
            if first is None:
                raise
            return first

    return answered_once


async def _first(call: Call, claim: Claim) -> Answer | None:
    """Raises: ApiError 422 for another body under the same key."""
    async with call.read() as session:
        row = await session.scalar(
            select(IdempotentAnswer).where(
                IdempotentAnswer.project_id == call.project_id,
                IdempotentAnswer.scope_hash == claim.identity.scope_hash,
                IdempotentAnswer.at >= claim.known_since,
            )
        )
    if row is None:
        return None
    if row.fingerprint != claim.identity.fingerprint:
        raise ApiError(
            422,
            "idempotency_key_reused",
            "Idempotency key reused",
            "The same Idempotency-Key was used with another body",
        )
    return Answer(row.body, status=row.status, headers=REPLAYED)
