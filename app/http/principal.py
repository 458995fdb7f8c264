"""What a verified key is: whose it is, what it opens, from where and until when. No input or output here."""

import hashlib
import time
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from app.core.keys import Partition, access, partition_of
from app.db.models import ApiKey, Project
from app.http.addresses import Network, address_allowed, networks_of
from app.http.errors import ApiError, forbidden, missing_permission, missing_scope
from app.http.permissions import allows

ORGANISATION: Final = Partition("vouchsafe")
"""Where the access version of management keys lives: they belong to no project."""


class Principal(Struct, frozen=True, kw_only=True):
    """Who asks. project_id is empty for a management key and where no key is needed; kind: server, client,
    management, public.
    """

    project_id: str
    key_id: str
    kind: str
    role: str
    name: str = ""


PUBLIC: Final = Principal(project_id="", key_id="", kind="public", role="")


class VerifiedKey(Struct, kw_only=True):
    """What a process remembers of a key whose token it has verified."""

    principal: Principal
    digest: bytes
    token_hash: str
    """The hash that the token matched; for a bearer token that of its key, which is not compared."""
    access_version: bytes | None
    """As read from Redis before the row was read from SQL; None: the project never revoked a key."""
    read_at: float
    """time.monotonic() of the reading of the row."""
    expires_at: datetime | None
    trusted_domains: tuple[str, ...]
    open_to_clients: frozenset[str] = frozenset()
    """Names of the project's flags for the client side that are on: client_*, hide_code_state."""
    networks: tuple[Network, ...] = ()
    """Where requests may come from; empty: anywhere."""
    scopes: frozenset[str] | None = None
    """Of a bearer token; None: a key pair, which needs none."""
    token_digest: bytes | None = None
    """SHA-256 of a bearer token; None: a key pair."""

    partition: Partition = ORGANISATION
    """Where the access version lives."""
    access_key: str = ""
    """Its key there."""

    def __post_init__(self) -> None:
        if self.principal.project_id:
            self.partition = partition_of(self.principal.project_id)
        self.access_key = access(self.partition)

    def refusal(self, permission: str, scopes: frozenset[str], address: str) -> ApiError | None:
        """403, or None where the key opens a route of this permission and these scopes from this address."""
        if self.networks and not address_allowed(address, self.networks):
            return forbidden("This key may not be used from this address")
        if self.scopes is not None and not self.scopes & scopes:
            return missing_scope(scopes)
        if not allows(self.principal.role, permission):
            return missing_permission(permission)
        return None


def bearer_digest(token: str) -> bytes:
    """How a bearer token is stored and found."""
    return hashlib.sha256(token.encode()).digest()


def open_hashes(key: ApiKey) -> dict[str, str | None]:
    """Hashes of the tokens that open the key now, each with its cheap check: two while a rotation
    overlaps.
    """
    hashes = {key.token_hash: key.settings.get("check")}
    if key.previous_token_hash is not None and _still(key.previous_until):
        hashes[key.previous_token_hash] = key.settings.get("previous_check")
    return hashes


def _still(until: datetime | None) -> bool:
    return until is not None and until > datetime.now(UTC)


def verified(
    key: ApiKey, project: Project | None, digest: bytes, token_hash: str, access_version: bytes | None
) -> VerifiedKey:
    domains = (project.settings.get("client_trusted_domains") if project is not None else None) or ()
    ends = [key.expires_at, key.previous_until if token_hash == key.previous_token_hash else None]
    return VerifiedKey(
        principal=Principal(
            project_id=key.project_id or "", key_id=key.id, kind=key.kind, role=key.role, name=key.name
        ),
        digest=digest,
        token_hash=token_hash,
        access_version=access_version,
        read_at=time.monotonic(),
        expires_at=min((end for end in ends if end is not None), default=None),
        trusted_domains=tuple(str(domain) for domain in domains),
        open_to_clients=frozenset(
            name
            for name, value in (project.settings if project is not None else {}).items()
            if value is True and (name.startswith("client_") or name == "hide_code_state")
        ),
        networks=networks_of(key.allowed_addresses),
    )


def origin_trusted(origin: str, trusted: tuple[str, ...]) -> bool:
    """An entry is "*", an origin, a host, or a host with "*." in front for all its subdomains."""
    lowered = origin.lower()
    host = lowered.split("://", 1)[-1]
    for entry in trusted:
        pattern = entry.lower().rstrip("/")
        if pattern in ("*", lowered, host, host.split(":", 1)[0]):
            return True
        if pattern.split("://", 1)[-1].startswith("*."):
            scheme, _, _ = pattern.rpartition("://")
            suffix = pattern.split("://", 1)[-1][1:]
            if host.split(":", 1)[0].endswith(suffix) and (not scheme or lowered.startswith(scheme + "://")):
                return True
    return False
