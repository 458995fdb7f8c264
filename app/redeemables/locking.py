"""Locks of validations taken, and released by hand (behaviour 4.8). Like a redemption, each is one call of
the script, and acknowledged only as far as the ledger promises.
"""

from datetime import datetime

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.ops import Apply
from app.core.outcome import Code, CoreUnavailable
from app.ledger.entries import HOLD, Event, encode_event
from app.redeemables.checks import Refused
from app.redeemables.read_trip import Asked
from app.redeemables.session_request import VOUCHERS_MAX, Session
from app.redeemables.sessions import Owned, digest_of, owned_alone, release_call, relock
from app.redeemables.settle import Settled

RELEASE_ATTEMPTS_MAX = 4


async def lock(
    core: RedemptionCore, asked: Asked, settled: Settled, session: Session, rid: str, now: datetime
) -> str | None:
    """Hold what applies; the event's id, empty when there is nothing to hold. None: what was decided on has
    changed meanwhile, decide again.

    Raises: Refused for too many vouchers under one key, CoreUnavailable.
    """
    gathered, decision = settled.gathered, settled.decision
    owned = gathered.owned or Owned(digest_of(session.key), {}, {})
    deadline_ms = gathered.server_ms + session.ttl_ms
    named = [candidate.id for candidate in gathered.facts.candidates if candidate.id]
    moves = relock(gathered.keys, owned, named, decision.applied, deadline_ms)
    if not moves.locks:
        return ""
    if len(owned.locks.keys() | {one.voucher_id for one in moves.locks}) > VOUCHERS_MAX:
        raise Refused(
            400,
            "invalid_payload",
            "Invalid payload",
            f"Property .session.key must NOT lock more than {VOUCHERS_MAX} vouchers",
        )
    event = Event(
        kind=HOLD,
        rid=rid,
        project_id=asked.partition.project_id,
        at_us=int(now.timestamp() * 1_000_000),
        actor_key_id=asked.key_id,
        postings=moves.postings,
        customer_id=gathered.customer_id,
        locks=moves.locks,
    )
    outcome = await core.apply(
        Apply(
            partition=asked.partition,
            mode="H",
            rid=rid,
            guards=gathered.guards,
            ops=moves.ops,
            event=encode_event(event),
        )
    )
    if outcome.code in (Code.OK, Code.DUP):
        return outcome.event_id
    if outcome.code in (Code.LIMIT, Code.STALE):
        return None
    raise CoreUnavailable(f"the core answered {outcome.code.name}")


async def release(
    core: RedemptionCore, partition: Partition, key: str, voucher_id: str, key_id: str, now: datetime
) -> str | None:
    """Give back at once what a session holds of a voucher; the event's id, or None when it holds nothing.

    Raises: CoreUnavailable.
    """
    return await release_held(core, partition, digest_of(key), voucher_id, key_id, now)


async def release_held(
    core: RedemptionCore, partition: Partition, digest: str, voucher_id: str, key_id: str, now: datetime
) -> str | None:
    """The same by the digest of the session's key, which is all that is kept of it."""
    for _ in range(RELEASE_ATTEMPTS_MAX):
        # Read anew: after a rebuild the locks are in another namespace, and the old one looks empty.
        keys = (await core.refresh(partition)).keys
        (raw,) = await core.read(partition, [("HGET", keys.session(digest), voucher_id)])
        if not isinstance(raw, bytes):
            return None
        owned = owned_alone(digest, voucher_id, raw)
        outcome = await core.apply(release_call(keys, owned, voucher_id, now, key_id, only_due=False))
        if outcome.code in (Code.OK, Code.DUP):
            return outcome.event_id
        if outcome.code is not Code.STALE:
            raise CoreUnavailable(f"the core answered {outcome.code.name}")
    raise CoreUnavailable("the session is being locked and released by others")
