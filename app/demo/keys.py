"""The demo project's keys, kept beside its data so that a second start prints the same."""

import asyncio
import json
import os
import shlex
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

PROJECT = "Demo shop"
FILE_NAME = "demo.json"
SHELL_FILE_NAME = "demo.env"


class DemoKeys(Struct, kw_only=True):
    """As `vouchsafe keys create --json` prints them. told: the story is in the shop."""

    project_id: str
    app_id: str
    app_token: str
    client_id: str
    client_token: str
    management_id: str
    management_token: str
    told: bool = False


def load_keys(data_dir: Path) -> DemoKeys | None:
    try:
        return msgspec.json.decode((data_dir / FILE_NAME).read_bytes(), type=DemoKeys)
    except FileNotFoundError:
        return None


def save_keys(data_dir: Path, keys: DemoKeys) -> None:
    _write_private(
        data_dir / FILE_NAME, msgspec.json.format(msgspec.json.encode(keys), indent=2).decode() + "\n"
    )


def save_shell_variables(data_dir: Path, url: str, keys: DemoKeys) -> Path:
    """For `. data/demo.env` in a shell: DEMO_URL, every key, and the data directory for other commands."""
    target = data_dir / SHELL_FILE_NAME
    shown = {name: text for name, text in msgspec.structs.asdict(keys).items() if name != "told"}
    variables = {"VOUCHSAFE_DATA_DIR": str(data_dir), "DEMO_URL": url}
    variables |= {f"DEMO_{name.upper()}": text for name, text in shown.items()}
    lines = (f"export {name}={shlex.quote(text)}\n" for name, text in variables.items())
    _write_private(target, "".join(lines))
    return target


async def create_keys(data_dir: Path) -> DemoKeys:
    """Project and keys by the command that everybody else uses.

    Raises: RuntimeError with what the command said.
    """
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "app.cli",
            "keys",
            "create",
            "--project",
            PROJECT,
            "--name",
            "demo",
            "--json",
        ),
        env={**os.environ, "VOUCHSAFE_DATA_DIR": str(data_dir)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaint = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the demo shop's keys could not be made: {complaint.decode()}")
    return DemoKeys(**json.loads(printed))


def _write_private(target: Path, text: str) -> None:
    """Readable by the owner alone, from the first byte on."""
    beside = target.with_name(target.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    beside.replace(target)
