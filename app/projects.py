"""Projects and their key pairs: made and revoked here alone, for the command line, the demo shop and the
management API.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import select

from app.audit.chain import ORGANISATION as ORGANISATION_CHAIN
from app.audit.chain import Actor, audited, command
from app.core.core import RedemptionCore
from app.core.keys import Partition, access
from app.core.outcome import CoreUnavailable
from app.db.database import Database
from app.db.models import ApiKey, Project
from app.http.addresses import networks_of
from app.http.permissions import ADMIN, CLIENT
from app.http.principal import ORGANISATION
from app.http.tokens import hash_token, new_token, token_check
from app.identifiers import new_id, next_version
from app.ledger.partitions import open_partition

SECRET_BYTES = 32
KINDS = ("server", "client", "management")
OVERLAP_SECONDS = 24 * 3600
"""How long both tokens of a rotated key open, unless said otherwise."""
_PREFIXES = {"server": "app_", "client": "cli_", "management": "mgm_"}

DEFAULT_SETTINGS: dict[str, Any] = {
    "api_version": "v2018-08-01",
    "webhook_version": "v2024-01-01",
    "locale": "en-US",
    "default_code_config": {},
    "client_trusted_domains": [],
    "client_redeem_enabled": False,
    "client_publish_enabled": False,
    "client_list_vouchers_enabled": False,
    "client_create_customer_enabled": False,
    "client_loyalty_events_enabled": False,
    "client_set_voucher_expiration_date_enabled": False,
    "hide_code_state": False,
}
"""Of a new project (contract 1.12): nothing is open to browsers until somebody opens it."""


class KeyPair(Struct, frozen=True):
    """A key as it is shown once: of the token only a hash remains."""

    id: str
    token: str
    kind: str
    role: str


async def find_project(db: Database, name: str) -> Project | None:
    """The oldest living project of that name."""
    statement = (
        select(Project)
        .where(Project.name == name, Project.deleted_at.is_(None))
        .order_by(Project.created_at, Project.id)
        .limit(1)
    )
    async with db.reading() as session:
        return (await session.scalars(statement)).first()


async def create_project(
    core: RedemptionCore,
    db: Database,
    name: str,
    *,
    timezone: str = "UTC",
    currency: str | None = None,
    case_sensitive_codes: bool = True,
    is_sandbox: bool = False,
    settings: dict[str, Any] | None = None,
    actor: Actor | None = None,
) -> Project:
    """A project with its partition open. settings: what differs from DEFAULT_SETTINGS. actor: for the audit;
    None: a command.

    Raises: CoreUnavailable; the project is then there, and `open_project` finishes it.
    """
    project = await store_project(
        db,
        name,
        timezone=timezone,
        currency=currency,
        case_sensitive_codes=case_sensitive_codes,
        is_sandbox=is_sandbox,
        settings=settings,
        actor=actor,
    )
    await open_project(core, db, project.id)
    return project


async def store_project(
    db: Database,
    name: str,
    *,
    timezone: str,
    currency: str | None,
    case_sensitive_codes: bool,
    is_sandbox: bool = False,
    settings: dict[str, Any] | None = None,
    actor: Actor | None = None,
) -> Project:
    """Its row alone; `open_project` makes it ready."""
    project = Project(
        id=new_id("proj_"),
        name=name,
        timezone=timezone,
        currency=currency,
        case_sensitive_codes=case_sensitive_codes,
        is_sandbox=is_sandbox,
        settings={**DEFAULT_SETTINGS, **(settings or {})},
        stacking_rules={},
        secret=secrets.token_bytes(SECRET_BYTES),
        version=next_version(),
        created_at=datetime.now(UTC),
        updated_at=None,
        deleted_at=None,
    )
    async with audited(db, project.id, actor or command("projects create")) as session:
        session.add(project)
    return project


async def open_project(core: RedemptionCore, db: Database, project_id: str) -> None:
    """Open the project's partition; nothing happens when it is open. Raises: CoreUnavailable."""
    await open_partition(core, db, Partition(project_id))


async def create_key(
    db: Database,
    kind: str,
    *,
    project_id: str | None,
    role: str = ADMIN,
    name: str = "",
    expires_at: datetime | None = None,
    allowed_addresses: Sequence[str] = (),
    actor: Actor | None = None,
) -> KeyPair:
    """A key pair. A management key has no project: it opens all of them. allowed_addresses: networks (CIDR)
    that requests may come from; empty: any.

    Raises: ValueError for what is no network.
    """
    networks_of(allowed_addresses)
    token = new_token()
    pair = KeyPair(new_id(_PREFIXES[kind]), token, kind, CLIENT if kind == "client" else role)
    key = ApiKey(
        id=pair.id,
        project_id=None if kind == "management" else project_id,
        kind=kind,
        role=pair.role,
        name=name,
        token_hash=hash_token(token),
        previous_token_hash=None,
        previous_until=None,
        revoked_at=None,
        expires_at=expires_at,
        last_used_at=None,
        allowed_addresses=list(allowed_addresses) or None,
        settings={"check": token_check(token)},
        created_at=datetime.now(UTC),
        updated_at=None,
    )
    async with audited(db, key.project_id or ORGANISATION_CHAIN, actor or command("keys create")) as session:
        session.add(key)
    return pair


async def list_keys(db: Database, project_id: str | None = None) -> list[ApiKey]:
    """Keys of a project, or all; the newest first."""
    statement = select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id.desc())
    if project_id is not None:
        statement = statement.where(ApiKey.project_id == project_id)
    async with db.reading() as session:
        return list((await session.scalars(statement)).all())


async def set_mint_budget(
    db: Database, key_id: str, codes_per_day: int | None, value_per_day: int | None
) -> ApiKey | None:
    """What the key may publish in a day; value in minor units, None: without limit. None: there is no such
    key.
    """
    given = {"codes_per_day": codes_per_day, "value_per_day": value_per_day}
    mint = {name: value for name, value in given.items() if value is not None}
    async with audited(db, await _chain_of(db, key_id), command("keys budget")) as session:
        key = await session.get(ApiKey, key_id, with_for_update=True)
        if key is None:
            return None
        settings = {name: value for name, value in key.settings.items() if name != "mint"}
        key.settings = {**settings, "mint": mint} if mint else settings
        key.updated_at = datetime.now(UTC)
    return key


async def revoke_key(
    core: RedemptionCore, db: Database, key_id: str, *, actor: Actor | None = None
) -> ApiKey | None:
    """Revoke a key. When this returns, every worker's next request with it is refused. None: there is no such
    key.

    Raises: CoreUnavailable when the workers could not be told: the key is revoked, but a worker that knows it
    may go on to accept it for some 30 seconds. Revoking again tells them.
    """
    chain = await _chain_of(db, key_id)
    async with audited(db, chain, actor or command("keys revoke")) as session:
        key = await session.get(ApiKey, key_id, with_for_update=True)
        if key is None:
            return None
        if key.revoked_at is None:
            key.revoked_at = key.updated_at = datetime.now(UTC)
    await announce_access_change(core, key.project_id)
    return key


async def _chain_of(db: Database, key_id: str) -> str:
    """A key never changes its project."""
    async with db.reading() as session:
        project_id = await session.scalar(select(ApiKey.project_id).where(ApiKey.id == key_id))
    return project_id or ORGANISATION_CHAIN


async def rotate_key(
    core: RedemptionCore,
    db: Database,
    key_id: str,
    *,
    overlap_seconds: int = OVERLAP_SECONDS,
    actor: Actor | None = None,
) -> KeyPair | None:
    """A new token for a key; the old one opens for overlap_seconds more, the one before it no longer. None:
    there is no such key, or it is revoked.

    Raises: CoreUnavailable when the workers could not be told: they go on to accept the old token for some 30
    seconds longer than asked.
    """
    token = new_token()
    now = datetime.now(UTC)
    chain = await _chain_of(db, key_id)
    async with audited(db, chain, actor or command("keys rotate")) as session:
        key = await session.get(ApiKey, key_id, with_for_update=True)
        if key is None or key.revoked_at is not None:
            return None
        key.previous_token_hash = key.token_hash
        key.previous_until = now + timedelta(seconds=overlap_seconds)
        key.token_hash = hash_token(token)
        key.settings = {
            **key.settings,
            "check": token_check(token),
            "previous_check": key.settings.get("check"),
        }
        key.updated_at = now
    await announce_access_change(core, key.project_id)
    return KeyPair(key.id, token, key.kind, key.role)


async def announce_access_change(core: RedemptionCore, project_id: str | None) -> None:
    """Make every worker read the project's keys and settings for browsers again. None: the management keys.

    Raises: CoreUnavailable.
    """
    partition = Partition(project_id) if project_id else ORGANISATION
    # Never a count: after a loss of Redis a count would come by its old values again.
    version = f"{next_version()}-{secrets.token_hex(4)}"
    (reply,) = await core.read(partition, [("SET", access(partition), version)])
    if isinstance(reply, Exception):
        raise CoreUnavailable(str(reply))
