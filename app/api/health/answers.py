"""What answers about this server look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.http.shown import Shown


class EngineVersion(Shown, kw_only=True):
    object: Literal["engine_version"]
    version: str
    api_version: Literal["v2018-08-01"]
    schema: str
    """The revision of the database that this version needs."""


class Liveness(Shown, kw_only=True):
    status: Literal["live"]


class ReadinessChecks(Shown, kw_only=True):
    """Of the parts that the role needs: "ok", or what is wrong."""

    database: str
    redis: str
    partitions: str | UnsetType = UNSET
    durability: str | UnsetType = UNSET
    background: str | UnsetType = UNSET


class ReadinessTimes(Shown, kw_only=True):
    """How long each check took, in milliseconds."""

    database: float
    redis: float
    partitions: float | UnsetType = UNSET
    durability: float | UnsetType = UNSET
    background: float | UnsetType = UNSET


class Readiness(Shown, kw_only=True):
    """status: unready comes with 503."""

    status: Literal["ready", "unready"]
    role: Literal["web", "background"]
    durability: Literal["journal", "replica", "ledger"]
    """What an acknowledged redemption has survived."""
    checks: ReadinessChecks
    milliseconds: ReadinessTimes
