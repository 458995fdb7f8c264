"""Which conditions the rules of a campaign have: those of the campaign itself and of what it is made of."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Campaign, ValidationRule, ValidationRuleAssignment

UPPER = frozenset({"$less_than", "$less_than_or_equal", "$is", "$in"})
Condition = tuple[str, Mapping[str, Any]]
"""Name of the rule and its `conditions`."""


async def conditions_of(
    session: AsyncSession, campaign: Campaign, object_ids: Iterable[str]
) -> list[Condition]:
    """Of all rules that are assigned to these objects."""
    found = await conditions_by_object(session, campaign.project_id, object_ids)
    return [condition for conditions in found.values() for condition in conditions]


async def conditions_by_object(
    session: AsyncSession, project_id: str, object_ids: Iterable[str]
) -> dict[str, list[Condition]]:
    """Of the rules that are assigned to each of these objects, in one read."""
    rows = await session.execute(
        select(ValidationRuleAssignment.related_object_id, ValidationRule)
        .select_from(ValidationRule)
        .join(
            ValidationRuleAssignment,
            (ValidationRuleAssignment.project_id == ValidationRule.project_id)
            & (ValidationRuleAssignment.rule_id == ValidationRule.id),
        )
        .where(
            ValidationRule.project_id == project_id,
            ValidationRuleAssignment.related_object_id.in_(list(object_ids)),
        )
    )
    found: dict[str, list[Condition]] = {}
    for object_id, rule in rows:
        found.setdefault(object_id, []).extend(_inside(rule.body.get("rules") or {}))
    return found


def _inside(rules: Mapping[str, Any]) -> Iterator[Condition]:
    for body in rules.values():
        if isinstance(body, dict) and "name" in body:
            yield str(body["name"]), body.get("conditions") or {}
            yield from _inside(body.get("rules") or {})


def bounds_from_above(operators: Mapping[str, Any]) -> bool:
    """Whether a condition holds for no number beyond some other."""
    return not UPPER.isdisjoint(operators)


def cap_of(conditions: Iterable[Condition], name: str) -> int | None:
    """The lowest number of a `less than` condition of that name, as a count that is still allowed."""
    caps: list[int] = []
    for one, operators in conditions:
        if one != name:
            continue
        for operator, values in operators.items():
            first = values[0] if isinstance(values, list) and values else values
            if isinstance(first, bool) or not isinstance(first, int):
                continue
            if operator in ("$less_than_or_equal", "$is"):
                caps.append(first)
            elif operator == "$less_than":
                caps.append(first - 1)
    return min(caps) if caps else None
