"""How much of the published contract is honoured (D27), from the route table and the shapes of its requests.

For every published operation each query parameter and each property of its request (two levels deep) is
either honoured, which means that the operation reads it, or it stands in `openapi/not-honoured.json` with the
reason. One that is neither is an error, and so is a reason that fits nothing. A reason that begins with ECHO
is of a property that answers have and requests only share the schema of: it is listed and not counted.
`--write` writes `openapi/coverage.md`; without it the file is compared.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
REQUESTS = ROOT / "openapi" / "voucherify-v1-requests.json"
REASONS = ROOT / "openapi" / "not-honoured.json"
DOCUMENT = ROOT / "openapi" / "vouchsafe.json"
COVERAGE = ROOT / "openapi" / "coverage.md"
LEVELS = 2
ECHO = "an echo of the answer"
"""How the reason of a property begins that nobody sets."""


class Operation(NamedTuple):
    """One published operation and what of it is honoured. `ignored`: names with their reasons."""

    operation_id: str
    area: str
    served: bool
    honoured: list[str]
    ignored: dict[str, str]
    unexplained: list[str]


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def key_of(method: str, path: str) -> tuple[str, str]:
    """Names of path parameters make no difference."""
    return method.upper(), re.sub(r"\{\w+\}", "{}", path)


class Body:
    """The shape of a request as the document shows it."""

    def __init__(self, document: Mapping[str, Any], schema: Mapping[str, Any] | None) -> None:
        self._components = document["components"]["schemas"]
        self._schemas = list(self._flat(schema)) if schema is not None else []

    def _flat(self, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The objects that a schema may be: references followed, unions and arrays opened."""
        if "$ref" in schema:
            yield from self._flat(self._components[schema["$ref"].rsplit("/", 1)[1]])
            return
        for union in ("anyOf", "oneOf", "allOf"):
            for part in schema.get(union, ()):
                yield from self._flat(part)
        if schema.get("type") == "array":
            yield from self._flat(schema.get("items") or {})
        elif schema.get("type") == "object":
            yield schema

    def reads(self, path: str) -> bool:
        """Whether the property is decoded. An open object is stored or compiled whole."""
        return any(self._inside(schema, path.split(".")) for schema in self._schemas)

    def _inside(self, schema: Mapping[str, Any], names: list[str]) -> bool:
        if not names:
            return True
        properties = schema.get("properties")
        if not properties:
            return True
        found = properties.get(names[0])
        if found is None:
            return False
        if len(names) == 1:
            return True
        return any(self._inside(inner, names[1:]) for inner in self._flat(found))


def operations() -> list[Operation]:
    """Every published operation, honoured or not."""
    document, reasons = read(DOCUMENT), read(REASONS)
    served = {
        key_of(method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    return [
        _operation(row, served.get(key_of(row["method"], row["path"])), document, reasons)
        for row in read(REQUESTS)
    ]


def _operation(
    row: Mapping[str, Any],
    operation: Mapping[str, Any] | None,
    document: Mapping[str, Any],
    reasons: Mapping[str, str],
) -> Operation:
    names = [f"?{name}" for name in row["query"]] + list(row["body"])
    if operation is None:
        return Operation(row["operation_id"], row["area"], False, [], dict.fromkeys(names, "not served"), [])
    content = (operation.get("requestBody") or {}).get("content") or {}
    body = Body(document, next((one.get("schema") for one in content.values()), None))
    query = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    honoured, ignored, unexplained = [], {}, []
    for name in names:
        is_read = name[1:] in query if name.startswith("?") else body.reads(name)
        reason = reason_of(row["operation_id"], name, reasons)
        if is_read and reason is None:
            honoured.append(name)
        elif reason is not None:
            ignored[name] = reason
        else:
            unexplained.append(name)
    return Operation(row["operation_id"], row["area"], True, honoured, ignored, unexplained)


def reason_of(operation_id: str, name: str, reasons: Mapping[str, str]) -> str | None:
    """The reason of the first pattern `operation:property` that fits."""
    subject = f"{operation_id}:{name}"
    return next((reason for pattern, reason in reasons.items() if fnmatchcase(subject, pattern)), None)


def text(found: list[Operation]) -> str:
    """The file."""
    areas: dict[str, list[Operation]] = defaultdict(list)
    for one in found:
        areas[one.area].append(one)
    lines = [
        "# Coverage of the published contract",
        "",
        "Made by `tools/coverage.py --write` from the route table; compared in CI. *Honoured* is a query",
        f"parameter or a property of a request ({LEVELS} levels deep) that the operation reads; an operation",
        "that is not served honours nothing. What is ignored stands below with its reason. Not counted, but",
        "listed, is what requests have only because they share a schema with answers: an echo of the answer.",
        "",
        "| area | operations served | properties and parameters honoured | of the operations served |",
        "|---|---:|---:|---:|",
    ]
    for area in sorted(areas):
        lines.append(_row(area, areas[area]))
    lines.append(_row("**all**", found))
    lines += ["", "## Ignored, and why", ""]
    for area in sorted(areas):
        listed = [one for one in areas[area] if one.served and one.ignored]
        if listed:
            lines += [f"### {area}", ""]
        for one in listed:
            by_reason: dict[str, list[str]] = defaultdict(list)
            for name, reason in one.ignored.items():
                by_reason[reason].append(f"`{name}`")
            lines += [f"- {one.operation_id}: {', '.join(names)}: {why}" for why, names in by_reason.items()]
        if listed:
            lines.append("")
    lines += ["## Not served", ""]
    for area in sorted(areas):
        missing = [one.operation_id for one in areas[area] if not one.served]
        if missing:
            lines.append(f"- {area}: {', '.join(missing)}")
    return "\n".join(lines) + "\n"


def _row(area: str, found: list[Operation]) -> str:
    def share(of: list[Operation]) -> str:
        honoured = sum(len(one.honoured) for one in of)
        ignored = sum(not why.startswith(ECHO) for one in of for why in one.ignored.values())
        every = honoured + ignored + sum(len(one.unexplained) for one in of)
        return "–" if not every else f"{honoured} of {every} ({honoured * 100 // every} %)"

    served = [one for one in found if one.served]
    return f"| {area} | {len(served)} of {len(found)} | {share(found)} | {share(served)} |"


def complaints(found: list[Operation]) -> list[str]:
    """Properties without a reason, and reasons that fit nothing."""
    unexplained = [
        f"{one.operation_id}: {name} is ignored without a reason" for one in found for name in one.unexplained
    ]
    reasons = read(REASONS)
    used = {
        pattern
        for one in found
        for name in one.ignored
        for pattern in reasons
        if fnmatchcase(f"{one.operation_id}:{name}", pattern)
    }
    return unexplained + [f"{pattern} fits nothing" for pattern in reasons if pattern not in used]


def main() -> None:
    found = operations()
    wrong = complaints(found)
    if wrong:
        raise SystemExit("\n".join(wrong))
    if "--write" in sys.argv:
        COVERAGE.write_text(text(found), encoding="utf-8")
    elif COVERAGE.read_text(encoding="utf-8") != text(found):
        raise SystemExit("openapi/coverage.md is out of date: tools/coverage.py --write")
    print(text(found).partition("\n## ")[0].rpartition("|---")[2])


if __name__ == "__main__":
    main()
