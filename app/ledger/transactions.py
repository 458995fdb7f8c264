"""Movements of gift cards as rows: redemptions and refunds beside what was credited and taken off by hand
(behaviour 2.3). Collected from events, written in one go.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Voucher, VoucherTransaction
from app.db.noted import note_rows
from app.ledger.entries import BALANCE, REDEMPTION, ROLLBACK, Event, Private

CREDITED: Final = "credited"
SUBTRACTED: Final = "subtracted"
GIFT_KEY: Final = "n:gift:"
BALANCE_KEY: Final = "g:"
_KINDS: Final = {REDEMPTION: "CREDITS_REDEMPTION", ROLLBACK: "CREDITS_REFUND"}

Row = dict[str, Any]


class Credit(Struct):
    """What was ever credited to and taken off a card, moved by a run."""

    credited: int = 0
    subtracted: int = 0


class Movement(Struct, frozen=True):
    """One row to write; `credited`: by how much the card's total moves with it."""

    row: Row
    credited: int = 0


def movements_of(
    event: Event, private: Private | None, balances: Mapping[str, int], at: datetime
) -> list[Movement]:
    """balances: what the event left on each card, by voucher."""
    moved = {
        posting.field: posting.delta
        for posting in event.postings
        if posting.kind == "a" and posting.key.startswith(BALANCE_KEY)
    }
    if not moved:
        return []
    if event.kind == BALANCE:
        return _by_hand(event, private, moved, balances, at)
    if event.kind not in _KINDS:
        return []
    order = private.order if private is not None else None
    movements = []
    for taken in event.taken:
        if taken.voucher_id is None or taken.voucher_id not in moved:
            continue
        details: Row = {"redemption": {"id": taken.redemption_id or taken.id}}
        if taken.redemption_id is not None:
            details["rollback"] = {"id": taken.id}
        if order is not None:
            details["order"] = {"id": order["id"], "source_id": order.get("source_id")}
        row = _row(event, taken.voucher_id, moved[taken.voucher_id], balances, at)
        row |= {
            "id": "vtx_" + taken.id.partition("_")[2],
            "campaign_id": taken.campaign_id,
            "type": _KINDS[event.kind],
            "details": details,
        }
        movements.append(Movement(row))
    return movements


def _by_hand(
    event: Event,
    private: Private | None,
    moved: Mapping[str, int],
    balances: Mapping[str, int],
    at: datetime,
) -> list[Movement]:
    if private is None or private.transaction is None:
        return []
    told = private.transaction
    voucher_id = told["voucher_id"]
    amount = moved[voucher_id]
    row = _row(event, voucher_id, amount, balances, at)
    row |= {
        "id": told["id"],
        "source_id": told["source_id"],
        "source": event.channel,
        "reason": told["reason"],
        "type": "CREDITS_ADDITION" if amount > 0 else "CREDITS_REMOVAL",
        "details": {},
    }
    credited = sum(
        posting.delta
        for posting in event.postings
        if posting.key.startswith(GIFT_KEY) and posting.field == CREDITED
    )
    return [Movement(row, credited)]


def _row(event: Event, voucher_id: str, amount: int, balances: Mapping[str, int], at: datetime) -> Row:
    return {
        "project_id": event.project_id,
        "voucher_id": voucher_id,
        "campaign_id": None,
        "source_id": None,
        "source": None,
        "reason": None,
        "amount": amount,
        "balance": balances.get(voucher_id, 0),
        "created_at": at,
    }


def credit_of(credits_: dict[str, Credit], key: str, field: str, delta: int) -> None:
    """Count a posting of a card's own counters; other postings change nothing."""
    if not key.startswith(GIFT_KEY) or field not in (CREDITED, SUBTRACTED):
        return
    credit = credits_.setdefault(key[len(GIFT_KEY) :], Credit())
    if field == CREDITED:
        credit.credited += delta
    else:
        credit.subtracted += delta


def _total(card: Voucher) -> int:
    """What was ever credited to a card, before it was imported included."""
    before = (card.body.get("gift") or {}).get("redeemed_before") or 0
    return card.gift_opening + int(before) + card.credited_amount


async def write_transactions(session: AsyncSession, project_id: str, movements: list[Movement]) -> None:
    """All rows of a run, before the run moves the cards' columns: each row tells the total as it was then."""
    if not movements:
        return
    found = await session.scalars(
        select(Voucher).where(
            Voucher.project_id == project_id,
            Voucher.id.in_({movement.row["voucher_id"] for movement in movements}),
        )
    )
    cards = {card.id: (card.campaign_id, _total(card)) for card in found}
    rows = []
    for movement in movements:
        row = dict(movement.row)
        campaign_id, total = cards.get(row["voucher_id"], (row["campaign_id"], 0))
        total += movement.credited
        cards[row["voucher_id"]] = (campaign_id, total)
        row["campaign_id"] = campaign_id
        balance: Row = {
            "type": "gift_voucher",
            "total": total,
            "object": "balance",
            "amount": row["amount"],
            "balance": row["balance"],
            "related_object": {"id": row["voucher_id"], "type": "voucher"},
        }
        if row["type"] in ("CREDITS_ADDITION", "CREDITS_REMOVAL"):
            balance["operation_type"] = "MANUAL"
        row["details"] = {"balance": balance, **row["details"]}
        rows.append(row)
    table: Any = VoucherTransaction.__table__
    await (await session.connection()).execute(insert(table), rows)
    note_rows(session, project_id, "transactions", rows)
