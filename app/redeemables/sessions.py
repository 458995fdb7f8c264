"""Sessions: what a validation locks under one key, and how it is held, consumed and released (behaviour 4.8,
D8).

A lock holds one use of a voucher and the credits or points of its request. Holds never expire by themselves:
each end, a redemption, a release or a passed deadline, is a call of the script and an event.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from app.core.keys import Keys
from app.core.ops import Apply, Due, Equal, Hold, Op, Put, Release
from app.identifiers import new_id
from app.ledger.entries import RELEASE, Event, Lock, Posting, decode_lock, encode_event, encode_lock
from app.redeemables.charges import BALANCES, place_of
from app.redeemables.request import StackRequest
from rules.facts import Counter, CounterName, Facts
from rules.verdict import Result


class Owned(Struct, frozen=True):
    """What the session of a request holds, as read. `raw`: bytes by voucher, by which it is pinned."""

    digest: str
    raw: Mapping[str, bytes]
    locks: Mapping[str, Lock]


class Moves(Struct):
    """Operations on sessions with what the ledger keeps of them: `postings[i]` is of the i-th Hold or
    Release.
    """

    ops: list[Op] = []
    postings: list[Posting] = []
    locks: list[Lock] = []


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def session_commands(keys: Keys, request: StackRequest) -> list[tuple[str, ...]]:
    """What of the read trip brings a session and the server's clock; the last of its commands."""
    if request.session is None:
        return []
    if not request.session.key:
        return [("TIME",)]
    return [("TIME",), ("HGETALL", keys.session(digest_of(request.session.key)))]


def server_moment(request: StackRequest, replies: Sequence[Any]) -> int:
    """Epoch milliseconds by the server's clock, by which deadlines are judged (D8); 0 without a session. A
    process's own clock may be wrong by hours.
    """
    if request.session is None:
        return 0
    seconds, microseconds = replies[-2] if request.session.key else replies[-1]
    return int(seconds) * 1000 + int(microseconds) // 1000


def owned_of(request: StackRequest, replies: Sequence[Any]) -> Owned | None:
    """The session as the trip brought it; None for a request without a session key."""
    if request.session is None or not request.session.key:
        return None
    flat = replies[-1]
    raw = {voucher.decode(): value for voucher, value in zip(flat[::2], flat[1::2], strict=True)}
    locks = {voucher: decode_lock(value) for voucher, value in raw.items()}
    return Owned(digest_of(request.session.key), raw, locks)


def owned_alone(digest: str, voucher_id: str, raw: bytes) -> Owned:
    """One field of a session's hash, for a release of it alone."""
    return Owned(digest, {voucher_id: raw}, {voucher_id: decode_lock(raw)})


def without_own(facts: Facts, keys: Keys, owned: Owned | None) -> Facts:
    """What the request's own session holds is free for the request itself (behaviour 10, 40)."""
    if owned is None or not owned.locks or not facts.counters:
        return facts
    named = {candidate.id for candidate in facts.candidates}
    own = {
        (keys.base + key, field): amount
        for voucher_id, lock in owned.locks.items()
        if voucher_id in named
        for key, field, amount, _ in lock.held
    }
    counters: dict[CounterName, Counter] = {}
    for name, counter in facts.counters.items():
        amount = own.get(place_of(keys, name), 0)
        counters[name] = replace(counter, held=max(0, counter.held - amount)) if amount else counter
    return replace(facts, counters=counters)


# Moves --------------------------------------------------------------------------------------------


def own_releases(keys: Keys, owned: Owned | None, voucher_ids: Iterable[str]) -> list[Op]:
    """For a call that only looks: what the session holds of these vouchers counts as free."""
    if owned is None:
        return []
    return [
        Release(key=keys.base + key, field=field, amount=amount)
        for voucher_id in voucher_ids
        if voucher_id in owned.locks
        for key, field, amount, _ in owned.locks[voucher_id].held
    ]


def consume(keys: Keys, owned: Owned | None) -> Moves:
    """A redemption ends its session: what it uses itself and what it leaves alone (D8)."""
    moves = Moves()
    if owned is not None:
        for voucher_id in owned.locks:
            _release(moves, keys, owned, voucher_id)
    return moves


def _release(moves: Moves, keys: Keys, owned: Owned, voucher_id: str, *, keep_fields: bool = False) -> None:
    """Give back one voucher's hold; keep_fields: the fields are written anew by the same call."""
    for key, field, amount, base in owned.locks[voucher_id].held:
        moves.ops.append(Release(key=keys.base + key, field=field, amount=amount))
        moves.postings.append(Posting(key=key, field=field, delta=-amount, kind="r", base=base))
    if keep_fields:
        return
    session = keys.session(owned.digest)
    moves.ops.append(Equal(key=session, field=voucher_id, expected=owned.raw[voucher_id]))
    moves.ops.append(Put(key=session, field=voucher_id, value=b""))
    moves.ops.append(Put(key=keys.voucher_sessions(voucher_id), field=owned.digest, value=b""))
    moves.locks.append(Lock(owned.digest, voucher_id))


def relock(
    keys: Keys,
    owned: Owned,
    named: Sequence[str],
    applied: Sequence[Result],
    deadline_ms: int,
) -> Moves:
    """Overwrite what the session held of the vouchers named; others under the key stay as they are."""
    moves = Moves()
    holding = {
        result.candidate.id: _holds_of(keys, result)
        for result in applied
        if result.candidate.object == "voucher"
    }
    for voucher_id in named:
        if voucher_id in owned.locks:
            _release(moves, keys, owned, voucher_id, keep_fields=voucher_id in holding)
    for voucher_id, holds in holding.items():
        cut = len(keys.base)
        for hold in holds:
            moves.ops.append(hold)
            moves.postings.append(
                Posting(key=hold.key[cut:], field=hold.field, delta=hold.amount, kind="h", base=hold.base)
            )
        held = [(hold.key[cut:], hold.field, hold.amount, hold.base) for hold in holds]
        lock = Lock(owned.digest, voucher_id, deadline_ms, held)
        hash_key = keys.session(owned.digest)
        moves.ops += [
            Equal(key=hash_key, field=voucher_id, expected=owned.raw.get(voucher_id)),
            Put(key=hash_key, field=voucher_id, value=encode_lock(lock)),
            Put(key=keys.voucher_sessions(voucher_id), field=owned.digest, value=b"%d" % deadline_ms),
        ]
        moves.locks.append(lock)
    return moves


def _holds_of(keys: Keys, result: Result) -> list[Hold]:
    """One use, and what the request takes off a balance."""
    holds: list[Hold] = []
    for charge in result.charges:
        name = charge.counter
        own_use = name.scope == "voucher" and name.field == "used" and name.id == result.candidate.id
        if own_use and not (name.customer or name.product or name.window):
            amount, floor = charge.delta, None
        elif name.scope in BALANCES:
            amount, floor = -charge.delta, 0
        else:
            continue
        if amount > 0:
            key, field = place_of(keys, name)
            holds.append(
                Hold(key=key, field=field, amount=amount, base=charge.base, cap=charge.cap, floor=floor)
            )
    return holds


def release_call(
    keys: Keys,
    owned: Owned,
    voucher_id: str,
    now: datetime,
    actor_key_id: str | None,
    *,
    only_due: bool,
) -> Apply:
    """Give back what one session holds of one voucher. only_due: refused before the deadline by the server's
    clock.
    """
    moves = Moves()
    _release(moves, keys, owned, voucher_id)
    if only_due:
        moves.ops.append(Due(deadline_ms=owned.locks[voucher_id].deadline_ms))
    rid = new_id("ssr_")
    event = Event(
        kind=RELEASE,
        rid=rid,
        project_id=keys.partition.project_id,
        at_us=int(now.timestamp() * 1_000_000),
        actor_key_id=actor_key_id,
        postings=moves.postings,
        locks=moves.locks,
    )
    return Apply(
        partition=keys.partition, mode="H", rid=rid, guards={}, ops=moves.ops, event=encode_event(event)
    )
