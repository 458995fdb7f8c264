"""Pages of a segment that is a filter, in a long table: what an index answers is asked of it, and of the rest
no page looks at more customers than it may.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import and_, func, insert, select, text

from app.api.customers.indexed import indexed_conditions
from app.api.customers.queries import CustomerList, cursor_of, page_statement, parsed_cursor
from app.db.database import Database
from app.db.models import Customer
from app.http.query import Order
from tests.support.shop import created, unique

COUNT = 20_000
PROJECT = "proj_pages"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
NOW = FIRST + timedelta(minutes=COUNT)
NEWEST = Order("created_at", descending=True)
BY_CREATION, BY_EMAIL = "ix_customers_project_id_created_at", "ix_customers_project_id_email"
INSERT = """
INSERT INTO customers (project_id, id, source_id, name, email, body, summary, version, created_at)
SELECT :project, 'cust_' || lpad(n::text, 8, '0'), 'c-' || n, 'C', 'c-' || n || '@example.com', '{}', '{}', 1,
  CAST(:first AS timestamptz) + n * interval '1 minute'
FROM generate_series(1, :count) AS n
"""


@pytest.fixture(scope="module")
def table(postgres):
    """A PostgreSQL with the customers of a project among whom to look."""
    url = postgres.create_database()

    async def fill():
        async with opened(url) as db:
            async with db.writing() as session:
                for project in (PROJECT, "proj_other"):
                    values = {"project": project, "first": FIRST, "count": COUNT}
                    await session.execute(text(INSERT), values)
            async with db.writing() as session:
                await session.execute(text("ANALYZE customers"))

    asyncio.run(fill())
    return url


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    db = Database(url)
    try:
        yield db
    finally:
        await db.close()


def listed(condition, cursor=None, order=NEWEST):
    """What the list of a segment with this filter asks for."""
    own = [Customer.project_id == PROJECT, Customer.deleted_at.is_(None)]
    return CustomerList(
        where=and_(*own, *indexed_conditions(condition, NOW)),
        order=order,
        limit=10,
        page=1,
        starting_after=None if cursor is None else parsed_cursor(cursor, order),
    )


def steps(node):
    return [node, *(one for child in node.get("Plans", ()) for one in steps(child))]


def plan_of(url, asked):
    """The steps of PostgreSQL's plan for a page, and the rows that it read for it."""

    async def explain():
        async with opened(url) as db, db.reading() as session:
            compiled = page_statement(asked).limit(200).compile(
                dialect=db.engine.dialect, compile_kwargs={"render_postcompile": True}
            )
            connection = await session.connection()
            raw = await connection.get_raw_connection()
            values = [compiled.params[name] for name in compiled.positiontup]
            sql = "EXPLAIN (ANALYZE, FORMAT JSON) " + str(compiled)
            return await raw.driver_connection.fetchval(sql, *values)

    return steps(asyncio.run(explain())[0]["Plan"])


MIDDLE = Customer(id="cust_00010000", source_id="c-10000", created_at=FIRST + timedelta(minutes=10_000))
RECENT = {"created_at": {"conditions": {"$less_than_ago": [3]}}}
BETWEEN = {"created_at": {"conditions": {"$before": ["2026-01-09T00:00:00Z"], "$after": ["2026-01-06"]}}}


@pytest.mark.parametrize(
    ("condition", "cursor", "index"),
    [
        ({"metadata.level": {"conditions": {"$is": ["gold"]}}}, None, BY_CREATION),
        ({"metadata.level": {"conditions": {"$is": ["gold"]}}}, cursor_of(MIDDLE, NEWEST), BY_CREATION),
        (RECENT, None, BY_CREATION),
        (BETWEEN, cursor_of(MIDDLE, NEWEST), BY_CREATION),
        ({"email": {"conditions": {"$in": ["c-7@example.com", "c-8@example.com"]}}}, None, BY_EMAIL),
        ({"source_id": {"conditions": {"$is": ["c-7"]}}}, None, "uq_customers_project_id_source_id"),
    ],
    ids=["all", "all, further on", "recent", "between, further on", "email", "source_id"],
)
def test_a_page_begins_at_its_place_in_an_index(table, condition, cursor, index):
    """No table is read from its beginning, nothing before the cursor is passed by, and no more rows are read
    than the page looks at.
    """
    plan = plan_of(table, listed({"junction": "and", **condition}, cursor))
    assert not [step for step in plan if step["Node Type"] == "Seq Scan"], plan
    (scan,) = [step for step in plan if step.get("Index Name") == index]
    assert scan["Actual Rows"] <= 200
    assert scan.get("Rows Removed by Filter", 0) == 0
    assert (index == BY_CREATION) <= all(step["Node Type"] != "Sort" for step in plan)


def test_an_index_never_hides_a_member(table):
    """What it leaves out, the filter would have left out; what it cannot say, it does not say."""

    async def count(condition):
        async with opened(table) as db, db.reading() as session:
            statement = select(func.count()).select_from(Customer).where(listed(condition).where)
            return await session.scalar(statement)

    def all_of(condition):
        return asyncio.run(count(condition)) == COUNT

    email = {"email": {"conditions": {"$is": ["c-1@example.com"]}}}
    assert all_of({"junction": "or", **email, **RECENT})
    assert all_of({"email": {"conditions": {"$is_not": ["c-1@example.com"]}}})
    assert all_of({"source_id": {"conditions": {"$in": ["c-1", 5]}}})
    assert all_of({"created_at": {"conditions": {"$after": ["yesterday"]}}})
    assert all_of({"created_at": {"conditions": {"$less_than_ago": [10**6]}}})
    recent = asyncio.run(count(RECENT))
    assert 3 * 1_440 <= recent <= 6 * 1_440
    assert asyncio.run(count({"junction": "AND", **email, **RECENT})) == 0


def test_a_page_looks_at_fifty_customers_for_each_of_its_rows_at_most(api):
    """Whatever page is asked for, and in whatever order; where it stopped, the next one goes on."""
    rows = [{"source_id": unique("page"), "metadata": {"plan": "tin"}} for _ in range(120)]
    rows[0]["metadata"] = {"plan": "lone"}
    action = created(api.post("/v1/customers/bulk/async", json=rows))["async_action_id"]
    deadline = time.monotonic() + 180
    while created(api.get(f"/v1/async-actions/{action}"))["status"] != "DONE":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    lone = {"metadata.plan": {"conditions": {"$is": ["lone"]}}}
    body = {"name": unique("s"), "type": "passive", "filter": lone}
    segment_id = created(api.post("/v1/segments", json=body))["id"]
    for order in ("created_at", "-created_at", "source_id", "-source_id"):
        found, pages, after = [], 0, None
        while pages == 0 or after:
            params = {"segment_id": segment_id, "limit": 1, "order": order}
            more = {"starting_after": after} if after else {}
            answer = created(api.get("/v1/customers", params={**params, **more}))
            found += [one["source_id"] for one in answer["customers"]]
            after, pages = answer.get("more_starting_after"), pages + 1
        assert found == [rows[0]["source_id"]]
        assert pages >= 120 // 50, "a page that looked at more than it may"
    late = created(api.get("/v1/customers", params={"segment_id": segment_id, "limit": 1, "page": 9}))
    assert (late["customers"], late["has_more"]) == ([], True)


@pytest.mark.parametrize("field", ["updated_at", "source_id"])
@pytest.mark.parametrize("descending", [False, True])
def test_what_has_no_value_stands_where_the_other_database_has_it(postgres, field, descending):
    """First, in a descending order last; page by page nobody is lost or met twice."""
    order, url = Order(field, descending=descending), postgres.create_database()

    async def paged():
        async with opened(url) as db:
            async with db.writing() as session:
                for number in range(7):
                    await session.execute(
                        insert(Customer).values(
                            project_id=PROJECT,
                            id=f"cust_{number}",
                            source_id=f"c-{number // 2}" if number in (1, 4) else None,
                            updated_at=FIRST if number in (2, 3) else None,
                            created_at=FIRST,
                            body={},
                            summary={},
                            version=1,
                        )
                    )
            found, asked = [], listed({}, order=order)
            async with db.reading() as session:
                while rows := list(await session.scalars(page_statement(asked).limit(2))):
                    found += rows
                    cursor = parsed_cursor(cursor_of(rows[-1], order), order)
                    asked = asked._replace(starting_after=cursor)
            return [(getattr(row, field), row.id) for row in found]

    found = asyncio.run(paged())
    expected = sorted(found, key=lambda one: (one[0] is not None, str(one[0]), one[1]), reverse=descending)
    assert found == expected
    assert len({identity for _, identity in found}) == len(found) == 7
