"""Projects are made, shown, changed and removed here. A change of what browsers may do or of what decisions
rest on holds for the first request after the answer, on every worker.
"""

import re
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.projects.schemas import ProjectCreate, ProjectSettings, ProjectUpdate
from app.api.publishing import catalogue_write
from app.core.outcome import CoreUnavailable
from app.db.models import Project, SnapshotDue
from app.http.errors import ApiError, invalid_payload, not_found
from app.identifiers import next_version
from app.jobs.actions import start_action
from app.jobs.project_removal import TYPE as REMOVE
from app.projects import announce_access_change, create_key, open_project, store_project

_GMT = re.compile(r"(?:GMT|UTC)([+-])(\d{1,2})(?::?00)?", re.IGNORECASE)
_NOT_SETTINGS = frozenset({"name", "timezone", "currency", "case_sensitive_codes", "users"})
_SHOWN = (
    "description",
    "dial_code",
    "webhook_version",
    "client_trusted_domains",
    "client_redeem_enabled",
    "client_publish_enabled",
    "client_list_vouchers_enabled",
    "client_create_customer_enabled",
    "client_loyalty_events_enabled",
    "client_set_voucher_expiration_date_enabled",
    "hide_code_state",
    "webhooks_callout_notifications",
    "api_usage_notifications",
    "api_version",
    "default_code_config",
)


def zone_named(name: str) -> str:
    """An IANA name; GMT+2 is understood as two hours ahead. Raises: ApiError 400 invalid_payload."""
    offset = _GMT.fullmatch(name)
    if offset is not None:
        hours = int(offset[2])
        # IANA counts the other way round: Etc/GMT-2 is ahead of Greenwich.
        name = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{hours}" if hours else "UTC"
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid_payload("Property .timezone must be a time zone of the IANA database") from None
    return name


def _settings(body: ProjectSettings) -> dict[str, Any]:
    """The members that were sent and are kept as settings."""
    sent = msgspec.to_builtins(body)
    return {name: value for name, value in sent.items() if name not in _NOT_SETTINGS}


async def create(call: Call, body: ProjectCreate) -> dict[str, Any]:
    """The project with its first two key pairs, whose tokens are shown this once."""
    if body.users:
        raise invalid_payload("Property .users must be empty: access is given by keys and their roles")
    engine = call.engine
    project = await store_project(
        engine.db,
        body.name,
        timezone=zone_named(body.timezone),
        currency=body.currency.upper(),
        case_sensitive_codes=body.case_sensitive_codes,
        settings=_settings(body),
        actor=call.actor,
    )
    with suppress(CoreUnavailable):  # the background process opens it later
        await open_project(engine.core, engine.db, project.id)
    server = await create_key(engine.db, "server", project_id=project.id, actor=call.actor)
    client = await create_key(engine.db, "client", project_id=project.id, actor=call.actor)
    call.tag(project.version)
    return {
        **wire(project),
        "server_side_key": {"app_id": server.id, "app_token": server.token},
        "client_side_key": {"app_id": client.id, "app_token": client.token},
    }


async def list_all(call: Call) -> dict[str, Any]:
    """All of them, as the contract says; `page` and `limit` are understood where they are sent."""
    living = Project.deleted_at.is_(None)
    statement = select(Project).where(living).order_by(Project.created_at.desc(), Project.id.desc())
    if call.query.has("limit") or call.query.has("page"):
        statement = statement.limit(call.query.limit).offset((call.query.page - 1) * call.query.limit)
    async with call.read() as session:
        total = await session.scalar(select(func.count()).select_from(Project).where(living))
        rows = list(await session.scalars(statement))
    return {"object": "list", "data_ref": "data", "data": [wire(row) for row in rows], "total": total or 0}


async def get(call: Call, project_id: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        project = await living_project(session, project_id)
    call.tag(project.version)
    return wire(project)


async def update(call: Call, project_id: str, body: ProjectUpdate) -> dict[str, Any]:
    """Raises: ApiError 404; 412; 400 invalid_payload."""
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        project = await living_project(write.session, project_id, lock=True)
        call.require_version(project.version)
        if body.name is not msgspec.UNSET:
            project.name = body.name
        if body.timezone is not msgspec.UNSET:
            project.timezone = zone_named(body.timezone)
        if body.currency is not msgspec.UNSET:
            project.currency = body.currency.upper()
        project.settings = {**project.settings, **_settings(body)}
        project.updated_at = call.engine.now()
        project.version = next_version(project.version)
        write.guard("s", project.version)
        call.tag(project.version)
    await announce_access_change(call.engine.core, project_id)
    return wire(project)


async def delete(call: Call, project_id: str) -> None:
    """With the answer its keys open nothing and nothing is redeemed; what it held is removed in the
    background (D24).

    Raises: ApiError 404, also the second time; 400 resource_protected for a sandbox.
    """
    now = call.engine.now()
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        project = await living_project(write.session, project_id, lock=True)
        call.require_version(project.version)
        if project.is_sandbox:
            raise ApiError(
                400,
                "resource_protected",
                "Resource is protected",
                "A sandbox project cannot be deleted",
                resource_id=project_id,
                resource_type="project",
            )
        project.deleted_at = project.updated_at = now
        project.version = next_version(project.version)
        await write.session.execute(delete_rows(SnapshotDue).where(SnapshotDue.project_id == project_id))
        write.guard("s", project.version)
        start_action(write.session, project_id, REMOVE, {}, now, call.request_id)
    await announce_access_change(call.engine.core, project_id)


async def living_project(session: AsyncSession, project_id: str, *, lock: bool = False) -> Project:
    """Raises: ApiError 404."""
    project = await session.get(Project, project_id, with_for_update=lock or None, populate_existing=lock)
    if project is None or project.deleted_at is not None:
        raise not_found("project", project_id)
    return project


def wire(project: Project) -> dict[str, Any]:
    """Members that nobody has set are left out; the secret never is answered."""
    shown = {name: project.settings[name] for name in _SHOWN if name in project.settings}
    return {
        "id": project.id,
        "name": project.name,
        "timezone": project.timezone,
        "currency": project.currency,
        "case_sensitive_codes": project.case_sensitive_codes,
        "is_sandbox": project.is_sandbox,
        **shown,
    }
