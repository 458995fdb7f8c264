"""Runs a Dockerfile's steps in a clean folder where no container engine is at hand: each stage in a root of
its own, then the installed program as the image would start it, until its own health check is content.

`python -m tools.image.steps` for this repository's. What it cannot show: the base image, and that the root
cannot be written. The interpreter is one of this machine.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from tools.image.dockerfile import Instruction, Stage, expanded, read

ROOT: Final = Path(__file__).resolve().parents[2]
HEALTHY_SECONDS_MAX: Final = 90.0
STOP_SECONDS_MAX: Final = 40.0
_ABSOLUTE: Final = re.compile(r"(?<![\w./$}-])/(?=[\w])")


class StepFailed(Exception):
    """Which step did not do what it should, and what it said."""


class Build:
    """One run. folder: empty, and left full; say: told of every step."""

    def __init__(self, context: Path, folder: Path, python: str) -> None:
        self.context = context
        self.folder = folder
        self.root = folder / "root"
        """Every stage has its root here while it is built, so that scripts find their interpreter later."""
        self.environment: dict[str, str] = {}
        self.directory = "/"
        self._python = python

    def run(self, stages: Sequence[Stage]) -> None:
        """All stages; the root is the last one's afterwards. Raises: StepFailed."""
        for number, stage in enumerate(stages):
            if number:
                self.root.rename(self._kept(stages[number - 1].name))
            self._begin()
            for step in stage.steps:
                print(f"{stage.name} {step.line:3} {step.word} {step.rest[:80]}", flush=True)
                self._step(step)

    def _kept(self, name: str) -> Path:
        return self.folder / f"stage-{name}"

    def _begin(self) -> None:
        """An empty root, with `python` as the base image has it."""
        binaries = self.root / "usr" / "local" / "bin"
        binaries.mkdir(parents=True)
        for name in ("python", "python3"):
            (binaries / name).symlink_to(self._python)
        self.environment = {"PATH": f"{binaries}:/usr/bin:/bin", "HOME": str(self.folder)}
        self.directory = "/"

    def place(self, path: str) -> Path:
        """Where a path of the image lies on this machine."""
        return self.root / (Path(self.directory) / path).as_posix().lstrip("/")

    def moved(self, text: str) -> str:
        """A text with the image's paths as they are on this machine."""
        return _ABSOLUTE.sub(f"{self.root}/", text)

    def _step(self, step: Instruction) -> None:
        if step.word == "WORKDIR":
            self.directory = (Path(self.directory) / step.rest).as_posix()
            self.place(".").mkdir(parents=True, exist_ok=True)
        elif step.word == "ENV":
            for name, value in step.pairs.items():
                moved = ":".join(self.moved(part) for part in value.split(":"))
                self.environment[name] = expanded(moved, self.environment)
        elif step.word == "COPY":
            self._copy(step)
        elif step.word == "RUN":
            self._run(step)

    def _copy(self, step: Instruction) -> None:
        *sources, target = step.words
        place = self.place(target)
        several = len(sources) > 1 or target.endswith("/")
        if several:
            place.mkdir(parents=True, exist_ok=True)
        for source in sources:
            origin = self.context / source
            if "from" in step.options:
                origin = self._kept(step.options["from"]) / source.lstrip("/")
            if not origin.exists():
                raise StepFailed(f"line {step.line}: {source} is not there to be copied")
            goal = place / origin.name if several else place
            goal.parent.mkdir(parents=True, exist_ok=True)
            if origin.is_dir():
                shutil.copytree(origin, goal, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy2(origin, goal)

    def _run(self, step: Instruction) -> None:
        command = self.moved(step.rest)
        if os.geteuid() != 0:
            command = re.sub(r"\bchown (-\S+ )*\S+:\S+", "true", command)  # Only root gives away.
        done = subprocess.run(
            ["sh", "-eu", "-c", command],
            cwd=self.place("."),
            env={**_outside(), **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StepFailed(f"line {step.line}: {step.rest}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def _outside() -> dict[str, str]:
    """How this machine reaches its package index; nothing else of the caller's."""
    names = ("PIP_*", "SSL_*", "*_proxy", "*_PROXY", "REQUESTS_CA_BUNDLE", "LANG", "LC_*")
    return {
        name: value for name, value in os.environ.items() if any(fnmatch(name, one) for one in names)
    }


def clean_context(source: Path, target: Path) -> None:
    """The tracked files that .dockerignore lets through, as an engine would be sent them."""
    lines = (source / ".dockerignore").read_text(encoding="utf-8").split()
    kept = {line[1:] for line in lines if line.startswith("!")}
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=source, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if name.split("/")[0] in kept and (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


class Identity:
    """The user of the image, as far as this machine lets a process become it."""

    def __init__(self, stage: Stage, build: Build, python: str) -> None:
        user = stage.last("USER")
        numbers = user.rest.partition(":")[::2] if user else ("", "")
        readable = all(_open_to_all(one) for one in (build.folder, Path(python)))
        self.changes = bool(user) and os.geteuid() == 0 and readable
        self.options = {"user": int(numbers[0]), "group": int(numbers[1])} if self.changes else {}

    def told(self) -> str:
        if self.changes:
            return f"as {self.options['user']}:{self.options['group']}"
        return "as the caller: only root becomes somebody else, and its folders must be open to them"


def _open_to_all(place: Path) -> bool:
    found = place.resolve()
    return all(one.stat().st_mode & stat.S_IXOTH for one in (found, *found.parents))


def start(stage: Stage, build: Build, identity: Identity) -> float:
    """Start what the image starts, and stop it again; the seconds until its health check was content.

    Raises: StepFailed when it ends, stays unhealthy, or does not stop by the signal that it names.
    """
    settings = {"VOUCHSAFE_HOST": "127.0.0.1", "VOUCHSAFE_PORT": str(_free_port())}
    environment = {**build.environment, **settings, "HOME": str(build.place("/data"))}
    command = _words(stage, "ENTRYPOINT", build) + _words(stage, "CMD", build)
    check = _words(stage, "HEALTHCHECK", build)
    stop = stage.last("STOPSIGNAL")
    began = time.monotonic()
    with (build.folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=build.place("/"), env=environment, stdout=log, stderr=log, **identity.options
        )
        try:
            _until_healthy(server, check, environment, build)
            took = time.monotonic() - began
            server.send_signal(getattr(signal, stop.rest if stop else "SIGTERM"))
            if server.wait(STOP_SECONDS_MAX) != 0:
                raise StepFailed(f"it ended with {server.returncode}\n{_tail(build)}")
        except subprocess.TimeoutExpired:
            raise StepFailed(f"it did not end within {STOP_SECONDS_MAX} s") from None
        finally:
            server.kill()
            server.wait()
    return took


def _words(stage: Stage, word: str, build: Build) -> list[str]:
    """The exec form, its program found on the image's PATH, its files in the root."""
    step = stage.last(word)
    words = list(step.form or ()) if step else []
    words = [str(build.place(one)) if one.startswith("/") else one for one in words]
    if word in ("ENTRYPOINT", "HEALTHCHECK") and words:
        words[0] = shutil.which(words[0], path=build.environment["PATH"]) or words[0]
    return words


def _until_healthy(
    server: "subprocess.Popen[bytes]", check: Sequence[str], environment: Mapping[str, str], build: Build
) -> None:
    deadline = time.monotonic() + HEALTHY_SECONDS_MAX
    while True:
        if server.poll() is not None:
            raise StepFailed(f"it ended with {server.returncode}\n{_tail(build)}")
        done = subprocess.run(check, env=dict(environment), capture_output=True, check=False)
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            raise StepFailed(f"not healthy: {done.stderr.decode()[-500:]}\n{_tail(build)}")
        time.sleep(0.2)


def _tail(build: Build) -> str:
    return (build.folder / "server.log").read_text(errors="replace")[-3000:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def build_and_start(dockerfile: Path, context: Path, python: str) -> float:
    """All of it in a temporary folder; the seconds of the start. Raises: StepFailed, DockerfileError."""
    with tempfile.TemporaryDirectory(prefix="vouchsafe-image-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        stages = read(dockerfile)
        build = Build(context, folder, python)
        build.run(stages)
        identity = Identity(stages[-1], build, python)
        took = start(stages[-1], build, identity)
        print(f"healthy after {took:.1f} s, stopped by its signal, {identity.told()}")
        return took


def main() -> int:
    parser = argparse.ArgumentParser(prog="make image-steps", description=__doc__)
    default = os.path.realpath(sys.executable)
    parser.add_argument("--python", default=default, help="the interpreter to build with")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vouchsafe-context-") as name:
        clean_context(ROOT, Path(name))
        try:
            build_and_start(ROOT / "Dockerfile", Path(name), options.python)
        except StepFailed as failed:
            print(failed, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
