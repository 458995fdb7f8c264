"""The answer of a qualification, as published."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from app.api.qualifications.schemas import QualificationRequest
from app.api.terms import assignment_wire
from app.db.models import ValidationRuleAssignment
from app.http.wire import iso, listing
from app.redeemables.answer import entry_wire, tracking_of, validation_order
from app.redeemables.gather import Gathered
from app.redeemables.qualifying import Qualified
from rules.facts import Moment
from rules.qualification import Scenario, omitted_numbers, untouched
from rules.verdict import Result

Assignments = Mapping[str, Sequence[ValidationRuleAssignment]]


def answer_wire(
    request: QualificationRequest,
    gathered: Gathered,
    found: Sequence[Qualified],
    more_after: datetime | None,
    scenario: Scenario,
    rules: Assignments,
    now: datetime,
    request_id: str,
) -> dict[str, Any]:
    """The whole answer; `order` is as sent, with its amounts resolved."""
    data = [_entry(one, request, scenario, rules, request_id) for one in found]
    redeemables = listing("data", data, len(data), has_more=more_after is not None)
    if more_after is not None:
        redeemables["more_starting_after"] = _cursor_text(more_after)
    wire: dict[str, Any] = {"redeemables": redeemables}
    tracking = tracking_of(gathered)
    if tracking is not None:
        wire["tracking_id"] = tracking
    order = untouched(gathered.facts, Moment(now=now, zone=gathered.project.zone))
    if order is not None:
        wire["order"] = validation_order(order, gathered)
    wire["stacking_rules"] = gathered.project.stacking_wire
    return wire


def _cursor_text(instant: datetime) -> str:
    """With microseconds only where they say something."""
    if instant.microsecond % 1000:
        return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(iso(instant))


def owners_of(result: Result) -> list[str]:
    """Whose rules bind a redeemable: its own, then its campaign's."""
    candidate = result.candidate
    return list(dict.fromkeys(owner for owner in (candidate.id, candidate.campaign_id) if owner))


def _entry(
    one: Qualified,
    request: QualificationRequest,
    scenario: Scenario,
    rules: Assignments,
    request_id: str,
) -> dict[str, Any]:
    parts = [_part(one, result, request, scenario, rules, request_id) for result in one.results]
    if one.option.kind != "promotion_stack":
        return parts[0]
    wire: dict[str, Any] = {
        "id": one.option.id,
        "object": "promotion_stack",
        "created_at": iso(one.option.created_at),
        "result": {},
    }
    if one.order is not None:
        wire["order"] = validation_order(one.order, one.gathered)
    wire |= {"metadata": {}, "categories": []}
    if "redeemable" in request.expand:
        wire |= {
            "name": one.option.name,
            "campaign_name": one.results[0].candidate.campaign_name,
            "campaign_id": one.option.campaign_id,
        }
    wire["redeemables"] = parts
    return wire


def _part(
    one: Qualified,
    result: Result,
    request: QualificationRequest,
    scenario: Scenario,
    rules: Assignments,
    request_id: str,
) -> dict[str, Any]:
    candidate = result.candidate
    shown = result if result.status == "APPLICABLE" else _shown(result)
    entry = entry_wire(shown, one.gathered, request_id, request.expand)
    wire: dict[str, Any] = {"id": candidate.code or candidate.id, "object": candidate.object}
    if one.option.kind != "promotion_stack":
        wire["created_at"] = iso(one.option.created_at)
    wire |= {name: value for name, value in entry.items() if name not in ("status", "id", "object")}
    if request.session is not None and request.session.type == "LOCK" and "gift" in wire["result"]:
        wire["result"]["gift"]["locked_credits"] = one.locked_credits
    if "redeemable" in request.expand:
        if candidate.object == "campaign":
            wire["name"] = candidate.name
            wire.pop("campaign_name", None)
            wire.pop("campaign_id", None)
        if candidate.banner is not None:
            wire["banner"] = candidate.banner
    if "validation_rules" in request.expand:
        wire |= _rules_wire(result, scenario, rules)
    return wire


def _shown(result: Result) -> Result:
    """A bundle that is not complete is shown as what it would be (its quantity is 0)."""
    discount = result.candidate.discount
    answer = None
    if discount is not None:
        program = discount.program
        answer = program.answers.get(program.effect) or next(iter(program.answers.values()), None)
    return replace(result, status="APPLICABLE", discount=answer)


def _rules_wire(result: Result, scenario: Scenario, rules: Assignments) -> dict[str, Any]:
    """The redeemable's own rules and its campaign's, each with the numbers that were not looked at."""
    data = []
    for owner in owners_of(result):
        for row in rules.get(owner, ()):
            omitted = omitted_numbers(result.candidate, row.rule_id, scenario)
            data.append(
                {
                    **assignment_wire(row),
                    "validation_status": "PARTIALLY_VALID" if omitted else "VALID",
                    "validation_omitted_rules": omitted,
                }
            )
    wire: dict[str, Any] = {"validation_rules_assignments": listing("data", data, len(data))}
    if data:
        wire["validation_rule_id"] = data[0]["rule_id"]
    return wire
