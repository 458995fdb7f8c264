"""Keys are listed, made, changed, rotated and revoked here, within one project."""

from typing import Any

from msgspec import UNSET
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.keys.schemas import KeyCreate, KeyRotate, KeyUpdate
from app.api.projects.service import living_project
from app.api.publishing import catalogue_write
from app.db.models import ApiKey
from app.http.addresses import networks_of
from app.http.errors import ApiError, invalid_payload, not_found
from app.http.wire import iso, listing
from app.projects import announce_access_change, create_key, list_keys, revoke_key, rotate_key


def wire(key: ApiKey) -> dict[str, Any]:
    return {
        "object": "api_key",
        "id": key.id,
        "kind": key.kind,
        "role": key.role,
        "name": key.name,
        "allowed_addresses": key.allowed_addresses or [],
        "created_at": iso(key.created_at),
        "updated_at": iso(key.updated_at),
        "expires_at": iso(key.expires_at),
        "previous_token_until": iso(key.previous_until),
        "revoked_at": iso(key.revoked_at),
        "last_used_at": iso(key.last_used_at),
    }


async def list_of(call: Call, project_id: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        await living_project(session, project_id)
    rows = await list_keys(call.engine.db, project_id)
    return listing("data", [wire(row) for row in rows], len(rows))


async def create(call: Call, project_id: str, body: KeyCreate) -> dict[str, Any]:
    """The token is in this answer and never again. Raises: ApiError 404; 400."""
    if body.expires_at is not None and body.expires_at <= call.engine.now():
        raise invalid_payload("Property .expires_at must be in the future")
    _checked(body.allowed_addresses)
    async with call.read() as session:
        await living_project(session, project_id)
    pair = await create_key(
        call.engine.db,
        body.kind,
        project_id=project_id,
        role=body.role,
        name=body.name,
        expires_at=body.expires_at,
        allowed_addresses=body.allowed_addresses,
        actor=call.actor,
    )
    return {**await _shown(call, project_id, pair.id), "token": pair.token}


async def update(call: Call, project_id: str, key_id: str, body: KeyUpdate) -> dict[str, Any]:
    """Holds for the first request after the answer, for more and for less. Raises: ApiError 404; 400."""
    if body.allowed_addresses is not UNSET:
        _checked(body.allowed_addresses or [])
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        await living_project(write.session, project_id)
        key = await _named(write.session, project_id, key_id, lock=True)
        if body.role is not UNSET:
            if key.kind == "client":
                raise invalid_payload("Property .role must be absent: a client-side key has none")
            key.role = body.role
        if body.name is not UNSET:
            key.name = body.name
        if body.expires_at is not UNSET:
            key.expires_at = body.expires_at
        if body.allowed_addresses is not UNSET:
            key.allowed_addresses = body.allowed_addresses or None
        key.updated_at = call.engine.now()
    await announce_access_change(call.engine.core, project_id)
    return await _shown(call, project_id, key_id)


async def rotate(call: Call, project_id: str, key_id: str, body: KeyRotate) -> dict[str, Any]:
    """The new token is in this answer and never again. Raises: ApiError 404."""
    await _in_project(call, project_id, key_id)
    engine = call.engine
    pair = await rotate_key(
        engine.core, engine.db, key_id, overlap_seconds=body.overlap_seconds, actor=call.actor
    )
    if pair is None:
        raise ApiError(400, "key_revoked", "Key is revoked", "A revoked key is not rotated: make a new one")
    return {**await _shown(call, project_id, key_id), "token": pair.token}


async def revoke(call: Call, project_id: str, key_id: str) -> None:
    """The first request after the answer is refused, on every worker. Raises: ApiError 404."""
    await _in_project(call, project_id, key_id)
    await revoke_key(call.engine.core, call.engine.db, key_id, actor=call.actor)


def _checked(entries: list[str]) -> None:
    try:
        networks_of(entries)
    except ValueError as error:
        raise invalid_payload(f"Property .allowed_addresses: {error}") from None


async def _in_project(call: Call, project_id: str, key_id: str) -> None:
    async with call.read() as session:
        await living_project(session, project_id)
        await _named(session, project_id, key_id)


async def _shown(call: Call, project_id: str, key_id: str) -> dict[str, Any]:
    """Raises: ApiError 404 where the project, and its keys with it, was deleted meanwhile."""
    async with call.read() as session:
        await living_project(session, project_id)
        return wire(await _named(session, project_id, key_id))


async def _named(session: AsyncSession, project_id: str, key_id: str, *, lock: bool = False) -> ApiKey:
    key = await session.get(ApiKey, key_id, with_for_update=lock or None)
    if key is None or key.project_id != project_id:
        raise not_found("api_key", key_id)
    return key
