"""`vouchsafe audit`: read the audit chain, and prove that it is whole."""

import json
from typing import Any

import rich_click as click


@click.group()
def audit() -> None:
    """Who did what to which object."""


@audit.command("list")
@click.option("--project", "project_name", help="Of this project; without it, of what belongs to none.")
@click.option("--object", "object_id", help="Only changes of the object with this id.")
@click.option("--actor", "actor_id", help="Only changes made with the key of this id.")
@click.option("--operation", help="Only changes by this operation, e.g. update-campaign.")
@click.option("--since", type=click.DateTime(), help="Only later ones (UTC).")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the values that changed.")
def list_command(
    project_name: str | None,
    object_id: str | None,
    actor_id: str | None,
    operation: str | None,
    since: Any,
    limit: int,
    as_json: bool,
) -> None:
    """Show changes, the newest first."""
    from datetime import UTC

    from app.audit.reading import Wanted, entry_wire, read_entries
    from app.cli.runtime import run_command
    from app.engine import Engine
    from app.http.wire import iso_us

    wanted = Wanted(
        object_id=object_id,
        actor_id=actor_id,
        operation=operation,
        after=since.replace(tzinfo=UTC) if since is not None else None,
    )

    async def work(engine: Engine) -> list[dict[str, Any]]:
        project_id = await _project_id(engine, project_name)
        async with engine.db.reading() as session:
            seen = await read_entries(session, project_id, wanted, limit)
        return [entry_wire(one, iso_us(one.entry.at_us)) for one in seen]

    rows = run_command(work)
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        _print_table(rows)


@audit.command()
@click.option("--project", "project_name", help="Only the chain of this project.")
@click.option(
    "--noted",
    multiple=True,
    metavar="NUMBER:HASH",
    help="An end that an earlier run printed, with --project; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(project_name: str | None, noted: tuple[str, ...], as_json: bool) -> None:
    """Recompute every chain. Exits with 1 when an entry is missing, changed or not the one noted."""
    from app.audit.verify import Verdict, chains, verify_chain
    from app.cli.runtime import EXIT_FAILED, run_command
    from app.engine import Engine

    expected = _noted(noted)
    if expected and project_name is None:
        raise click.UsageError("--noted needs --project")

    async def work(engine: Engine) -> list[Verdict]:
        if project_name is not None:
            chosen = [await _project_id(engine, project_name)]
        else:
            chosen = await chains(engine.db)
        return [await verify_chain(engine.db, project_id, expected) for project_id in chosen]

    verdicts = run_command(work)
    if as_json:
        import msgspec

        print(json.dumps([msgspec.structs.asdict(verdict) for verdict in verdicts], indent=2))
    else:
        for verdict in verdicts:
            print(_sentence(verdict))
    if any(verdict.broken_at is not None for verdict in verdicts):
        raise SystemExit(EXIT_FAILED)


def _noted(values: tuple[str, ...]) -> dict[int, str]:
    expected = {}
    for value in values:
        number, _, digest = value.partition(":")
        if not number.isdecimal() or len(digest) != 64:
            raise click.UsageError(f"--noted takes NUMBER:HASH as `audit verify` prints it, not {value!r}")
        expected[int(number)] = digest
    return expected


def _sentence(verdict: Any) -> str:
    chain = verdict.project_id or "organisation"
    if verdict.broken_at is not None:
        return f"{chain}: BROKEN at {verdict.broken_at}: {verdict.reason}"
    return f"{chain}: sound, ends with {verdict.entries}:{verdict.head}"


async def _project_id(engine: Any, project: str | None) -> str:
    """By name or id; a deleted project's chain stays readable by its id."""
    from app.cli.runtime import CommandFailed
    from app.db.models import Project
    from app.projects import find_project

    if project is None:
        return ""
    found = await find_project(engine.db, project)
    if found is None:
        async with engine.db.reading() as session:
            found = await session.get(Project, project)
    if found is None:
        raise CommandFailed(f"there is no project {project}")
    return str(found.id)


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in ("number", "created_at", "actor", "operation", "action", "object", "changed"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(
            str(row["number"]),
            row["created_at"],
            row["actor"]["id"],
            row["operation"],
            row["action"],
            f"{row['related_object_type']} {row['related_object_id']}",
            ", ".join(row["changed"]),
        )
    Console().print(table)
