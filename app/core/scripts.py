"""The Lua scripts: read from the package once, named by their SHA-1, with the contract that their header
declares.
"""

import re
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple

NAMES = ("apply", "certify", "confirm", "guess", "publish", "rate", "trim")

_HEADER_LINE = re.compile(r"^-- (KEYS|ARGV)\[(\d+)(\.\.)?\]\s+(\S.*)$")
_OUTPUT_CODE = re.compile(r"\{(-?\d+)[,}]")


class Argument(NamedTuple):
    """One declared position. `open_ended`: it and all after it."""

    position: int
    open_ended: bool
    meaning: str


class Script(NamedTuple):
    """One .lua file: what EVALSHA needs, and what its header promises."""

    name: str
    source: str
    sha: str
    keys: tuple[Argument, ...]
    arguments: tuple[Argument, ...]
    output_codes: frozenset[int]

    @property
    def body(self) -> str:
        """The script without comments, for tests of its contract."""
        return "\n".join(re.sub(r"--.*$", "", line) for line in self.source.splitlines())


def parse(name: str, source: str) -> Script:
    """Read the header: KEYS, ARGV and Output, each documented, before the first line of code."""
    keys: list[Argument] = []
    arguments: list[Argument] = []
    codes: set[int] = set()
    in_output = False
    for line in source.splitlines():
        if not line.startswith("--"):
            break
        if line.startswith("-- Output:"):
            in_output = True
        elif in_output:
            codes.update(int(code) for code in _OUTPUT_CODE.findall(line))
        elif declared := _HEADER_LINE.match(line):
            argument = Argument(int(declared[2]), declared[3] is not None, declared[4].strip())
            (keys if declared[1] == "KEYS" else arguments).append(argument)
    if not in_output:
        raise ValueError(f"{name}.lua declares no Output")
    digest = sha1(source.encode(), usedforsecurity=False).hexdigest()
    return Script(name, source, digest, tuple(keys), tuple(arguments), frozenset(codes))


@cache
def script(name: str) -> Script:
    """The script of that name; KeyError-free because names are those of NAMES."""
    return parse(name, files("app.core").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8"))


def sources() -> list[str]:
    """What a new connection loads."""
    return [script(name).source for name in NAMES]
