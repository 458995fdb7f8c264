"""Which segments a customer is in, as of now: filters on what is stored of him and on what he did, lists as
they are.
"""

from collections.abc import Sequence

from sqlalchemy import select

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.db.models import Segment
from app.redeemables.catalogue import Catalogue
from app.redeemables.referred import SEGMENT, load_referred
from app.redeemables.summaries import with_summary
from rules.facts import CustomerFacts, Moment
from rules.moment import Now


async def segments_of(
    core: RedemptionCore,
    catalogue: Catalogue,
    partition: Partition,
    customer: CustomerFacts,
    moment: Moment,
    kinds: Sequence[str] | None = None,
) -> list[tuple[str, str]]:
    """(id, name) of each, the newest first. customer: as stored, or as somebody would be. kinds: of segments
    that are looked at; None: all.

    Raises: CoreUnavailable.
    """
    project_id = partition.project_id
    async with catalogue.db.reading() as session:
        statement = select(Segment.id, Segment.name).where(Segment.project_id == project_id)
        if kinds is not None:
            statement = statement.where(Segment.type.in_(kinds))
        rows = (await session.execute(statement.order_by(Segment.created_at.desc(), Segment.id.desc()))).all()
        referred = await load_referred(session, project_id, [SEGMENT + row.id for row in rows])
    programs = {one.id: one.program for one in referred.segments.values()}
    needs = frozenset(need for program in programs.values() for need in program.needs)
    if needs:
        keys = await core.open(partition)
        customer, _ = await with_summary(core, catalogue, keys, customer, needs, None, moment, None)
    now = Now(moment)
    return [
        (row.id, row.name) for row in rows if row.id in programs and programs[row.id].contains(customer, now)
    ]


async def worked_out_of(
    core: RedemptionCore,
    catalogue: Catalogue,
    partition: Partition,
    customer: CustomerFacts,
    needs: frozenset[str],
    moment: Moment,
) -> CustomerFacts:
    """The customer with what `needs` name of his past. Raises: CoreUnavailable."""
    keys = await core.open(partition)
    seen, _ = await with_summary(core, catalogue, keys, customer, needs, None, moment, None)
    return seen
