"""What a transaction changed, seen by listening to its session: no room has to say it, so none can forget.

Names of changed members go into the chain. Values before and after go beside it, and only of tables that hold
no persons: of customers, orders, segments and the like nobody can read here what they contained.
"""

from typing import Any, Final

from msgspec import Struct
from sqlalchemy import event, inspect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstanceState, Session

CREATED, UPDATED, DELETED = "created", "updated", "deleted"
REVOKED, ROTATED = "revoked", "rotated"
ACTIONS: Final = (CREATED, UPDATED, DELETED, REVOKED, ROTATED)

WITH_VALUES: Final = frozenset(
    {
        "campaign_templates",
        "campaigns",
        "categories",
        "consents",
        "locations",
        "metadata_schemas",
        "product_collections",
        "products",
        "projects",
        "promotion_stacks",
        "promotion_tiers",
        "skus",
        "validation_rule_assignments",
        "validation_rules",
        "vouchers",
    }
)
"""Tables whose values may be kept: what a shop offers."""

_OUTSIDE: Final = frozenset({"audit_entries", "audit_details", "audit_heads", "snapshots_due", "leases"})
_ONCE: Final = frozenset({"async_actions", "exports"})
"""Their progress is no change that anybody made."""
_PLUMBING: Final = frozenset(
    {
        "id",
        "project_id",
        "version",
        "created_at",
        "updated_at",
        "last_used_at",
        "folded_code",
        "previous_token_hash",
        "vouchers_count",
    }
)
_SPREAD: Final = frozenset({"body", "settings"})
"""Documents whose members are named one by one."""
_WITHOUT_VALUE: Final = frozenset(
    {
        "code",
        "metadata",
        "secret",
        "token_hash",
        "holder_id",
        "description",
        "additional_info",
        "api_usage_notifications",
        "webhooks_callout_notifications",
    }
)
"""Members that may name a person or open something."""
_CHECKS: Final = frozenset({"check", "previous_check"})

Values = dict[str, Any]


class Change(Struct, kw_only=True):
    """One object, over the whole transaction. before and after: values of members that have one to show."""

    action: str
    object_type: str
    object_id: str
    members: list[str] = []
    before: Values = {}
    after: Values = {}


class Recorder:
    """Collects the changes of one session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._changes: dict[tuple[str, str], Change] = {}
        event.listen(session.sync_session, "after_flush", self._flushed)

    def note(self, action: str, object_type: str, object_id: str) -> None:
        """A change that was made past the session, by a statement of its own."""
        self._merge(Change(action=action, object_type=object_type, object_id=object_id))

    @property
    def changes(self) -> list[Change]:
        """In the order in which objects were first touched. Flush before asking."""
        return list(self._changes.values())

    def _flushed(self, session: Session, _: Any) -> None:
        for action, objects in (
            (CREATED, session.new),
            (UPDATED, session.dirty),
            (DELETED, session.deleted),
        ):
            for changed in objects:
                state = inspect(changed)
                if _audited(state):
                    change = _change_of(action, state)
                    if change is not None:
                        self._merge(change)

    def _merge(self, change: Change) -> None:
        key = (change.object_type, change.object_id)
        known = self._changes.get(key)
        if known is None:
            self._changes[key] = change
            return
        if known.action == CREATED:
            return
        if change.action != UPDATED:
            known.action = change.action
        known.members = [*known.members, *(name for name in change.members if name not in known.members)]
        known.before = {**change.before, **known.before}
        known.after = {**known.after, **change.after}


def _audited(state: InstanceState[Any]) -> bool:
    """Everything that has an id."""
    table = state.mapper.local_table.name  # type: ignore[attr-defined]  # of a declared class it is a Table
    return "id" in state.mapper.columns and table not in _OUTSIDE


def object_type_of(table: str) -> str:
    """campaigns → campaign, categories → category."""
    return table.removesuffix("ies") + "y" if table.endswith("ies") else table.removesuffix("s")


def _change_of(action: str, state: InstanceState[Any]) -> Change | None:
    table = state.mapper.local_table.name  # type: ignore[attr-defined]
    change = Change(action=action, object_type=object_type_of(table), object_id=str(state.dict.get("id", "")))
    if action == CREATED:
        return change
    if action == UPDATED and table in _ONCE:
        return None
    before, after = (_values(state), {}) if action == DELETED else _differences(state)
    if action == UPDATED:
        if not after and not before:
            return None
        change.action = _named(table, before, after)
        change.members = sorted({*before, *after} - _CHECKS)
    if table in WITH_VALUES:
        change.before = {name: value for name, value in before.items() if name not in _WITHOUT_VALUE}
        change.after = {name: value for name, value in after.items() if name not in _WITHOUT_VALUE}
    return change


def _named(table: str, before: Values, after: Values) -> str:
    for member, action in (("deleted_at", DELETED), ("revoked_at", REVOKED), ("token_hash", ROTATED)):
        if member in after and after[member] is not None and before.get(member) != after[member]:
            return action
    return UPDATED


def _differences(state: InstanceState[Any]) -> tuple[Values, Values]:
    """Members that differ, with what they were and what they are."""
    before: Values = {}
    after: Values = {}
    for name in state.mapper.columns.keys():  # noqa: SIM118  iterating gives columns, not names
        if name in _PLUMBING:
            continue
        history = state.attrs[name].history
        if not history.has_changes():
            continue
        old = history.deleted[0] if history.deleted else None
        new = history.added[0] if history.added else None
        if old == new:
            continue
        if name in _SPREAD:
            old_members, new_members = dict(old or {}), dict(new or {})
            for member in {*old_members, *new_members}:
                if old_members.get(member) != new_members.get(member):
                    before[member] = old_members.get(member)
                    after[member] = new_members.get(member)
        else:
            before[name], after[name] = old, new
    return before, after


def _values(state: InstanceState[Any]) -> Values:
    values: Values = {}
    for name in state.mapper.columns.keys():  # noqa: SIM118
        if name in _PLUMBING or name not in state.dict:
            continue
        value = state.dict[name]
        if name in _SPREAD:
            values.update(value or {})
        elif value is not None:
            values[name] = value
    return values
