"""`vouchsafe openapi`: the API's description as a file."""

from pathlib import Path

import rich_click as click


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it; without, it is printed.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail when the file differs.")
def openapi(output: Path | None, check: bool) -> None:
    """Print or write the OpenAPI 3.1 document."""
    text = openapi_text()
    if check and output is not None:
        if not output.exists() or output.read_text(encoding="utf-8") != text:
            raise click.ClickException(
                f"{output} is not what the routes say: run `vouchsafe openapi --output {output}`"
            )
        return
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")


def openapi_text() -> str:
    """The document as it is kept in the repository."""
    import msgspec

    from app.api.routes import ALL_ROUTES
    from app.api.webhooks.callouts import CALLOUTS
    from app.http.openapi import document

    encoded = msgspec.json.encode(document(ALL_ROUTES, CALLOUTS))
    return msgspec.json.format(encoded, indent=1).decode() + "\n"
