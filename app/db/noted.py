"""What a transaction changed, noted while it is flushed, for whoever tells others of it before the commit.

Nothing here knows what is worth telling. A transaction that is quiet notes nothing and costs nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import event, inspect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstanceState, Session

CREATED, UPDATED, DELETED = "created", "updated", "deleted"
_NOTED: Final = "noted"
_QUIET: Final = "quiet"
_TOUCHED: Final = "touched"
_CUSTOMERS: Final = "customers"
ACTOR: Final = "actor"
"""Under this name a session's `info` holds who acts (app.audit.chain.Actor), where somebody said so."""


class WritingSession(Session):
    """Every session that writes is one, so that all of them are listened to and no reader is."""


class Change:
    """One object over the whole transaction. before: values of the members that changed, as they were."""

    __slots__ = ("action", "before", "instance", "object_id", "table")

    def __init__(self, action: str, table: str, object_id: str, instance: Any) -> None:
        self.action = action
        self.table = table
        self.object_id = object_id
        self.instance = instance
        """The mapped object; None for one that was inserted past the session."""
        self.before: dict[str, Any] = {}


class Noted:
    """changes: by (project, table, id), in the order in which objects were first touched. rows: what was
    written past the session, by kind and project.
    """

    __slots__ = ("changes", "rows")

    def __init__(self) -> None:
        self.changes: dict[tuple[str, str, str], Change] = {}
        self.rows: dict[tuple[str, str], list[Any]] = {}

    def projects(self) -> set[str]:
        return {key[0] for key in self.changes} | {project_id for _, project_id in self.rows}


def noted_in(session: AsyncSession) -> Noted | None:
    """None: nothing that anybody might want to know."""
    found: Noted | None = session.info.get(_NOTED)
    return found


def be_quiet(session: AsyncSession) -> None:
    """Nothing that this transaction does is news."""
    session.info[_QUIET] = True
    session.info.pop(_NOTED, None)


def note_created(session: AsyncSession, project_id: str, table: str, object_id: str) -> None:
    """An object that was inserted past the session."""
    if _QUIET not in session.info:
        _keep(session.sync_session, project_id, Change(CREATED, table, object_id, None))


def note_rows(session: AsyncSession, project_id: str, kind: str, rows: Sequence[Any]) -> None:
    """Rows that were written past the session, as they were written."""
    if rows and _QUIET not in session.info:
        noted = session.info.setdefault(_NOTED, Noted())
        noted.rows.setdefault((kind, project_id), []).extend(rows)


def note_touched(session: AsyncSession, project_id: str, customer_ids: Iterable[str]) -> None:
    """Customers whom segments may see with other eyes from now on, beside those that are flushed."""
    touched = session.info.setdefault(_TOUCHED, {})
    if touched is not None:
        touched.setdefault(project_id, set()).update(customer_ids)


def touch_nobody(session: AsyncSession) -> None:
    """No segment of these customers is watched."""
    session.info[_TOUCHED] = None


def touched_in(session: AsyncSession) -> dict[str, set[str]]:
    """By project, whether the transaction is quiet or not."""
    return session.info.get(_TOUCHED) or {}


def unnote(session: AsyncSession, project_id: str, table: str, object_ids: Iterable[str]) -> None:
    """What happened to these objects is no news."""
    noted = noted_in(session)
    if noted is not None:
        for object_id in object_ids:
            noted.changes.pop((project_id, table, object_id), None)


@event.listens_for(WritingSession, "after_flush")
def _customers_flushed(session: Session, _: Any) -> None:
    touched = session.info.setdefault(_TOUCHED, {})
    if touched is None:
        return
    for changed in (*session.new, *session.dirty):
        if changed.__tablename__ == _CUSTOMERS:
            touched.setdefault(changed.project_id, set()).add(changed.id)


@event.listens_for(WritingSession, "after_flush")
def _flushed(session: Session, _: Any) -> None:
    if _QUIET in session.info:
        return
    for action, objects in ((CREATED, session.new), (UPDATED, session.dirty), (DELETED, session.deleted)):
        for changed in objects:
            identity = (getattr(changed, "project_id", None), getattr(changed, "id", None))
            if isinstance(identity[0], str) and isinstance(identity[1], str):
                _note(session, action, changed, identity[0], identity[1])


def _note(session: Session, action: str, changed: Any, project_id: str, object_id: str) -> None:
    state = inspect(changed)
    change = Change(action, state.mapper.local_table.name, object_id, changed)
    if action == UPDATED:
        change.before = _before(state)
        if not change.before:
            return
    _keep(session, project_id, change)


def _before(state: InstanceState[Any]) -> dict[str, Any]:
    before: dict[str, Any] = {}
    for name in state.mapper.columns.keys():  # noqa: SIM118  iterating gives columns, not names
        history = state.attrs[name].history
        if history.has_changes():
            old = history.deleted[0] if history.deleted else None
            if old != (history.added[0] if history.added else None):
                before[name] = old
    return before


def _keep(session: Session, project_id: str, change: Change) -> None:
    noted: Noted = session.info.setdefault(_NOTED, Noted())
    key = (project_id, change.table, change.object_id)
    known = noted.changes.get(key)
    if known is None:
        noted.changes[key] = change
        return
    known.instance = change.instance if change.instance is not None else known.instance
    known.before = {**change.before, **known.before}
    if change.action == DELETED:
        if known.action == CREATED:
            del noted.changes[key]
        known.action = DELETED
