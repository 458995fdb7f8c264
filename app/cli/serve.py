"""`vouchsafe serve`: everything that answers, from one command."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from app.embedded.binary import EmbeddedServerError
from app.processes.child import EXIT_CONFIGURATION
from app.processes.listening import PortTaken
from app.processes.logs import set_up_logs
from app.processes.parent import CannotServe, serve
from app.settings import Settings, SettingsError, load_settings


class CannotStart(click.ClickException):
    """Nothing was started; starting again changes nothing."""

    exit_code = EXIT_CONFIGURATION


Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--host", help="Address to listen on (VOUCHSAFE_HOST, 127.0.0.1)."),
    click.option("--port", type=click.IntRange(0, 65_535), help="Port; 0 picks one (VOUCHSAFE_PORT, 8000)."),
    click.option("--workers", type=click.IntRange(1, 256), help="Web processes (VOUCHSAFE_WORKERS, 1)."),
    click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where the embedded parts keep their data (VOUCHSAFE_DATA_DIR, vouchsafe-data).",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object when ready."),
)


def serving_options(command: Command) -> Command:
    """The options that `serve` and `demo` share."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def serving_settings(**options: Any) -> Settings:
    """Options over environment over defaults.

    Raises: click.ClickException for what cannot be.
    """
    try:
        return load_settings(**options)
    except SettingsError as problem:
        raise CannotStart(str(problem)) from None


def run_serving(settings: Settings, ready: Callable[[str], Awaitable[None]]) -> None:
    """Serve until a signal; end this process with the exit code of the whole family."""
    set_up_logs(settings.log_level)
    try:
        code = asyncio.run(serve(settings, ready))
    except (CannotServe, PortTaken, EmbeddedServerError) as problem:
        raise CannotStart(str(problem)) from None
    raise SystemExit(code)


@click.command("serve")
@serving_options
def serve_command(
    host: str | None, port: int | None, workers: int | None, data_dir: Path | None, *, as_json: bool
) -> None:
    """Serve the API until SIGTERM or Ctrl-C.

    Without configuration it brings its own Valkey and SQLite, both under the data directory.
    VOUCHSAFE_REDIS_URL and VOUCHSAFE_DATABASE_URL name servers to use in their place. Exit codes: 0 after an
    orderly end, 78 when the configuration makes serving impossible.
    """
    settings = serving_settings(host=host, port=port, workers=workers, data_dir=data_dir)

    async def ready(url: str) -> None:
        answer = {"url": url, "docs": f"{url}/docs", "data_dir": str(settings.data_dir.absolute())}
        click.echo(
            json.dumps(answer)
            if as_json
            else f"Vouchsafe answers on {url}, documentation on {answer['docs']}"
        )

    run_serving(settings, ready)
