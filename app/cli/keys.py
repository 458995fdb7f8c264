"""`vouchsafe keys`: make, list and revoke key pairs."""

import json
from typing import Any

import rich_click as click

from app.http.permissions import ADMIN, ROLES


@click.group()
def keys() -> None:
    """Key pairs of projects."""


@keys.command()
@click.option(
    "--project", "project_name", required=True, help="Name of the project; it is made if there is none."
)
@click.option(
    "--role", type=click.Choice(ROLES), default=ADMIN, show_default=True, help="Role of the server-side key."
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
    help="Origin that the client-side key accepts; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create(
    project_name: str,
    role: str,
    name: str,
    timezone: str,
    currency: str | None,
    case_insensitive_codes: bool,
    sandbox: bool,
    domains: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a server-side, a client-side and a management key. Their tokens are shown this once."""
    from app.cli.runtime import run_command
    from app.engine import Engine
    from app.projects import create_key, create_project, find_project, open_project

    async def work(engine: Engine) -> dict[str, str]:
        project = await find_project(engine.db, project_name)
        if project is None:
            project = await create_project(
                engine.core,
                engine.db,
                project_name,
                timezone=timezone,
                currency=currency,
                case_sensitive_codes=not case_insensitive_codes,
                is_sandbox=sandbox,
                settings={"client_trusted_domains": list(domains)},
            )
        else:
            await open_project(engine.core, engine.db, project.id)
        server = await create_key(engine.db, "server", project_id=project.id, role=role, name=name)
        client = await create_key(engine.db, "client", project_id=project.id, name=name)
        management = await create_key(engine.db, "management", project_id=None, name=name or project_name)
        return {
            "project_id": project.id,
            "app_id": server.id,
            "app_token": server.token,
            "client_id": client.id,
            "client_token": client.token,
            "management_id": management.id,
            "management_token": management.token,
        }

    _print_members(run_command(work), as_json)


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
            "created_at": iso(key.created_at),
            "expires_at": iso(key.expires_at),
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


def _print_members(members: dict[str, str], as_json: bool) -> None:
    if as_json:
        print(json.dumps(members, indent=2))
        return
    width = max(map(len, members))
    for name, value in members.items():
        print(f"{name:<{width}}  {value}")


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    columns = ("id", "kind", "role", "project_id", "name", "created_at", "revoked_at")
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(row[column] or "") for column in columns))
    Console().print(table)
