"""Reads a Dockerfile: stages of instructions, each with its line."""

import json
import re
import shlex
from pathlib import Path
from typing import Final, NamedTuple

_WORD: Final = re.compile(r"^([A-Za-z]+)\s+(.*)$", re.DOTALL)
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class DockerfileError(Exception):
    """What cannot be read, with its line."""


class Instruction(NamedTuple):
    """One instruction. word: in capitals; rest: its words, continued lines joined."""

    line: int
    word: str
    rest: str

    @property
    def form(self) -> list[str] | None:
        """The words of an exec form; None for a shell form."""
        text = self.rest[self.rest.find("[") :] if self.word == "HEALTHCHECK" else self.rest
        if not text.startswith("["):
            return None
        try:
            return [str(word) for word in json.loads(text)]
        except ValueError:
            raise DockerfileError(f"line {self.line}: {self.word} is no list of strings") from None

    @property
    def options(self) -> dict[str, str]:
        """What stands in front with two dashes: `--from=build`."""
        found = {}
        for word in self.rest.split():
            if not word.startswith("--"):
                break
            name, _, value = word[2:].partition("=")
            found[name] = value
        return found

    @property
    def words(self) -> list[str]:
        """What stands behind the options."""
        return shlex.split(self.rest)[len(self.options) :]

    @property
    def pairs(self) -> dict[str, str]:
        """NAME=value of ENV and LABEL."""
        return dict(word.partition("=")[::2] for word in self.words)


class Stage(NamedTuple):
    """From one FROM to the next. name: its own, or its number."""

    name: str
    base: str
    steps: list[Instruction]

    def last(self, word: str) -> Instruction | None:
        """The instruction of that kind that counts."""
        found = [step for step in self.steps if step.word == word]
        return found[-1] if found else None


def read(file: Path) -> list[Stage]:
    """Raises: DockerfileError."""
    return stages_of(file.read_text(encoding="utf-8"))


def stages_of(text: str) -> list[Stage]:
    """Raises: DockerfileError."""
    stages: list[Stage] = []
    for step in _instructions(text):
        if step.word == "FROM":
            words = step.words
            name = words[2] if len(words) > 2 and words[1].upper() == "AS" else str(len(stages))
            stages.append(Stage(name, words[0], []))
        elif not stages:
            raise DockerfileError(f"line {step.line}: {step.word} in front of the first FROM")
        else:
            stages[-1].steps.append(step)
    if not stages:
        raise DockerfileError("there is no FROM")
    return stages


def _instructions(text: str) -> list[Instruction]:
    found: list[Instruction] = []
    begun, joined = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or not line.strip():
            continue
        begun = begun or number
        joined += line.strip()
        if joined.endswith("\\"):
            joined = joined[:-1].rstrip() + " "
            continue
        match = _WORD.match(joined)
        if match is None:
            raise DockerfileError(f"line {begun}: {joined!r} is no instruction")
        found.append(Instruction(begun, match[1].upper(), match[2]))
        begun, joined = 0, ""
    if joined:
        raise DockerfileError(f"line {begun}: ends in the midst of an instruction")
    return found


def expanded(text: str, variables: dict[str, str]) -> str:
    """ENV's own `$NAME` and `${NAME}`."""
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], ""), text)
