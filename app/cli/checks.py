"""What `vouchsafe config check` looks at: each check has a name, a state and a sentence that says what to
do.
"""

import json
import time
from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Struct
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.backup.read import newest
from app.cli.memory_forecast import Stored, machine_bytes, redis_parts, stored_now, worker_bytes
from app.cli.runtime import CommandFailed, reachable_redis, unproven_level
from app.core.address import parse_place
from app.core.outcome import CoreUnavailable
from app.core.servers import ServerState, describe_servers
from app.db import migrate
from app.db.database import Database
from app.db.models import ApiKey, Project
from app.db.revisions import heads
from app.demo.keys import FILE_NAME as DEMO_FILE
from app.demo.keys import PROJECT as DEMO_PROJECT
from app.jobs.erasure_list import LIST_NAME, NoEntryError, read_list, stored_list
from app.settings import Settings

State = Literal["ok", "warning", "failed"]
CLOCK_SECONDS_MAX = 2.0
"""Windows, deadlines and expiry are compared between machines."""
OLDEST_SERVER = (6, 2)
LOOPBACK = ("localhost", "127.0.0.1", "::1", "")


class Check(Struct, frozen=True, kw_only=True):
    name: str
    state: State
    sentence: str


def shown(results: list[Check], *, as_json: bool) -> str:
    """The results for a terminal or a program."""
    if as_json:
        return json.dumps(msgspec.to_builtins(results), indent=2)
    width = max(len(result.name) for result in results)
    return "\n".join(f"{result.state:7}  {result.name:{width}}  {result.sentence}" for result in results)


async def check_all(
    settings: Settings, *, production: bool, accepted: Collection[str] = frozenset()
) -> list[Check]:
    """Every check, in order. accepted: names whose failure is only a warning."""
    results = []
    async for result in _checks(settings, production=production):
        if result.state == "failed" and result.name in accepted:
            accepted_one = msgspec.structs.replace(result, state="warning")
            results.append(accepted_one)
        else:
            results.append(result)
    return results


async def _checks(settings: Settings, *, production: bool) -> AsyncIterator[Check]:
    yield Check(name="settings", state="ok", sentence="every VOUCHSAFE_ variable is known and within bounds")
    database = Database(settings.database)
    try:
        schema = await _schema(settings, database)
        yield schema
        stored = database if schema.state == "ok" and _is_made(database) else None
        servers: list[ServerState] = []
        try:
            async with reachable_redis(settings) as url:
                servers = await describe_servers(url)
                yield _version(servers)
                yield await _durability(settings, url)
        except (CommandFailed, CoreUnavailable, OSError, ValueError) as error:
            yield Check(name="redis", state="failed", sentence=f"cannot be reached: {error}")
        if servers:
            yield _eviction(servers)
            yield await _clock(servers, stored)
        if production:
            async for check in _production(settings, servers, stored):
                yield check
    finally:
        await database.close()


def _is_made(database: Database) -> bool:
    """False for the file of SQLite that the first start will make."""
    return not database.is_sqlite or Path(database.url.database or "").exists()


async def _schema(settings: Settings, database: Database) -> Check:
    """Whether the database is there and has the tables of this version."""
    if not _is_made(database):
        return Check(name="database", state="ok", sentence="SQLite; the first start makes it")
    try:
        current = await migrate.current(database)
    except (SQLAlchemyError, OSError) as error:
        reason = getattr(error, "orig", None) or error
        return Check(name="database", state="failed", sentence=f"cannot be reached: {reason}")
    if current == heads():
        return Check(name="database", state="ok", sentence="can be reached, its schema is this version's")
    wanted = "" if settings.embedded_database else ": run `vouchsafe migrate`"
    state: State = "warning" if settings.embedded_database else "failed"
    return Check(name="database", state=state, sentence=f"its schema is not this version's{wanted}")


def _version(servers: list[ServerState]) -> Check:
    old = [server.version for server in servers if _numbers(server.version) < OLDEST_SERVER]
    if old:
        sentence = f"version {old[0]} is too old: 6.2 or newer is needed"
        return Check(name="redis", state="failed", sentence=sentence)
    return Check(
        name="redis", state="ok", sentence=f"{len(servers)} server(s), version {servers[0].version}"
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())


async def _durability(settings: Settings, url: str) -> Check:
    reason = await unproven_level(settings, url)
    if reason:
        return Check(name="durability", state="failed", sentence=reason)
    return Check(name="durability", state="ok", sentence=f"{settings.durability} can be kept")


def _eviction(servers: list[ServerState]) -> Check:
    wrong = {server.policy for server in servers} - {"noeviction"}
    if wrong == {""}:
        sentence = "the server does not show maxmemory-policy; make sure that it is noeviction"
        return Check(name="eviction", state="warning", sentence=sentence)
    if wrong:
        found = ", ".join(sorted(wrong))
        sentence = f"maxmemory-policy is {found}: set noeviction, or limits will be forgotten"
        return Check(name="eviction", state="failed", sentence=sentence)
    return Check(name="eviction", state="ok", sentence="nothing is evicted")


async def _clock(servers: list[ServerState], database: Database | None) -> Check:
    here = time.time()
    there = {f"Redis {number}": server.clock_seconds for number, server in enumerate(servers, 1)}
    if database is not None and not database.is_sqlite:
        async with database.reading() as session:
            at = await session.scalar(text("SELECT extract(epoch FROM clock_timestamp())"))
            there["the database"] = float(at or 0)
    off = {name: abs(at - here) for name, at in there.items() if at}
    far = max(off.items(), key=lambda pair: pair[1], default=("", 0.0))
    if far[1] > CLOCK_SECONDS_MAX:
        sentence = f"{far[0]} and this machine are {far[1]:.0f} s apart: set both clocks by NTP"
        return Check(name="clock", state="failed", sentence=sentence)
    return Check(name="clock", state="ok", sentence="the clocks of all machines agree")


async def _production(
    settings: Settings, servers: list[ServerState], database: Database | None
) -> AsyncIterator[Check]:
    yield await _demo_keys(settings, database)
    for name, url in (("tls-redis", settings.redis_url), ("tls-database", settings.database_url)):
        yield _tls(name, url)
    if servers:
        yield _persistence(servers)
        async for check in _memory(settings, servers, database):
            yield check
    yield _backups(settings)
    if settings.backup_dir and database is not None:
        yield await _erasures(Path(settings.backup_dir), database)
    yield _metrics(settings)
    yield _proxies(settings)
    yield _public_url(settings)
    yield await _hidden_codes(database)


async def _demo_keys(settings: Settings, database: Database | None) -> Check:
    """Keys that lie readable in the data directory, or belong to the demo shop."""
    names = []
    if (settings.data_dir.expanduser() / DEMO_FILE).exists():
        names.append(f"{DEMO_FILE} in the data directory holds keys in plain text")
    if database is not None:
        statement = (
            select(func.count())
            .select_from(ApiKey)
            .join(Project, Project.id == ApiKey.project_id)
            .where(Project.name == DEMO_PROJECT, ApiKey.revoked_at.is_(None))
        )
        async with database.reading() as session:
            if await session.scalar(statement):
                names.append(f'the project "{DEMO_PROJECT}" has keys: revoke them, or delete it')
    if names:
        return Check(name="default-keys", state="failed", sentence="; ".join(names))
    return Check(name="default-keys", state="ok", sentence="no keys of the demo shop")


def _tls(name: str, url: str) -> Check:
    """Outside this machine, money and personal data travel encrypted."""
    if not url or _is_local(url):
        return Check(name=name, state="ok", sentence="on this machine")
    scheme, options = url.partition("://")[0], parse_qs(urlsplit(url).query)
    encrypted = scheme.startswith("rediss") or options.get("ssl", options.get("sslmode", [""]))[0] in (
        "require",
        "verify-ca",
        "verify-full",
    )
    if encrypted:
        return Check(name=name, state="ok", sentence="encrypted")
    how = "rediss://" if scheme.startswith("redis") else "?ssl=require"
    sentence = f"the connection is not encrypted: use {how}, or --accept {name} on a network of your own"
    return Check(name=name, state="failed", sentence=sentence)


def _is_local(url: str) -> bool:
    if url.startswith(("sqlite", "unix")):
        return True
    if url.startswith("redis"):
        return all(node.path or node.host in LOOPBACK for node in parse_place(url).nodes)
    return (urlsplit(url).hostname or "") in LOOPBACK


def _persistence(servers: list[ServerState]) -> Check:
    if all(server.appends for server in servers):
        return Check(name="append-only", state="ok", sentence="the server keeps its state over a restart")
    sentence = "appendonly is not yes: every restart of the server rebuilds all counters from SQL"
    return Check(name="append-only", state="warning", sentence=sentence)


async def _memory(
    settings: Settings, servers: list[ServerState], database: Database | None
) -> AsyncIterator[Check]:
    """What Redis and the workers may need, against what they may have (D14)."""
    stored = Stored()
    if database is not None:
        async with database.reading() as session:
            stored = await stored_now(session, time.time_ns() // 1000)
    parts = redis_parts(stored) | {"one full outbox": settings.outbox_megabytes_max << 20}
    # While the file is written anew, what is changed meanwhile is there twice.
    parts["a copy while the file is rewritten"] = max(server.used_bytes for server in servers) // 4
    expected = sum(parts.values())
    room = sum(server.maxmemory_bytes or server.machine_bytes for server in servers)
    used = sum(server.used_bytes for server in servers)
    told = ", ".join(f"{name} {_megabytes(size)}" for name, size in parts.items())
    sentence = (
        f"{_megabytes(used)} used, at most {_megabytes(expected)} expected for {stored.vouchers} vouchers, "
        f"{stored.customers} customers and {stored.events_of_hour} redemptions in the busiest hour ({told}); "
        f"{_megabytes(room)} there"
    )
    state: State = "failed" if room and expected > room else "ok"
    yield Check(name="redis-memory", state=state, sentence=sentence)
    each = worker_bytes(stored)
    wanted, there = each * settings.workers, machine_bytes()
    sentence = (
        f"at most {_megabytes(each)} for each of {settings.workers} workers, {_megabytes(wanted)} in all; "
        f"{_megabytes(there)} here"
    )
    yield Check(name="worker-memory", state="failed" if wanted > there else "ok", sentence=sentence)


def _megabytes(count: int) -> str:
    return f"{count / (1 << 20):.0f} MB"


def _backups(settings: Settings) -> Check:
    """Whether there is a backup that is young enough. Whether it can be restored says `backup verify`."""
    if not settings.backup_dir:
        sentence = (
            "VOUCHSAFE_BACKUP_DIR is not set: run `vouchsafe backup create` by a timer, or --accept "
            "backups when "
            "the database is backed up in another way"
        )
        return Check(name="backups", state="failed", sentence=sentence)
    found = newest(Path(settings.backup_dir))
    if found is None:
        return Check(name="backups", state="failed", sentence=f"there is none in {settings.backup_dir}")
    file, manifest = found
    age = datetime.now(UTC) - datetime.fromisoformat(manifest.created_at)
    sentence = f"the newest, {file.name}, is {age.total_seconds() / 3600:.1f} hours old"
    late = age.total_seconds() > settings.backup_hours_max * 3600
    return Check(name="backups", state="failed" if late else "ok", sentence=sentence)


async def _erasures(folder: Path, database: Database) -> Check:
    """Whether a restore would know everybody who was deleted permanently."""
    async with database.reading() as session:
        stored = set(await stored_list(session))
    file = folder / LIST_NAME
    try:
        missing = stored - set(read_list(file) if file.exists() else ())
    except (NoEntryError, OSError) as error:
        return Check(name="erasures", state="failed", sentence=str(error))
    if missing:
        sentence = (
            f"{len(missing)} customers who were deleted permanently are not on {file}: a restore would bring "
            "them back. Let the server write there, or run `vouchsafe backup create`"
        )
        return Check(name="erasures", state="failed", sentence=sentence)
    return Check(name="erasures", state="ok", sentence=f"{file} names all {len(stored)} deleted customers")


def _metrics(settings: Settings) -> Check:
    """Whether anybody can see what the workers do; one address tells of all of them."""
    if settings.metrics_token:
        return Check(name="metrics", state="ok", sentence="/metrics is open to whoever has the token")
    sentence = (
        "VOUCHSAFE_METRICS_TOKEN is empty: /metrics is closed, and no alarm of observability/ can ring"
    )
    return Check(name="metrics", state="warning", sentence=sentence)


def _proxies(settings: Settings) -> Check:
    if settings.host in LOOPBACK or settings.trusted_proxies:
        return Check(name="proxies", state="ok", sentence="addresses of clients are known")
    sentence = (
        "VOUCHSAFE_TRUSTED_PROXIES is empty: behind a proxy all clients look like one, and a limit per "
        "address hits all of them"
    )
    return Check(name="proxies", state="warning", sentence=sentence)


def _public_url(settings: Settings) -> Check:
    if settings.public_url.startswith("https://"):
        return Check(name="public-url", state="ok", sentence=settings.public_url)
    sentence = "set VOUCHSAFE_PUBLIC_URL to the https:// address that clients use"
    return Check(name="public-url", state="warning", sentence=sentence)


async def _hidden_codes(database: Database | None) -> Check:
    """D25: a stranger who tries codes should not learn which exist."""
    open_ones = []
    if database is not None:
        async with database.reading() as session:
            rows = await session.execute(
                select(Project.name, Project.settings).where(Project.deleted_at.is_(None))
            )
            open_ones = [name for name, settings in rows if not settings.get("hide_code_state")]
    if not open_ones:
        return Check(name="code-state", state="ok", sentence="no project tells strangers which codes exist")
    sentence = (
        f"{len(open_ones)} project(s) tell on the client side whether a unique code exists; "
        "set hide_code_state where codes are unique"
    )
    return Check(name="code-state", state="warning", sentence=sentence)
