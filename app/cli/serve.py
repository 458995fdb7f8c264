"""`vouchsafe serve`: everything that answers, from one command."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from app.settings import Settings, load_settings

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


def run_serving(settings: Settings, ready: Callable[[str], Awaitable[None]]) -> None:
    """Serve until a signal; end this process with the exit code of the whole family."""
    from app.embedded.binary import EmbeddedServerError
    from app.processes import parent
    from app.processes.listening import PortTaken
    from app.processes.logs import set_up_logs

    set_up_logs(settings.log_level)
    try:
        code = asyncio.run(parent.serve(settings, ready))
    except (parent.CannotServe, PortTaken, EmbeddedServerError) as problem:
        raise click.ClickException(str(problem)) from None
    raise SystemExit(code)


@click.command()
@serving_options
def serve(
    host: str | None, port: int | None, workers: int | None, data_dir: Path | None, *, as_json: bool
) -> None:
    """Serve the API until SIGTERM or Ctrl-C.

    Without configuration it brings its own Valkey and SQLite, both under the data directory.
    VOUCHSAFE_REDIS_URL and VOUCHSAFE_DATABASE_URL name servers to use in their place.

    Exit codes: 0 after an orderly end, 1 when serving could not begin, 2 for options or settings that cannot
    be, 78 when a process refused its settings later.
    """
    settings = load_settings(host=host, port=port, workers=workers, data_dir=data_dir)

    async def ready(url: str) -> None:
        answer = {"url": url, "docs": f"{url}/docs", "data_dir": str(settings.data_dir.absolute())}
        sentence = f"Vouchsafe answers on {url}, documentation on {answer['docs']}"
        click.echo(json.dumps(answer) if as_json else sentence)

    run_serving(settings, ready)
