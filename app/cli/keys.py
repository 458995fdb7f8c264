"""`vouchsafe keys`: make, list, rotate and revoke key pairs."""

import json
from typing import Any

import rich_click as click

from app.http.permissions import ADMIN, ROLES


@click.group()
def keys() -> None:
    """Key pairs of projects."""


@keys.command()
@click.option("--project", "project_name", help="Name of the project; it is made if there is none.")
@click.option(
    "--kind",
    type=click.Choice(("server", "client", "management")),
    help="Only this key. Default: server if one of --role, --expires, --address is given, else one of each.",
)
@click.option(
    "--role",
    type=click.Choice(ROLES, case_sensitive=False),
    help="Role of the server-side key. [default: ADMIN]",
)
@click.option("--expires", metavar="DURATION", help="How long the key opens, e.g. 30d or 12h.")
@click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="NETWORK",
    help="Address or CIDR network that requests must come from; may be repeated.",
)
@click.option("--name", default="", help="A label for the keys, shown by `keys list`.")
@click.option("--timezone", default="UTC", show_default=True, help="Time zone of a new project.")
@click.option("--currency", help="ISO code of a new project's currency.")
@click.option("--case-insensitive-codes", is_flag=True, help="Codes of a new project match in any case.")
@click.option("--sandbox", is_flag=True, help="A new project is a sandbox.")
@click.option(
    "--trusted-domain",
    "domains",
    multiple=True,
    help="Origin that the client-side key of a new project accepts; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create(
    project_name: str | None,
    kind: str | None,
    role: str | None,
    expires: str | None,
    addresses: tuple[str, ...],
    name: str,
    as_json: bool,
    **of_a_new_project: Any,
) -> None:
    """Make a server-side, a client-side and a management key, or one of them. Tokens are shown this once."""
    from datetime import UTC, datetime, timedelta

    from app.cli.runtime import run_command
    from app.engine import Engine
    from app.http.addresses import networks_of
    from app.projects import KINDS, create_key

    if project_name is None and kind != "management":
        raise click.UsageError("--project is needed, but for --kind management")
    try:
        networks_of(addresses)
    except ValueError as error:
        raise click.UsageError(f"--address: {error}") from None
    ends = datetime.now(UTC) + timedelta(seconds=seconds_of(expires)) if expires is not None else None
    if kind is None and (role or expires or addresses):
        kind = "server"

    async def work(engine: Engine) -> dict[str, str]:
        project_id = None
        if project_name is not None:
            project_id = await _opened_project(engine, project_name, of_a_new_project)
        pairs = {
            one: await create_key(
                engine.db,
                one,
                project_id=project_id,
                role=role or ADMIN,
                name=name or (project_name or "" if one == "management" else ""),
                expires_at=ends,
                allowed_addresses=addresses,
            )
            for one in ((kind,) if kind is not None else KINDS)
        }
        members = {"project_id": project_id} if project_id is not None else {}
        for one, pair in pairs.items():
            prefix = "app" if one == "server" else one
            members |= {f"{prefix}_id": pair.id, f"{prefix}_token": pair.token}
        return members

    _print_members(run_command(work), as_json)


async def _opened_project(engine: Any, name: str, of_a_new_project: dict[str, Any]) -> str:
    """The id of the project of that name, which is made if there is none."""
    from app.projects import create_project, find_project, open_project

    project = await find_project(engine.db, name)
    if project is not None:
        await open_project(engine.core, engine.db, project.id)
        return str(project.id)
    made = await create_project(
        engine.core,
        engine.db,
        name,
        timezone=of_a_new_project["timezone"],
        currency=of_a_new_project["currency"],
        case_sensitive_codes=not of_a_new_project["case_insensitive_codes"],
        is_sandbox=of_a_new_project["sandbox"],
        settings={"client_trusted_domains": list(of_a_new_project["domains"])},
    )
    return str(made.id)


def seconds_of(duration: str) -> int:
    """90s, 30m, 12h, 30d. Raises: click.UsageError."""
    number, unit = duration[:-1], duration[-1:]
    seconds = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}.get(unit)
    if seconds is None or not number.isdecimal() or len(number) > 6:
        raise click.UsageError(f"{duration!r} is no duration: 90s, 30m, 12h or 30d is")
    return int(number) * seconds


@keys.command("list")
@click.option("--project", "project_name", help="Only keys of this project.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(project_name: str | None, as_json: bool) -> None:
    """Show keys, never their tokens."""
    from app.cli.runtime import CommandFailed, run_command
    from app.db.models import ApiKey
    from app.engine import Engine
    from app.http.wire import iso
    from app.projects import find_project, list_keys

    async def work(engine: Engine) -> list[ApiKey]:
        project_id = None
        if project_name is not None:
            project = await find_project(engine.db, project_name)
            if project is None:
                raise CommandFailed(f"there is no project {project_name}")
            project_id = project.id
        return await list_keys(engine.db, project_id)

    rows = [
        {
            "id": key.id,
            "kind": key.kind,
            "role": key.role,
            "project_id": key.project_id,
            "name": key.name,
            "addresses": ", ".join(key.allowed_addresses or []),
            "created_at": iso(key.created_at),
            "last_used_at": iso(key.last_used_at),
            "expires_at": iso(key.expires_at),
            "previous_token_until": iso(key.previous_until),
            "revoked_at": iso(key.revoked_at),
        }
        for key in run_command(work)
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        _print_table(rows)


@keys.command()
@click.argument("key_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def revoke(key_id: str, as_json: bool) -> None:
    """Revoke the key with this id. When the command ends, no worker accepts it any more."""
    from app.cli.runtime import CommandFailed, run_command
    from app.engine import Engine
    from app.http.wire import iso
    from app.projects import revoke_key

    async def work(engine: Engine) -> dict[str, str]:
        key = await revoke_key(engine.core, engine.db, key_id)
        if key is None:
            raise CommandFailed(f"there is no key {key_id}")
        return {"id": key.id, "revoked_at": iso(key.revoked_at) or ""}

    _print_members(run_command(work), as_json)


@keys.command()
@click.argument("key_id")
@click.option(
    "--overlap",
    default="24h",
    show_default=True,
    metavar="DURATION",
    help="How long the old token opens beside the new one; 0s: not at all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rotate(key_id: str, overlap: str, as_json: bool) -> None:
    """Give the key with this id a new token, shown this once. Id, role and name stay."""
    from app.cli.runtime import CommandFailed, run_command
    from app.engine import Engine
    from app.projects import rotate_key

    overlap_seconds = seconds_of(overlap)

    async def work(engine: Engine) -> dict[str, str]:
        pair = await rotate_key(engine.core, engine.db, key_id, overlap_seconds=overlap_seconds)
        if pair is None:
            raise CommandFailed(f"there is no key {key_id}, or it is revoked")
        return {"id": pair.id, "token": pair.token}

    _print_members(run_command(work), as_json)


@keys.command()
@click.argument("key_id")
@click.option("--codes-per-day", type=click.IntRange(min=0), help="Codes that it may publish in a day.")
@click.option(
    "--value-per-day", type=click.IntRange(min=0), help="What they may be worth together, in minor units."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def budget(key_id: str, codes_per_day: int | None, value_per_day: int | None, as_json: bool) -> None:
    """What the key may hand out in a day of its project's zone; without options, everything."""
    from app.cli.runtime import CommandFailed, run_command
    from app.engine import Engine
    from app.projects import set_mint_budget

    async def work(engine: Engine) -> dict[str, Any]:
        key = await set_mint_budget(engine.db, key_id, codes_per_day, value_per_day)
        if key is None:
            raise CommandFailed(f"there is no key {key_id}")
        return {"id": key.id, "mint": key.settings.get("mint", {})}

    _print_members(run_command(work), as_json)


def _print_members(members: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(members, indent=2))
        return
    width = max(map(len, members))
    for name, value in members.items():
        print(f"{name:<{width}}  {value}")


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    columns = ("id", "kind", "role", "project_id", "name", "last_used_at", "expires_at", "revoked_at")
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(row[column] or "") for column in columns))
    Console().print(table)
