"""The last thing that a writing transaction does: what it noted becomes events of the project's webhooks.

A project without webhooks pays one small read for a catalogue write, and nothing for a redemption. Telling
keeps nobody from writing: an object that cannot be shown, which would be a fault of ours, is logged instead.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.telling import rows as of_rows
from app.api.telling.changes import TELLERS, is_finished_import
from app.api.telling.shapes import Shapes
from app.audit.chain import Actor
from app.db.models import ApiKey, Project
from app.db.noted import ACTOR, CREATED, Change, Noted, noted_in
from app.webhooks.events import RULE
from app.webhooks.outbox import INTERNAL, Told, has_webhooks, kinds_of, put, webhooks_of

ROWS: Final[Mapping[str, Callable[[Sequence[Mapping[str, Any]], Shapes], Awaitable[list[Told]]]]] = {
    of_rows.REDEMPTIONS: of_rows.redemptions,
    of_rows.REFUSALS: of_rows.redemptions,
    of_rows.TRANSACTIONS: of_rows.transactions,
    of_rows.CUSTOM_EVENTS: of_rows.custom_events,
    of_rows.SEGMENT_MOVES: of_rows.segment_moves,
}

_PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "async_actions": ("campaign.vouchers.added",),
    "campaigns": ("campaign.",),
    "customers": ("customer.",),
    "promotion_stacks": ("campaign.promotion_stack.",),
    "promotion_tiers": ("campaign.promotion_tier.",),
    "publications": ("publication.", "voucher.published"),
    "validation_rule_assignments": (f"{RULE}.assignment.",),
    "validation_rules": (f"{RULE}.",),
    "vouchers": ("voucher.", "campaign.vouchers.added"),
    of_rows.REDEMPTIONS: ("redemption.",),
    of_rows.REFUSALS: ("redemption.",),
    of_rows.TRANSACTIONS: ("voucher.",),
    of_rows.CUSTOM_EVENTS: ("customer.custom_event",),
    of_rows.SEGMENT_MOVES: ("customer.segment.",),
}
"""How the kinds begin that a table or a kind of rows can mean: what nobody asks for is not even shaped."""

log = structlog.get_logger("vouchsafe.webhooks")


async def tell(session: AsyncSession) -> None:
    """For `Database.before_commit`."""
    noted = noted_in(session)
    if noted is None:
        return
    for project_id in _projects(noted):
        if not await has_webhooks(session, project_id):
            continue
        webhooks = await webhooks_of(session, project_id)
        project = await session.get(Project, project_id)
        if project is None:
            continue
        told = await _told(session, project, noted, kinds_of(webhooks))
        if told:
            await put(session, project_id, webhooks, told, datetime.now(UTC))


def _projects(noted: Noted) -> list[str]:
    """Those with anything that is ever told."""
    found = {key[0] for key, change in noted.changes.items() if _is_told(change)}
    return sorted(found | {project_id for _, project_id in noted.rows})


def _is_told(change: Change) -> bool:
    if change.table == "async_actions":
        return is_finished_import(change)
    return change.table in TELLERS


def _is_wanted(source: str, kinds: frozenset[str]) -> bool:
    return any(kind.startswith(_PREFIXES[source]) for kind in kinds)


async def _told(session: AsyncSession, project: Project, noted: Noted, kinds: frozenset[str]) -> list[Told]:
    changes = [
        change
        for key, change in noted.changes.items()
        if key[0] == project.id and _is_told(change) and _is_wanted(change.table, kinds)
    ]
    created = {
        key[2] for key, one in noted.changes.items() if one.table == "campaigns" and one.action == CREATED
    }
    shapes = Shapes(session, project, frozenset(created))
    told: list[Told] = []
    for change in changes:
        try:
            told += await TELLERS[change.table](change, shapes)
        except SQLAlchemyError:
            raise
        except Exception as error:
            log.exception("a change is not told", table=change.table, id=change.object_id, error=str(error))
    source, group_id = await _source(session)
    for one in told:
        one.source, one.group_id = source, group_id
    for (kind, project_id), rows in noted.rows.items():
        if project_id == project.id and kind in ROWS and _is_wanted(kind, kinds):
            told += await _with_names(session, await _of_rows(kind, rows, shapes))
    return told


async def _of_rows(kind: str, rows: Sequence[Mapping[str, Any]], shapes: Shapes) -> list[Told]:
    """All at once; one by one when that fails, so that one row takes no other with it."""
    try:
        return await ROWS[kind](rows, shapes)
    except SQLAlchemyError:
        raise
    except Exception as error:
        if len(rows) == 1:
            log.exception("a row is not told", kind=kind, id=rows[0].get("id"), error=str(error))
            return []
        return [one for row in rows for one in await _of_rows(kind, [row], shapes)]


async def _with_names(session: AsyncSession, told: list[Told]) -> list[Told]:
    """Keys by their names too: one read, however many events."""
    ids = {key["app_id"] for one in told if (key := one.source.get("api_key"))}
    if not ids:
        return told
    found = await session.execute(select(ApiKey.id, ApiKey.name).where(ApiKey.id.in_(ids)))
    names = {key_id: name or None for key_id, name in found}
    for one in told:
        key = one.source.get("api_key")
        if key:
            one.source = {**one.source, "api_key": {**key, "name": names.get(key["app_id"])}}
    return told


async def _source(session: AsyncSession) -> tuple[Mapping[str, Any], str | None]:
    """Who did it, as events say it, and the request that they have in common."""
    actor: Actor | None = session.info.get(ACTOR)
    if actor is None:
        return INTERNAL, None
    if actor.kind not in ("key", "management"):
        return INTERNAL, actor.request_id or None
    row = (await session.execute(select(ApiKey.kind, ApiKey.name).where(ApiKey.id == actor.id))).one_or_none()
    kind, name = row if row is not None else ("server", None)
    source = {
        "channel": "CLIENT_API" if kind == "client" else "API",
        "user": None,
        "api_key": {"name": name or None, "app_id": actor.id},
    }
    return source, actor.request_id or None
