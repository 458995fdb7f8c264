"""What is written from the settings' one Struct: `.env.example`, the JSON Schema, the page of the docs."""

import json
from typing import Any

from app.settings import SETTINGS, Setting

_ENVIRONMENT_HEAD = """\
# Every setting of Vouchsafe with its default. Copy to .env, take the # from what you set, and hand it over:
# `docker compose` reads .env by itself; in a shell: `set -a; . ./.env; set +a`.
# A secret may come from a file: VOUCHSAFE_DATABASE_URL_FILE=/run/secrets/database
# Written by `vouchsafe config init`.
"""

_PAGE_HEAD = """# Configuration

Environment variables, read once at the start of each process. Options of a command win over them. Any of them
may come from a file instead: `VOUCHSAFE_REDIS_URL_FILE=/run/secrets/redis`. An unknown `VOUCHSAFE_` variable
stops the start and names its nearest neighbour.

`vouchsafe config show` prints what holds and where it comes from, `vouchsafe config check --production` what
is wrong with it, `vouchsafe config init` a file to begin with ([.env.example](../../.env.example)),
`vouchsafe config schema` a [JSON Schema](configuration.schema.json) for editors and pipelines. This page is
written from the same table: `python -m tools.configuration_page`.

| variable | default | meaning |
|---|---|---|
"""

_PAGE_TAIL = """
## Files in the data directory

`vouchsafe.db` (SQLite) · `valkey/` (append-only file, socket, log of the embedded server) · `serve.json`
(processes that serve now) · `serve.lock` · `metrics/` (counters of the processes that serve now) ·
`demo.json`, `demo.env` (the demo shop's keys).
"""


def environment_example() -> str:
    """A file of commented lines, one for each variable."""
    parts = [_ENVIRONMENT_HEAD]
    for setting in SETTINGS:
        note = f"{setting.description}{_allowed(setting)}".replace("`", "")
        parts.append(f"\n# {note}\n# {setting.variable}={shown_default(setting)}\n")
    return "".join(parts)


def json_schema() -> str:
    """JSON Schema 2020-12 of an object with the variables as its members."""
    properties: dict[str, Any] = {}
    for setting in SETTINGS:
        schema: dict[str, Any] = {"description": setting.description, "type": "string"}
        if setting.kind == "number":
            schema |= {"type": "integer", "minimum": setting.low, "maximum": setting.high}
        elif setting.kind == "switch":
            schema |= {"type": "boolean"}
        elif setting.kind == "choice":
            schema |= {"enum": list(setting.choices)}
        if setting.secret:
            schema |= {"writeOnly": True}
        default = setting.default
        properties[setting.variable] = schema | {
            "default": str(default) if setting.kind == "path" else default
        }
    names = "|".join(setting.variable for setting in SETTINGS)
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of Vouchsafe",
        "type": "object",
        "properties": properties,
        "patternProperties": {f"^({names})_FILE$": {"type": "string", "description": "a file that holds it"}},
        "additionalProperties": False,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def page() -> str:
    """docs/reference/configuration.md."""
    rows = []
    for setting in SETTINGS:
        default = shown_default(setting)
        cell = f"`{default}`" if default else ""
        rows.append(f"| `{setting.variable}` | {cell} | {setting.description}{_allowed(setting)} |\n")
    return _PAGE_HEAD + "".join(rows) + _PAGE_TAIL


def shown_default(setting: Setting) -> str:
    """As it would be written into the environment."""
    if setting.kind == "switch":
        return str(setting.default).lower()
    return str(setting.default)


def _allowed(setting: Setting) -> str:
    if setting.kind == "switch":
        return " (`true` or `false`)"
    if setting.choices:
        return f" (one of {', '.join(f'`{choice}`' for choice in setting.choices)})"
    if setting.kind == "number":
        return f" ({setting.low} to {setting.high})"
    return ""
