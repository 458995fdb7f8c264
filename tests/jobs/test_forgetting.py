"""What is kept for a time only."""

from datetime import timedelta

from sqlalchemy import select

from app.db.models import IdempotentAnswer, Project
from app.engine import Engine
from app.jobs.forgetting import forget_answers


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
