"""Codes that may be shown are found by indexes of their own, however many others a project has."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from app.api.qualifications.queries import Search, vouchers
from app.db import migrate
from app.db.database import Database
from app.http.query import Filters

POSITION = (datetime(2026, 3, 1, tzinfo=UTC), "v_1")


@pytest.mark.parametrize("position", [None, POSITION], ids=["first page", "later page"])
async def test_no_code_of_somebody_else_is_walked_over(tmp_path: Path, position: Any) -> None:
    """What the customer holds by the holder, public codes by their campaign: never all codes of the project
    in their order, of which a campaign may have made millions.
    """
    db = Database(f"sqlite:///{tmp_path / 'plans.db'}")
    asked: list[tuple[str, Any]] = []
    event.listen(
        db._reader.sync_engine,
        "before_cursor_execute",
        lambda _1, _2, statement, parameters, *_: asked.append((statement, parameters)),
    )
    try:
        await migrate.upgrade(db)
        search = Search(
            project_id="proj_1", customer_id="cust_1", now=datetime.now(UTC), filters=Filters()
        )
        async with db.reading() as session:
            assert await vouchers(session, search, position, 10) == []
        statements = [one for one in asked if "vouchers" in one[0]]
        plans = []
        async with db.engine.connect() as connection:
            for statement, parameters in statements:
                rows = await connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)
                plans.append([row[3] for row in rows if row[3].startswith("SEARCH vouchers")])
            assert (await connection.execute(text("SELECT count(*) FROM vouchers"))).scalar_one() == 0
    finally:
        await db.close()
    assert [plan[0].split("INDEX ")[1].split()[0] for plan in plans] == [
        "ix_vouchers_project_id_holder_id",
        "ix_vouchers_project_id_campaign_id",
        "ix_vouchers_project_id_campaign_id",
    ]
