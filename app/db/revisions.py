"""Which revisions of the schema this version has, from the heads of its migrations: without Alembic, whose
seven megabytes no process that answers requests needs.
"""

import re
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

_NAMED: Final = re.compile(r'^(revision|down_revision) = (?:"(\w+)"|None)$', re.MULTILINE)


@cache
def revisions() -> Mapping[str, str]:
    """Each revision, and the one that it follows; the first follows "".

    Raises: ValueError for a migration that does not name both on lines of their own.
    """
    found: dict[str, str] = {}
    for file in files("migrations").joinpath("versions").iterdir():
        if not file.name.endswith(".py"):
            continue
        names = dict(_NAMED.findall(file.read_text(encoding="utf-8")))
        if not names.get("revision") or "down_revision" not in names:
            raise ValueError(f"{file.name} does not say what it is, or what it follows")
        found[names["revision"]] = names["down_revision"]
    return found


@cache
def heads() -> tuple[str, ...]:
    """The revisions that this version of the program needs: exactly one."""
    followed = set(revisions().values())
    return tuple(sorted(revision for revision in revisions() if revision not in followed))


def serves(found: Collection[str]) -> bool:
    """Whether this version can work on a schema at these revisions: its own, or one of a later version, whose
    revision it does not know. Within a major version migrations only expand, so that what runs goes on
    running while the next version migrates (D18).
    """
    return set(found) == set(heads()) or (bool(found) and not any(one in revisions() for one in found))
