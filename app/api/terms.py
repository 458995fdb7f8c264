"""What campaigns, tiers, vouchers and rules have in common on the wire: dates, windows, discounts,
categories, assignments.

Reads and checks; publishes nothing. Every check refuses with the contract's error, so that a stored document
is a program.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.publishing import CatalogueWrite
from app.db.models import Category, Project, ValidationRule, ValidationRuleAssignment
from app.http.errors import ApiError, invalid_payload, not_found
from app.http.wire import iso
from app.identifiers import new_id, next_version
from rules.compile import RuleError, compile_discount, compile_extensions, compile_window
from rules.dates import parse_duration

NAME_MAX = 1_000
AMOUNT_MAX = 10**12
"""Minor units (D21)."""
VALIDITY = ("validity_timeframe", "validity_day_of_week", "validity_hours")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Windows(Struct, kw_only=True):
    """When something is live. In an update a null takes the value away; absent leaves it."""

    start_date: str | UnsetType | None = UNSET
    expiration_date: str | UnsetType | None = UNSET
    validity_timeframe: dict[str, Any] | UnsetType | None = UNSET
    validity_day_of_week: list[int] | UnsetType | None = UNSET
    validity_hours: dict[str, Any] | UnsetType | None = UNSET


class Dates(Struct):
    """The two dates of something that has no row yet."""

    start_date: datetime | None = None
    expiration_date: datetime | None = None


def read_instant(value: str | None, field: str) -> datetime | None:
    """ISO 8601; without a zone it is UTC. A bare date as an expiration is meant to its end.

    Raises: ApiError 400 invalid_payload.
    """
    if value is None or value == "":
        return None
    try:
        instant = datetime.fromisoformat(value)
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
        if field == "expiration_date" and _DATE.fullmatch(value):
            instant += timedelta(days=1, milliseconds=-1)
    except (ValueError, OverflowError):
        raise invalid_payload(f'Property .{field} must match format "date-time"') from None
    return instant


def apply_windows(row: Any, sent: Windows, body: dict[str, Any]) -> bool:
    """Lay the sent dates over a row's columns and the sent windows over its body, then check the whole.

    True when anything changed.

    Raises: ApiError 400 invalid_payload.
    """
    before = (row.start_date, row.expiration_date, *(body.get(name) for name in VALIDITY))
    for name in ("start_date", "expiration_date"):
        value = getattr(sent, name)
        if value is not UNSET:
            setattr(row, name, read_instant(value, name))
    for name in VALIDITY:
        value = getattr(sent, name)
        if value is None:
            body.pop(name, None)
        elif value is not UNSET:
            body[name] = value
    check_windows(row.start_date, row.expiration_date, body)
    return before != (row.start_date, row.expiration_date, *(body.get(name) for name in VALIDITY))


def check_windows(
    start_date: datetime | None, expiration_date: datetime | None, body: Mapping[str, Any]
) -> None:
    """Raises: ApiError 400 invalid_payload."""
    document = {"start_date": start_date, "expiration_date": expiration_date, "active": True}
    document.update({name: body[name] for name in VALIDITY if body.get(name) is not None})
    if body.get("validity_hours") and (body.get("validity_timeframe") or body.get("validity_day_of_week")):
        raise invalid_payload(
            "Property .validity_hours must NOT be combined with validity_timeframe or validity_day_of_week"
        )
    try:
        compile_window(document)
    except RuleError as error:
        raise ApiError(400, error.key, _message(error.key), error.details) from None


def windows_wire(row: Any, body: Mapping[str, Any], names: Iterable[str] = VALIDITY) -> dict[str, Any]:
    """The dates and windows that are set; none that are not."""
    answer: dict[str, Any] = {}
    if row.start_date is not None:
        answer["start_date"] = iso(row.start_date)
    if row.expiration_date is not None:
        answer["expiration_date"] = iso(row.expiration_date)
    for name in names:
        if body.get(name) is not None:
            answer[name] = body[name]
    return answer


_MESSAGES = {
    "invalid_payload": "Invalid payload",
    "invalid_voucher": "Invalid Voucher",
    "invalid_campaign": "Invalid Campaign",
    "invalid_validation_rules": "Invalid Validation Rule Definition",
    "invalid_code_config": "Invalid code config",
    "invalid_gift": "Invalid gift",
}


def _message(key: str) -> str:
    return _MESSAGES.get(key, "Invalid payload")


def refusal(key: str, details: str) -> ApiError:
    """A 400 with the contract's message for its key."""
    return ApiError(400, key, _message(key), details)


def checked_discount(document: Mapping[str, Any], *, message_key: str | None = None) -> dict[str, Any]:
    """The document unchanged, once it compiles.

    Raises: ApiError 400 with the rule's key, or with `message_key`.
    """
    try:
        compile_discount(document)
    except RuleError as error:
        raise refusal(message_key or error.key, error.details) from None
    return dict(document)


def checked_extensions(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document unchanged, once the parts that this engine knows compile.

    Raises: ApiError 400 invalid_payload.
    """
    try:
        compile_extensions(document)
    except RuleError as error:
        raise refusal(error.key, error.details) from None
    if not isinstance(document.get("mintable", False), bool):
        raise invalid_payload("Property .extensions.mintable must be boolean")
    return dict(document)


def checked_text(value: str | None, name: str, length_max: int = 10_000) -> str | None:
    """Raises: ApiError 400 invalid_payload."""
    if value is not None and len(value) > length_max:
        raise invalid_payload(f"Property .{name} must NOT have more than {length_max} characters")
    return value


def checked_duration(value: str | None, name: str) -> str | None:
    """An ISO 8601 duration.

    Raises: ApiError 400 invalid_payload.
    """
    if value is not None and parse_duration(value) is None:
        raise invalid_payload(f"Property .{name} must be an ISO 8601 duration")
    return value


def checked_amount(value: Any, name: str) -> int:
    """Minor units: a whole number, also when it was written as a fraction.

    Raises: ApiError 400 invalid_payload.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise invalid_payload(f"Property .{name} must be number")
    if not 0 <= value <= AMOUNT_MAX:
        raise invalid_payload(f"Property .{name} must be between 0 and {AMOUNT_MAX}")
    if value != int(value):
        raise invalid_payload(f"Property .{name} must be a whole number of minor units")
    return int(value)


# Categories
# ----------------------------------------------------------------------------------------------------


async def category_id_of(write: CatalogueWrite, category_id: str | None, name: str | None) -> str | None:
    """The category named by id, else by name; a new name makes a new category, as marketers expect of a
    label.

    Raises: ApiError 404 for an unknown id.
    """
    if category_id:
        row = await write.session.get(Category, (write.project_id, category_id))
        if row is None:
            raise not_found("category", category_id)
        return row.id
    if not name:
        return None
    checked_text(name, "category", NAME_MAX)
    named = select(Category.id).where(Category.project_id == write.project_id, Category.name == name)
    found = await write.session.scalar(named)
    if found is not None:
        return found
    project = await write.session.get(Project, write.project_id, with_for_update=True, populate_existing=True)
    assert project is not None  # the key that opened this request belongs to it
    found = await write.session.scalar(named)
    if found is not None:
        return found  # Another request made it while this one waited for the project's row.
    now = datetime.now(UTC)
    category = Category(
        project_id=write.project_id,
        id=new_id("cat_"),
        created_at=now,
        updated_at=None,
        version=next_version(),
        name=name,
        hierarchy=1,
    )
    write.session.add(category)
    project.version = next_version(project.version)
    write.guard("s", project.version)
    await write.session.flush()
    return category.id


async def categories_of(
    session: AsyncSession, project_id: str, ids: Iterable[str | None]
) -> dict[str, Category]:
    """Category rows by id, in one read."""
    wanted = {category_id for category_id in ids if category_id}
    if not wanted:
        return {}
    rows = await session.scalars(
        select(Category).where(Category.project_id == project_id, Category.id.in_(wanted))
    )
    return {row.id: row for row in rows}


def category_wire(row: Category) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "id": row.id,
        "name": row.name,
        "hierarchy": row.hierarchy,
        "created_at": iso(row.created_at),
        "object": "category",
    }
    if row.updated_at is not None:
        answer["updated_at"] = iso(row.updated_at)
    return answer


# Assignments of validation rules
# -------------------------------------------------------------------------------


async def assign_rules(
    write: CatalogueWrite, rule_ids: Sequence[str], related_object_type: str, related_object_id: str
) -> None:
    """Assign rules to a new object; the caller publishes the object.

    Raises: ApiError 404 for an unknown rule.
    """
    now = datetime.now(UTC)
    for rule_id in dict.fromkeys(rule_ids):
        found = await write.session.get(ValidationRule, (write.project_id, rule_id))
        if found is None:
            raise not_found("validation_rules", rule_id)
        write.session.add(
            ValidationRuleAssignment(
                project_id=write.project_id,
                id=new_id("asgm_"),
                created_at=now,
                updated_at=None,
                rule_id=rule_id,
                related_object_type=related_object_type,
                related_object_id=related_object_id,
            )
        )
    await write.session.flush()


async def assignments_of(
    session: AsyncSession, project_id: str, ids: Iterable[str]
) -> dict[str, list[ValidationRuleAssignment]]:
    """Assignments by the id of what they are assigned to, oldest first, in one read."""
    rows = await session.scalars(
        select(ValidationRuleAssignment)
        .where(
            ValidationRuleAssignment.project_id == project_id,
            ValidationRuleAssignment.related_object_id.in_(list(ids)),
        )
        .order_by(ValidationRuleAssignment.created_at, ValidationRuleAssignment.id)
    )
    found: dict[str, list[ValidationRuleAssignment]] = {}
    for row in rows:
        found.setdefault(row.related_object_id, []).append(row)
    return found


def assignment_wire(row: ValidationRuleAssignment) -> dict[str, Any]:
    return {
        "id": row.id,
        "rule_id": row.rule_id,
        "related_object_id": row.related_object_id,
        "related_object_type": row.related_object_type,
        "created_at": iso(row.created_at),
        "object": "validation_rules_assignment",
    }


def assignments_wire(rows: Sequence[ValidationRuleAssignment]) -> dict[str, Any]:
    data = [assignment_wire(row) for row in rows]
    return {"object": "list", "data_ref": "data", "data": data, "total": len(data)}
