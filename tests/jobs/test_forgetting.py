"""What is kept for a time only."""

from datetime import timedelta

from sqlalchemy import select

from app.db.models import Counter, IdempotentAnswer, IdempotentEvent, Project
from app.engine import Engine
from app.jobs.forgetting import forget_answers, forget_keys, forget_windows


async def test_answers_go_when_their_key_is_new_again(engine: Engine, project: Project) -> None:
    """Younger ones stay, whatever their number."""
    now = engine.now()
    hours = engine.settings.idempotency_hours
    async with engine.db.writing() as session:
        session.add_all(
            IdempotentAnswer(
                project_id=project.id,
                scope_hash=name,
                fingerprint="f",
                at=now - age,
                status=200,
                body=b"{}",
            )
            for name, age in (("old", timedelta(hours=hours, minutes=1)), ("young", timedelta(hours=1)))
        )
    assert await forget_answers(engine) == 1
    assert await forget_answers(engine) == 0
    async with engine.db.reading() as session:
        assert (await session.scalars(select(IdempotentAnswer.scope_hash))).all() == ["young"]


async def test_keys_of_events_go_when_they_are_new_again(engine: Engine, project: Project) -> None:
    """Those whose time is over, and no other."""
    now = int(engine.now().timestamp())
    async with engine.db.writing() as session:
        session.add_all(
            IdempotentEvent(
                part=f"{project.id}.0", epoch=1, seq=n, scope_hash=name, fingerprint="f", until=now + left
            )
            for n, (name, left) in enumerate((("old", -1), ("young", 60)), 1)
        )
    assert await forget_keys(engine) == 1
    async with engine.db.reading() as session:
        assert (await session.scalars(select(IdempotentEvent.scope_hash))).all() == ["young"]


async def test_counters_of_ended_windows_go(engine: Engine, project: Project) -> None:
    """Those of windows that ended days ago; one that ended yesterday, runs, or never ends, stays."""
    now = int(engine.now().timestamp())
    day = 86_400
    ends = {"never": 0, "running": now + day, "yesterday": now - day, "old": now - 4 * day}
    async with engine.db.writing() as session:
        session.add_all(
            Counter(part=f"{project.id}.0", key=name, field="used", value=1, until=until, epoch=1, seq=1)
            for name, until in ends.items()
        )
    assert await forget_windows(engine) == 1
    assert await forget_windows(engine) == 0
    async with engine.db.reading() as session:
        left = await session.scalars(select(Counter.key).order_by(Counter.key))
        assert left.all() == ["never", "running", "yesterday"]
