"""The audit chain on both databases: in the same transaction, in one order, and whatever is done to it
shows.
"""

import asyncio
import subprocess
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.exc import DBAPIError

from app.audit.chain import Actor, audited
from app.audit.verify import chains, verify_chain
from app.db import migrate
from app.db.database import Database
from app.db.models import AuditDetail, AuditEntry, Category, Customer

ACTOR = Actor(kind="key", id="app_1", operation="test-operation", request_id="v-1")
CHANGEABLE = {
    "sqlite": (
        "DROP TRIGGER audit_entries_no_update",
        "DROP TRIGGER audit_entries_no_delete",
    ),
    "postgresql": ("ALTER TABLE audit_entries DISABLE TRIGGER ALL",),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'audit.db'}"
    return request.getfixturevalue("postgres").create_empty_database()


@pytest.fixture
async def db(empty_url):
    database = Database(empty_url)
    await migrate.upgrade(database)
    yield database
    await database.close()


def category(number, project_id="proj_1"):
    return Category(
        project_id=project_id,
        id=f"cat_{number}",
        name=f"category {number}",
        hierarchy=number,
        version=1,
        created_at=datetime.now(UTC),
        updated_at=None,
    )


async def make(db, *numbers, project_id="proj_1"):
    for number in numbers:
        async with audited(db, project_id, ACTOR) as session:
            session.add(category(number, project_id))


async def tampered(db, statement):
    async with db.writing() as session:
        for unlock in CHANGEABLE["sqlite" if db.is_sqlite else "postgresql"]:
            await session.execute(text(unlock))
        await session.execute(text(statement))
    return await verify_chain(db, "proj_1")


async def test_an_entry_says_who_did_what_to_which_object(db):
    """With the names of what changed, and the values before and after."""
    await make(db, 1)
    async with audited(db, "proj_1", ACTOR) as session:
        (await session.get(Category, ("proj_1", "cat_1"))).hierarchy = 9
    async with audited(db, "proj_1", ACTOR) as session:
        await session.delete(await session.get(Category, ("proj_1", "cat_1")))
    async with db.reading() as session:
        entries = list(await session.scalars(select(AuditEntry).order_by(AuditEntry.seq)))
        bodies = list(await session.scalars(select(AuditDetail.body).order_by(AuditDetail.seq)))
    assert [(entry.seq, entry.action, entry.members) for entry in entries] == [
        (1, "created", []),
        (2, "updated", ["hierarchy"]),
        (3, "deleted", []),
    ]
    assert {
        (entry.actor_kind, entry.actor_id, entry.operation, entry.request_id, entry.object_type)
        for entry in entries
    } == {("key", "app_1", "test-operation", "v-1", "category")}
    assert bodies[0] == '{"before":{"hierarchy":1},"after":{"hierarchy":9}}'
    assert '"name":"category 1"' in bodies[1]
    verdict = await verify_chain(db, "proj_1")
    assert (verdict.entries, verdict.broken_at, verdict.head) == (3, None, entries[-1].hash.hex())


async def test_a_transaction_that_fails_leaves_neither_change_nor_entry(db):
    """They commit together or not at all."""

    async def failing():
        async with audited(db, "proj_1", ACTOR) as session:
            session.add(category(1))
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    async with db.reading() as session:
        assert list(await session.scalars(select(Category.id))) == []
    assert await chains(db) == []


async def test_writers_at_once_make_one_order(db):
    """Thirty transactions, two projects: no number twice, none left out, each chain sound."""
    await asyncio.gather(
        *(make(db, number, project_id=f"proj_{number % 2}") for number in range(30)),
    )
    for project_id in ("proj_0", "proj_1"):
        verdict = await verify_chain(db, project_id)
        assert (verdict.entries, verdict.broken_at) == (15, None)
    assert await chains(db) == ["proj_0", "proj_1"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor_id = 'somebody else'",
        "DELETE FROM audit_entries",
    ],
)
async def test_the_database_refuses_to_change_what_was_appended(db, statement):
    """Whoever holds the program's own connection cannot rewrite it."""
    await make(db, 1)
    with pytest.raises(DBAPIError, match="append-only"):
        async with db.writing() as session:
            await session.execute(text(statement))
    assert (await verify_chain(db, "proj_1")).entries == 1


@pytest.mark.parametrize(
    ("statement", "broken_at", "reason"),
    [
        ("UPDATE audit_entries SET actor_id = 'x' WHERE seq = 2", 2, "it was changed"),
        ("UPDATE audit_entries SET at_us = at_us + 1 WHERE seq = 2", 2, "it was changed"),
        ("UPDATE audit_entries SET members = '[]' WHERE seq = 2", 2, "it was changed"),
        ("DELETE FROM audit_entries WHERE seq = 2", 2, "an entry is missing"),
        ("DELETE FROM audit_entries WHERE seq = 4", 4, "entries at the end are missing"),
        ("UPDATE audit_entries SET hash = previous_hash WHERE seq = 3", 3, "it was changed"),
        ("UPDATE audit_details SET body = '{}' WHERE seq = 2", 2, "its values were changed"),
        ("DELETE FROM audit_heads", 4, "the end of the chain is not noted"),
    ],
)
async def test_whatever_is_done_to_the_tables_shows(db, statement, broken_at, reason):
    """Even to somebody who may switch the database's own guard off."""
    await make(db, 1)
    async with audited(db, "proj_1", ACTOR) as session:
        (await session.get(Category, ("proj_1", "cat_1"))).hierarchy = 9
    await make(db, 2, 3)
    assert (await verify_chain(db, "proj_1")).broken_at is None
    verdict = await tampered(db, statement)
    assert (verdict.broken_at, verdict.reason) == (broken_at, reason)


async def test_an_end_that_was_noted_elsewhere_proves_the_past(db):
    """Also against somebody who recomputes the whole chain: the noted hash no longer comes out."""
    await make(db, 1, 2)
    noted = await verify_chain(db, "proj_1")
    await make(db, 3)
    assert (await verify_chain(db, "proj_1", {2: noted.head})).broken_at is None
    wrong = await verify_chain(db, "proj_1", {2: "0" * 64})
    assert (wrong.broken_at, wrong.reason) == (2, "it is not the entry that was noted")
    longer = await verify_chain(db, "proj_1", {9: noted.head})
    assert longer.reason == "entries that were noted are missing"


async def test_values_can_be_erased_and_the_chain_still_stands(db):
    """The chain holds a salted digest of them, not them."""
    await make(db, 1)
    async with audited(db, "proj_1", ACTOR) as session:
        (await session.get(Category, ("proj_1", "cat_1"))).name = "renamed"
    async with db.writing() as session:
        await session.execute(delete(AuditDetail))
    verdict = await verify_chain(db, "proj_1")
    assert (verdict.entries, verdict.broken_at, verdict.erased) == (2, None, 1)


async def test_values_of_persons_are_never_kept(db):
    """Of a customer the chain names what changed, and nothing keeps the values."""
    async with audited(db, "proj_1", ACTOR) as session:
        session.add(
            Customer(
                project_id="proj_1",
                id="cust_1",
                source_id="s-1",
                name="Ada",
                email="ada@planted.example",
                body={"address": {"line_1": "Planted Street 1"}},
                summary={},
                deleted_at=None,
                version=1,
                created_at=datetime.now(UTC),
                updated_at=None,
            )
        )
    async with audited(db, "proj_1", ACTOR) as session:
        (await session.get(Customer, ("proj_1", "cust_1"))).email = "new@planted.example"
    async with db.reading() as session:
        entries = list(await session.scalars(select(AuditEntry).order_by(AuditEntry.seq)))
        assert list(await session.scalars(select(AuditDetail))) == []
    assert [entry.members for entry in entries] == [[], ["email"]]


def test_no_room_writes_past_the_audit():
    """SQL is written through `call.write()` alone: the one place that appends to the chain. An intended
    rollback is an event of the ledger, an export changes nothing that it exports, an attempt at a webhook
    is a record of itself, and what is taken away of told publications are notes (snapshots_due).
    """
    found = subprocess.run(
        ["git", "grep", "-lE", r"\.writing\(\)", "--", "app/api", "app/redeemables"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    elsewhere = {
        "app/redeemables/roll_back.py",
        "app/redeemables/told_publications.py",
        "app/api/exports/service.py",
        "app/api/webhooks/deliveries.py",
    }
    assert set(found) - elsewhere == {"app/api/publishing.py"}
    assert "app/api/publishing.py" in found
