"""How far it is from a clone to the first refusal that says why: a fresh clone of this commit, the commands
as the README prints them, counted and timed.

`python -m tools.first_refusal`, or `make first-refusal`. The figure includes what pip fetches.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
SERVE: Final = "make run"
SHOP_FILE: Final = Path("data") / "demo.env"
"""Written when the demo shop is open: from then on requests can be pasted."""
BEFORE: Final = 3
"""Commands in front of the first that is pasted: clone it, go there, and `make run`."""
OPEN_SECONDS_MAX: Final = 900.0
STOP_SECONDS_MAX: Final = 60.0
_BLOCK: Final = re.compile(r"^<!-- snippet: demo -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLAIN: Final = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_REASON: Final = re.compile(r'"key":"([a-z_]+)"')


class Found(NamedTuple):
    """pasted: blocks of the README until the refusal. key, message: why."""

    pasted: int
    key: str
    message: str


class NotFound(Exception):
    """The README does not lead to a refusal that says why; with what was printed."""


def pasted_until_refusal(readme: str, folder: Path, environment: Mapping[str, str]) -> Found:
    """Paste the README's blocks, one after the other, into one shell in the folder, until an answer refuses
    with a key and a sentence.

    Raises: NotFound.
    """
    blocks = _BLOCK.findall(readme)
    for count in range(1, len(blocks) + 1):
        done = subprocess.run(
            ["sh", "-eu"],
            input="\n".join(blocks[:count]),
            cwd=folder,
            env=dict(environment),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise NotFound(f"block {count}: {done.stdout}{done.stderr}")
        for line in done.stdout.splitlines():
            found = _refusal(line)
            if found is not None:
                return Found(count, *found)
    raise NotFound(f"{len(blocks)} blocks, none of them is refused")


def _refusal(line: str) -> tuple[str, str] | None:
    """Key and sentence of an answer that refuses."""
    if _REASON.search(line) is None:
        return None
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    refused = [*(answer.get("inapplicable_redeemables") or ()), *(answer.get("redeemables") or ())]
    for one in (answer, *(row.get("result", {}).get("error") or {} for row in refused)):
        if one.get("key") and one.get("message"):
            return str(one["key"]), str(one["message"])
    return None


def commands_before(readme: str) -> list[str]:
    """What stands in front of the first block to paste, besides cloning: `make run`."""
    start = readme[: readme.index("<!-- snippet: demo -->")]
    return [block.strip() for block in _PLAIN.findall(start) if block.strip() == SERVE]


def from_clone(folder: Path) -> tuple[int, float, Found]:
    """Commands and seconds. Raises: NotFound, CalledProcessError."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("VOUCHSAFE_")}
    environment["PORT"] = str(_free_port())
    began = time.monotonic()
    clone = folder / "vouchsafe"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    readme = (clone / "README.md").read_text(encoding="utf-8")
    first = commands_before(readme)
    if first != [SERVE]:
        raise NotFound(f"the README does not begin by `{SERVE}`: {first}")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            SERVE.split(), cwd=clone, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _until_open(server, clone, folder / "log")
            found = pasted_until_refusal(readme, clone, environment)
            seconds = time.monotonic() - began
        finally:
            _stop(server)
    return BEFORE + found.pasted, seconds, found


def _until_open(server: "subprocess.Popen[bytes]", clone: Path, log: Path) -> None:
    deadline = time.monotonic() + OPEN_SECONDS_MAX
    while not (clone / SHOP_FILE).exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise NotFound(f"`{SERVE}` did not open the shop:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.1)


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """make passes the signal of a terminal on to the whole session."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="vouchsafe-first-", ignore_cleanup_errors=True) as name:
        try:
            commands, seconds, found = from_clone(Path(name))
        except NotFound as problem:
            print(problem, file=sys.stderr)
            return 1
    print(f"{commands} commands and {seconds:.0f} seconds from the clone to {found.key}: {found.message}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
