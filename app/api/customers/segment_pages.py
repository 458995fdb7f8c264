"""Pages of the customers in a segment that is a filter: nobody keeps who is in it, so customers are looked at
in the list's order, a bounded number for each page.
"""

from typing import Final, NamedTuple

from app.api.call import Call
from app.api.customers.queries import CustomerList, cursor_of, page_statement, parsed_cursor
from app.db.models import Customer
from app.redeemables.customers import customer_facts, record_of
from app.redeemables.memberships import worked_out_of
from rules.facts import Moment
from rules.moment import Now
from rules.programs import CompiledSegment

LOOKED_AT_PER_ROW: Final = 50
"""Customers that are looked at for each row of a page; what is further on is another page."""
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
    wanted, left = skipped + asked.limit, LOOKED_AT_PER_ROW * asked.limit
    members: list[Customer] = []
    last, is_end = None, False
    while left and len(members) <= wanted and not is_end:
        size = min(CHUNK, left)
        rows = await _next(call, asked, last, size)
        is_end, left = len(rows) < size, left - len(rows)
        for row in rows:
            last = row
            if await _is_member(call, segment, row, moment):
                members.append(row)
                if len(members) > wanted:
                    break
    has_more = len(members) > wanted or not is_end
    page = members[skipped:wanted]
    behind = page[-1] if len(members) > wanted else last
    return SegmentPage(
        page,
        len(members),
        has_more,
        cursor_of(behind, asked.order) if has_more and behind is not None else None,
    )


async def _next(call: Call, asked: CustomerList, last: Customer | None, size: int) -> list[Customer]:
    """The customers behind `last`, from its place in the index."""
    if last is not None:
        asked = asked._replace(starting_after=parsed_cursor(cursor_of(last, asked.order), asked.order))
    statement = page_statement(asked).limit(size)
    async with call.read() as session:
        return list(await session.scalars(statement))


async def _is_member(call: Call, segment: CompiledSegment, row: Customer, moment: Moment) -> bool:
    facts = customer_facts(record_of(row), None)
    needs = segment.program.needs
    if needs:
        engine = call.engine
        facts = await worked_out_of(engine.core, engine.catalogue, call.partition, facts, needs, moment)
    return bool(segment.program.contains(facts, Now(moment)))
