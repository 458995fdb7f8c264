"""Exports look at a table in the order of its index, whatever the database believes of its size."""

import pytest
from sqlalchemy import text

from app.db.models import Project
from app.engine import Engine
from app.jobs.exports import walk_index
from app.redeemables.issuing import alike_vouchers, insert_free

CODES = 20_000
PART = (
    "EXPLAIN SELECT * FROM vouchers WHERE project_id = :project AND (created_at, id) < (now(), 'x') "
    "ORDER BY created_at DESC, id DESC LIMIT 5000"
)


async def test_no_part_of_an_export_sorts_the_table(engine: Engine, project: Project) -> None:
    """PostgreSQL, right after many codes were made: by itself it sorts, and in the next transaction again."""
    if engine.db.is_sqlite:
        pytest.skip("SQLite walks the index by itself")
    codes = {f"CODE-{number}": f"CODE-{number}" for number in range(CODES)}
    made = alike_vouchers(project, codes, now=engine.now(), type="DISCOUNT_VOUCHER", body={})
    async with engine.db.writing() as session:
        await insert_free(session, made)
    plans = []
    for walks in (False, True, False):
        async with engine.db.reading() as session:
            if walks:
                await walk_index(session)
            plans.append("\n".join(await session.scalars(text(PART), {"project": project.id})))
    assert ["Sort" in plan for plan in plans] == [True, False, True], plans
