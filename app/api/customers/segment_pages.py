"""Pages of the customers in a segment that is a filter: nobody keeps who is in it, so customers are looked at
in the list's order, a bounded number for each page.
"""

from typing import Any, Final, NamedTuple

from sqlalchemy import select

from app.api.call import Call
from app.api.customers.queries import COLUMNS, CustomerList, after_cursor, cursor_of, parsed_cursor
from app.db.models import Customer
from app.redeemables.customers import customer_facts, record_of
from app.redeemables.memberships import worked_out_of
from rules.facts import Moment
from rules.moment import Now
from rules.programs import CompiledSegment

LOOKED_AT_PER_ROW: Final = 50
"""Customers that are looked at for each row of a page; what is further on is another page."""
LOOKED_AT_MAX: Final = 20_000
CHUNK: Final = 200


class SegmentPage(NamedTuple):
    """found: members up to the end of this page, at least; cursor: where the next page begins."""

    rows: list[Customer]
    found: int
    has_more: bool
    cursor: str | None


async def page_of_segment(
    call: Call, asked: CustomerList, segment: CompiledSegment, moment: Moment
) -> SegmentPage:
    """Raises: CoreUnavailable."""
    skipped = 0 if asked.starting_after is not None else (asked.page - 1) * asked.limit
    wanted = skipped + asked.limit
    most = min(LOOKED_AT_PER_ROW * wanted, LOOKED_AT_MAX)
    members: list[Customer] = []
    position, looked_at, last, is_end = asked.starting_after, 0, None, False
    while looked_at < most and len(members) <= wanted and not is_end:
        rows = await _chunk(call, asked, position, looked_at)
        is_end = len(rows) < CHUNK
        for row in rows:
            looked_at, last = looked_at + 1, row
            if await _is_member(call, segment, row, moment):
                members.append(row)
                if len(members) > wanted:
                    is_end = False
                    break
        if last is not None:
            cursor = cursor_of(last, asked.order)
            position = None if cursor is None else parsed_cursor(cursor, asked.order)
    page = members[skipped:wanted]
    has_more = len(members) > wanted or not is_end
    behind = page[-1] if len(members) > wanted else last
    return SegmentPage(
        page,
        len(members),
        has_more,
        cursor_of(behind, asked.order) if has_more and behind is not None else None,
    )


async def _chunk(call: Call, asked: CustomerList, position: Any, looked_at: int) -> list[Customer]:
    column = COLUMNS[asked.order.field]
    ordering = [column, Customer.id]
    if asked.order.descending:
        ordering = [expression.desc() for expression in ordering]
    statement = select(Customer).where(asked.where).order_by(*ordering).limit(CHUNK)
    if position is not None:
        statement = statement.where(after_cursor(position, asked.order))
    else:
        statement = statement.offset(looked_at)
    async with call.read() as session:
        return list(await session.scalars(statement))


async def _is_member(call: Call, segment: CompiledSegment, row: Customer, moment: Moment) -> bool:
    facts = customer_facts(record_of(row), None)
    needs = segment.program.needs
    if needs:
        engine = call.engine
        facts = await worked_out_of(engine.core, engine.catalogue, call.partition, facts, needs, moment)
    return bool(segment.program.contains(facts, Now(moment)))
