"""`vouchsafe config`: what is set and where it comes from, a file to begin with, a schema, what is wrong."""

import json
import os
import sys

import rich_click as click

from app.settings import SETTINGS, load_settings, redacted, sources

EXIT_WRONG = 1


@click.group()
def config() -> None:
    """The configuration: environment variables, each of which may come from a file."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(as_json: bool) -> None:
    """Every setting with its value and where that comes from; secrets are not shown."""
    settings, origin = load_settings(), sources(os.environ)
    rows = [
        {
            "variable": setting.variable,
            "value": redacted(setting, getattr(settings, setting.member)),
            "source": origin.get(setting.variable, "default"),
        }
        for setting in SETTINGS
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    width = max(len(row["variable"]) for row in rows)
    for row in rows:
        print(f"{row['variable']:{width}}  {row['value']}  ({row['source']})")


@config.command()
def init() -> None:
    """Print a file of all settings, commented, to begin with: `vouchsafe config init > .env`."""
    from app.settings_pages import environment_example

    print(environment_example(), end="")


@config.command()
def schema() -> None:
    """Print a JSON Schema of the variables."""
    from app.settings_pages import json_schema

    print(json_schema(), end="")


@config.command(
    epilog="\b\nExit codes: 0 nothing is wrong (there may be warnings); 1 something is; "
    "2 the settings cannot be read."
)
@click.option("--production", is_flag=True, help="Also what matters only where real money is at stake.")
@click.option(
    "--accept",
    multiple=True,
    metavar="NAME",
    help="Take a failed check as a warning: you know better. May be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(production: bool, accept: tuple[str, ...], as_json: bool) -> None:
    """Look at the settings, and at the servers they name, for what will go wrong later."""
    import asyncio

    from app.cli.checks import check_all, shown

    results = asyncio.run(check_all(load_settings(), production=production, accepted=frozenset(accept)))
    print(shown(results, as_json=as_json))
    if any(result.state == "failed" for result in results):
        sys.exit(EXIT_WRONG)
