"""`vouchsafe demo`: serve a shop with a story, and say how to talk to it."""

import asyncio
import json
from pathlib import Path

import msgspec
import rich_click as click

from app.cli.serve import run_serving, serving_options
from app.settings import load_settings


@click.command()
@serving_options
def demo(
    host: str | None, port: int | None, workers: int | None, data_dir: Path | None, *, as_json: bool
) -> None:
    """Serve a demo shop: 30 products, 12 campaigns, customers, and four requests to paste.

    The shop is made through the public API at the first start and kept. Its keys are saved in the data
    directory, readable by their owner alone.
    """
    from app.demo.keys import create_keys, load_keys, save_keys, save_shell_variables
    from app.demo.seed import tell_story
    from app.demo.welcome import requests_to_paste, welcome

    settings = load_settings(host=host, port=port, workers=workers, data_dir=data_dir)
    folder = settings.data_dir.expanduser().absolute()

    async def open_shop(url: str) -> None:
        keys = load_keys(folder)
        if keys is None:
            keys = await create_keys(folder)
            save_keys(folder, keys)
        if not keys.told:
            await tell_story(url, keys.app_id, keys.app_token)
            keys.told = True
            save_keys(folder, keys)
        shell_file = save_shell_variables(folder, url, keys)
        if as_json:
            members = {name: text for name, text in msgspec.structs.asdict(keys).items() if name != "told"}
            requests = [command for _, command in requests_to_paste(url, keys)]
            click.echo(json.dumps({"url": url, "docs": f"{url}/docs", **members, "requests": requests}))
        else:
            click.echo(welcome(url, keys, shell_file))

    async def ready(url: str) -> None:
        try:
            await open_shop(url)
        except asyncio.CancelledError:
            raise
        except Exception as problem:
            # The server goes on: what it answers is the best way to find out what is wrong.
            click.echo(f"The demo shop could not be opened: {problem}", err=True)

    run_serving(settings, ready)
