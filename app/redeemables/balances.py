"""Balances of gift cards changed by hand: each change is one call of the script and one event, beside the
redemptions that spend them (behaviour 2.3).

A card's counters: its balance, whose base is the amount that it was opened with, and what was ever credited
and subtracted. The answer is made before the script runs, from values that the call pins, so that a repeated
request under an idempotency key is answered byte for byte.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from app.core.core import RedemptionCore
from app.core.keys import Keys
from app.core.ops import Add, Apply, Equal, Op
from app.core.outcome import Code, CoreUnavailable
from app.identifiers import new_id
from app.ledger.entries import BALANCE, Event, Private, encode_event, encode_private
from app.redeemables.answer import encode_answer
from app.redeemables.checks import Refused
from app.redeemables.orders import postings_of
from app.redeemables.read_trip import Asked
from app.redeemables.replay import KeyLife, KeyReused, first_event, keep_key
from app.redeemables.request import MINOR_UNITS_MAX
from app.redeemables.settle import Contended, Replayed

CREDITED: Final = "credited"
SUBTRACTED: Final = "subtracted"
ATTEMPTS_MAX: Final = 20
"""A card that is spent twenty times while one change is made is not one card."""


class Standing(Struct, frozen=True):
    """A card's counters as read. Amounts in minor units; `raw` are the values by which they are pinned."""

    credited_before: int
    balance: int
    held: int
    credited: int
    raw: Sequence[bytes | None]

    @property
    def total(self) -> int:
        """Everything that ever came onto the card."""
        return self.credited_before + self.credited


class Change(Struct, frozen=True):
    """What is to move. amount: of the balance. credited, subtracted: of what was ever credited, taken off."""

    amount: int
    credited: int = 0
    subtracted: int = 0


class Wanted(Struct, frozen=True):
    """A change of one card, and what is told about it. `change` sees the card and may refuse; None: nothing
    is to be done.
    """

    voucher_id: str
    opening: int
    """The card's first balance, the base of its counter."""
    credited_before: int
    """The card's amount when it was made: more than its balance for one that was used elsewhere before."""
    change: Callable[[Standing], Change | None]
    source_id: str | None = None
    reason: str | None = None


class Changed(Struct, frozen=True):
    """event_id empty: nothing was changed, because nothing had to be."""

    event_id: str
    answer: dict[str, Any]


def addition(amount: int) -> Callable[[Standing], Change | None]:
    """Credits added, or with a negative amount taken off the card."""

    def change(card: Standing) -> Change:
        return Change(amount, credited=max(amount, 0), subtracted=max(-amount, 0))

    return change


def new_total(total: int) -> Callable[[Standing], Change | None]:
    """The card's amount set: what it holds moves by the difference."""

    def change(card: Standing) -> Change | None:
        difference = total - card.total
        return Change(difference, credited=difference) if difference else None

    return change


async def change_balance(
    core: RedemptionCore, asked: Asked, wanted: Wanted, now: datetime, key_life: KeyLife | None = None
) -> Changed:
    """key_life: of the request's idempotency key, when it has one.

    Raises: Refused invalid_amount, Replayed, KeyReused, Contended, CoreUnavailable.
    """
    rid = new_id("bal_")
    transaction_id = new_id("vtx_")
    for _ in range(ATTEMPTS_MAX):
        keys = await core.open(asked.partition)
        card = await _standing(core, keys, asked, wanted)
        if card is None:
            continue
        change = wanted.change(card)
        if change is None:
            return Changed("", balance_wire(wanted.voucher_id, 0, card.total, card.balance))
        _check(card, change)
        answer = balance_wire(
            wanted.voucher_id, change.amount, card.total + change.credited, card.balance + change.amount
        )
        call = _call(keys, asked, wanted, card, change, answer, rid, transaction_id, now)
        keep_key(call, key_life)
        outcome = await core.apply(call)
        if outcome.code is Code.DUP and outcome.name == "idempotency":
            raise Replayed(outcome.event_id)
        if outcome.code in (Code.OK, Code.DUP):
            return Changed(outcome.event_id, answer)
        if outcome.code is Code.CONFLICT:
            raise KeyReused
        if outcome.code not in (Code.STALE, Code.LIMIT):
            raise CoreUnavailable(f"the core answered {outcome.code.name}")
    raise Contended


def balance_wire(voucher_id: str, amount: int, total: int, balance: int) -> dict[str, Any]:
    """The balance object (behaviour 2.3)."""
    return {
        "amount": amount,
        "total": total,
        "balance": balance,
        "type": "gift_voucher",
        "operation_type": "MANUAL",
        "object": "balance",
        "related_object": {"type": "voucher", "id": voucher_id},
    }


async def _standing(core: RedemptionCore, keys: Keys, asked: Asked, wanted: Wanted) -> Standing | None:
    """None: it may be that of before a rebuild."""
    voucher_id = wanted.voucher_id
    replies = await core.read(
        asked.partition,
        [
            ("HMGET", keys.balance(voucher_id), voucher_id, voucher_id + "~h"),
            ("HGET", keys.counter("gift", voucher_id), CREDITED),
            ("GET", keys.idempotency(asked.scope_hash or "none")),
            core.belief_command(asked.partition),
        ],
    )
    for reply in replies:
        if isinstance(reply, Exception):
            raise CoreUnavailable(str(reply))
    if not core.believes(asked.partition, replies[3]):
        await core.refresh(asked.partition)
        return None
    first = first_event(replies[2], asked.fingerprint) if asked.scope_hash else None
    if first is not None:
        raise Replayed(first)
    (balance, held), credited = replies[0], replies[1]
    return Standing(
        credited_before=wanted.credited_before,
        balance=wanted.opening if balance is None else int(balance),
        held=int(held or 0),
        credited=int(credited or 0),
        raw=(balance, credited),
    )


def _check(card: Standing, change: Change) -> None:
    """What is locked by sessions cannot be taken off."""
    if card.balance - card.held + change.amount < 0 > change.amount:
        raise Refused(
            400,
            "invalid_amount",
            "Invalid amount",
            f"Balance {card.balance - card.held} is too low to take {-change.amount} off it",
        )
    if card.balance + change.amount > MINOR_UNITS_MAX or card.total + change.credited < 0:
        raise Refused(
            400, "invalid_amount", "Invalid amount", f"Balance must be between 0 and {MINOR_UNITS_MAX}"
        )


def _call(
    keys: Keys,
    asked: Asked,
    wanted: Wanted,
    card: Standing,
    change: Change,
    answer: dict[str, Any],
    rid: str,
    transaction_id: str,
    now: datetime,
) -> Apply:
    voucher_id = wanted.voucher_id
    balance_key, gift_key = keys.balance(voucher_id), keys.counter("gift", voucher_id)
    adds = [Add(key=balance_key, field=voucher_id, delta=change.amount, base=wanted.opening, floor=0)]
    for field, delta in ((CREDITED, change.credited), (SUBTRACTED, change.subtracted)):
        if delta:
            adds.append(Add(key=gift_key, field=field, delta=delta))
    event = Event(
        kind=BALANCE,
        rid=rid,
        project_id=asked.partition.project_id,
        at_us=int(now.timestamp() * 1_000_000),
        actor_key_id=asked.key_id,
        postings=postings_of(keys, adds),
    )
    private = Private(
        transaction={
            "id": transaction_id,
            "voucher_id": voucher_id,
            "source_id": wanted.source_id,
            "reason": wanted.reason,
        },
        answer=encode_answer(answer) if asked.scope_hash else None,
    )
    ops: list[Op] = [
        *adds,
        Equal(key=balance_key, field=voucher_id, expected=card.raw[0]),
        Equal(key=gift_key, field=CREDITED, expected=card.raw[1]),
    ]
    return Apply(
        partition=asked.partition,
        mode="R",
        rid=rid,
        guards={},
        ops=ops,
        event=encode_event(event),
        private=encode_private(private),
        idempotency_key=keys.idempotency(asked.scope_hash) if asked.scope_hash else "",
        fingerprint=asked.fingerprint,
    )
