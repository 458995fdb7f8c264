"""Lists of rules and of assignments."""

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import ValidationRule, ValidationRuleAssignment
from app.http.filtering import page_of
from app.http.query import Paging, Query

SORTABLE = {
    "created_at": ValidationRule.created_at,
    "updated_at": ValidationRule.updated_at,
    "name": ValidationRule.name,
}
SORTABLE_ASSIGNMENTS = {
    "created_at": ValidationRuleAssignment.created_at,
    "updated_at": ValidationRuleAssignment.updated_at,
    "id": ValidationRuleAssignment.id,
    "rule_id": ValidationRuleAssignment.rule_id,
}


async def page_of_rules(
    session: AsyncSession, project_id: str, query: Query, paging: Paging
) -> tuple[Sequence[ValidationRule], int]:
    """start_date and end_date bound the time of creation."""
    statement = select(ValidationRule).where(ValidationRule.project_id == project_id)
    start, end = query.instant("start_date"), query.instant("end_date")
    if start is not None:
        statement = statement.where(ValidationRule.created_at >= start)
    if end is not None:
        statement = statement.where(ValidationRule.created_at <= end)
    rows, total = await page_of(session, statement, paging, SORTABLE, ValidationRule.id)
    return [row[0] for row in rows], total


async def assignment_counts(
    session: AsyncSession, project_id: str, rule_ids: Iterable[str]
) -> dict[str, int]:
    """Number of assignments by rule."""
    rows = await session.execute(
        select(ValidationRuleAssignment.rule_id, func.count())
        .where(
            ValidationRuleAssignment.project_id == project_id,
            ValidationRuleAssignment.rule_id.in_(list(rule_ids)),
        )
        .group_by(ValidationRuleAssignment.rule_id)
    )
    return dict(rows.all())


async def page_of_assignments(
    session: AsyncSession,
    project_id: str,
    paging: Paging,
    *,
    rule_id: str | None = None,
    related_object_id: str | None = None,
) -> tuple[Sequence[ValidationRuleAssignment], int]:
    """Of one rule, of one object, or all."""
    statement = select(ValidationRuleAssignment).where(ValidationRuleAssignment.project_id == project_id)
    if rule_id is not None:
        statement = statement.where(ValidationRuleAssignment.rule_id == rule_id)
    if related_object_id is not None:
        statement = statement.where(ValidationRuleAssignment.related_object_id == related_object_id)
    rows, total = await page_of(session, statement, paging, SORTABLE_ASSIGNMENTS, ValidationRuleAssignment.id)
    return [row[0] for row in rows], total
