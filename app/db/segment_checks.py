"""Customers that a transaction touched are put down, in the same transaction, to be looked at for the active
segments of their project. A project without any pays one look into an index.
"""

from typing import Any, Final

from sqlalchemy import bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models.membership import SegmentCheck, SegmentWalk
from app.db.noted import touched_in

_ANY: Final = (
    select(SegmentWalk.segment_id).where(SegmentWalk.project_id == bindparam("project")).limit(1)
)
_CHECKS: Final[Any] = SegmentCheck.__table__


async def put_down(session: AsyncSession) -> None:
    """The last thing that a writing transaction does with its customers."""
    touched = touched_in(session)
    if not touched:
        return
    connection = await session.connection()
    for project_id, customer_ids in touched.items():
        if customer_ids and await connection.scalar(_ANY, {"project": project_id}) is not None:
            rows = [{"project_id": project_id, "customer_id": one} for one in sorted(customer_ids)]
            await connection.execute(insert(_CHECKS), rows)
