"""The group `vouchsafe`: names of commands and where each lives."""

import importlib
import sys

import rich_click as click

from app.settings import VERSION, SettingsError

COMMANDS = {
    "serve": "app.cli.serve:serve",
    "restart": "app.cli.restart:restart",
    "demo": "app.cli.demo:demo",
    "migrate": "app.cli.migrate:migrate",
    "keys": "app.cli.keys:keys",
    "audit": "app.cli.audit:audit",
    "erasure": "app.cli.erasure:erasure",
    "explain": "app.cli.explain:explain",
    "ledger": "app.cli.ledger:ledger",
    "backup": "app.cli.backup:backup",
    "config": "app.cli.config:config",
    "doctor": "app.cli.doctor:doctor",
    "openapi": "app.cli.openapi:openapi",
}
"""Command to module:attribute, in the order of --help."""


class Commands(click.RichGroup):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="vouchsafe")
def vouchsafe() -> None:
    """Vouchsafe: a self-hosted promotions and coupon engine."""
    from app.processes.logs import set_up_logs

    set_up_logs("warning")  # Standard output is for what commands print; `serve` sets its own level.


def main() -> None:
    """The entry point: settings that cannot be are a sentence, not a traceback."""
    try:
        vouchsafe(prog_name="vouchsafe")
    except SettingsError as error:
        sys.stderr.write(f"vouchsafe: {error}\n")
        sys.exit(2)
