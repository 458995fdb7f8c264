"""Bodies of /management/v1/engine/projects/{projectId}/keys."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from app.http.addresses import NETWORKS_MAX

Role = Literal["ADMIN", "USER", "VIEWER", "MERCHANT", "USER_RESTRICTED", "SUPPORT"]
Label = Annotated[str, Meta(max_length=255)]
Instant = Annotated[datetime, Meta(tz=True)]
Networks = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=NETWORKS_MAX)]
OVERLAP_SECONDS_MAX = 30 * 24 * 3600


class KeyCreate(Struct, kw_only=True):
    """A publishable key (client) has no role: the client side is all it opens."""

    kind: Literal["server", "client"] = "server"
    role: Role = "ADMIN"
    name: Label = ""
    expires_at: Instant | None = None
    allowed_addresses: Networks = []
    """Addresses and CIDR networks; empty: any."""


class KeyUpdate(Struct, kw_only=True):
    """What is sent changes, nothing else does."""

    role: Role | UnsetType = UNSET
    name: Label | UnsetType = UNSET
    expires_at: Instant | UnsetType | None = UNSET
    allowed_addresses: Networks | UnsetType | None = UNSET


class KeyRotate(Struct, kw_only=True):
    overlap_seconds: Annotated[int, Meta(ge=0, le=OVERLAP_SECONDS_MAX)] = 24 * 3600
    """How long the old token opens beside the new one."""
