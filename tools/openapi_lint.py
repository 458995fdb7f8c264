"""Lints an OpenAPI 3.1 document beyond its form: what client generators and readers stumble over. The form
itself is openapi-spec-validator's; schemas and examples are judged by jsonschema-rs, which
shares no code with it.

`python -m tools.openapi_lint [FILE]` prints what is wrong and exits 1 when anything is.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

Document = dict[str, Any]
METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
DESCRIPTION_MIN: Final = 4
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_OPERATION_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_REFERENCE: Final = "#/components/"
_MARKUP: Final = re.compile(r"<script|eval\(|javascript:", re.IGNORECASE)


class Operation:
    """One operation and the place at which its faults are told."""

    def __init__(self, path: str, method: str, row: Document) -> None:
        self.path = path
        self.method = method
        self.row = row
        self.at = f"{method.upper()} {path}"


def operations(document: Document) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, row in methods.items():
            if method in METHODS:
                yield Operation(path, method, row)


def complaints(document: Document) -> list[str]:
    """Every fault as a sentence with its place; none for a good document."""
    found = [*_top(document), *_references(document), *_schemas(document)]
    judge = _Judge(document)
    for operation in operations(document):
        found += [f"{operation.at}: {fault}" for fault in _operation(document, operation)]
        found += [f"{operation.at}: {fault}" for fault in _examples(operation, judge)]
    for name, answer in document["components"].get("responses", {}).items():
        found += [f"responses/{name}: {fault}" for fault in judge.content(answer)]
    return found


def _top(document: Document) -> Iterator[str]:
    if not str(document.get("openapi", "")).startswith("3.1."):
        yield "openapi is not 3.1"
    for name in ("title", "version", "description", "license"):
        if not document["info"].get(name):
            yield f"info has no {name}"
    if not document.get("servers") or any(not one.get("url") for one in document["servers"]):
        yield "no server has a url"
    tags = [tag["name"] for tag in document.get("tags", ())]
    used = {tag for one in operations(document) for tag in one.row.get("tags", ())}
    yield from (f"tag {tag} is used, not declared" for tag in sorted(used - set(tags)))
    yield from (f"tag {tag} is declared, not used" for tag in sorted(set(tags) - used))
    yield from (f"tag {tag} is declared twice" for tag, count in Counter(tags).items() if count > 1)
    ids = Counter(one.row.get("operationId", "") for one in operations(document))
    yield from (f"operationId {name} is used {count} times" for name, count in ids.items() if count > 1)
    shapes = Counter(_PARAMETER.sub("{}", path) for path in document["paths"])
    yield from (f"{path} stands under two names" for path, count in shapes.items() if count > 1)
    for path in document["paths"]:
        if not path.startswith("/") or "?" in path or (path.endswith("/") and path != "/"):
            yield f"{path}: begins without a slash, ends with one, or has a query"


def _references(document: Document) -> Iterator[str]:
    """What is referred to exists; what exists is referred to, by others than itself."""
    named: set[str] = set()
    for place, target in _links(document, ""):
        if not target.startswith("#/"):
            yield f"{place}: {target} is no place of this document"
            continue
        node: Any = document
        for part in target[2:].split("/"):
            node = node.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
        if node is None:
            yield f"{place}: {target} does not exist"
        if target.startswith(_REFERENCE) and not place.startswith(target[1:] + "/"):
            named.add(target)
    for kind in ("schemas", "responses", "headers", "parameters"):
        for name in document["components"].get(kind, {}):
            target = f"{_REFERENCE}{kind}/{name}"
            if target not in named and not document["components"][kind][name].get("x-for-readers"):
                yield f"{target} is used by nobody"


def _links(node: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref" and isinstance(value, str):
                yield place, value
            elif name not in ("example", "examples", "default", "const", "enum"):
                yield from _links(value, f"{place}/{name}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _links(value, f"{place}/{number}")


def _schemas(document: Document) -> Iterator[str]:
    """Each schema is one of JSON Schema 2020-12, and requires only what it describes."""
    for name, schema in document["components"].get("schemas", {}).items():
        try:
            jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})
        except jsonschema_rs.ValidationError as error:
            yield f"schemas/{name}: {error.message}"
        properties = schema.get("properties", {})
        yield from (
            f"schemas/{name}: requires {one}, which it does not describe"
            for one in schema.get("required", ())
            if properties and one not in properties
        )


def _operation(document: Document, operation: Operation) -> Iterator[str]:
    row = operation.row
    if not _OPERATION_ID.fullmatch(row.get("operationId", "")):
        yield "has no operationId that a client could be named by"
    if len(row.get("tags", ())) != 1:
        yield "has no tag, or several"
    for name in ("summary", "description"):
        text = row.get(name, "")
        if name == "summary" and len(text) < DESCRIPTION_MIN:
            yield "has no summary"
        if _MARKUP.search(text):
            yield f"its {name} holds a script"
    yield from _parameters(operation)
    if operation.method in ("get", "delete", "head") and "requestBody" in row:
        yield f"{operation.method} with a body"
    if "requestBody" in row and not row["requestBody"].get("content"):
        yield "its body has no media type"
    statuses = set(row.get("responses", ()))
    if not any(status.startswith(("2", "3")) for status in statuses):
        yield "has no success"
    is_open = row.get("security") == []
    wanted = set() if is_open else {"401", "403", "429", "503"}
    wanted |= {"404"} if "{" in operation.path and not is_open else set()
    wanted |= {"400"} if "requestBody" in row else set()
    yield from (f"does not say when it answers {status}" for status in sorted(wanted - statuses))
    for status, answer in row.get("responses", {}).items():
        if "$ref" not in answer and not answer.get("description"):
            yield f"{status} has no description"
    schemes = document["components"].get("securitySchemes", {})
    if "security" not in row:
        yield "does not say who may call it"
    for scheme, scopes in ((name, scopes) for one in row.get("security", ()) for name, scopes in one.items()):
        if scheme not in schemes:
            yield f"security scheme {scheme} does not exist"
        elif scopes and schemes[scheme]["type"] == "oauth2":
            known = {scope for flow in schemes[scheme]["flows"].values() for scope in flow["scopes"]}
            yield from (f"scope {scope} does not exist" for scope in scopes if scope not in known)


def _parameters(operation: Operation) -> Iterator[str]:
    parameters = operation.row.get("parameters", [])
    in_path = {one["name"] for one in parameters if one["in"] == "path"}
    if in_path != set(_PARAMETER.findall(operation.path)):
        yield "its path and its path parameters differ"
    twice = Counter((one["in"], one["name"]) for one in parameters)
    yield from (f"parameter {name[1]} stands twice" for name, count in twice.items() if count > 1)
    for one in parameters:
        if one["in"] == "path" and one.get("required") is not True:
            yield f"path parameter {one['name']} is not required"
        if "schema" not in one:
            yield f"parameter {one['name']} has no schema"


def _examples(operation: Operation, judge: "_Judge") -> Iterator[str]:
    """A body without an example, one that its schema refuses, and errors that the operation does not name."""
    row = operation.row
    if "requestBody" in row:
        for media, content in row["requestBody"]["content"].items():
            if "example" not in content and "examples" not in content:
                yield f"its {media} body has no example"
        yield from (f"request: {fault}" for fault in judge.content(row["requestBody"]))
    shown = {status for status, one in row["responses"].items() if _has_example(one)}
    with_json = {
        status
        for status, one in row["responses"].items()
        if status.startswith("2") and "application/json" in one.get("content", {})
    }
    if "requestBody" in row:
        if with_json and not shown & with_json:
            yield "no success has an example"
        if not any(status.startswith("4") for status in shown):
            yield "no refusal of its own has an example"
    for status, answer in row["responses"].items():
        yield from (f"{status}: {fault}" for fault in judge.content(answer))
        key = answer.get("content", {}).get("application/json", {}).get("example", {})
        if status.startswith("4") and isinstance(key, dict) and "key" in key:
            named = answer.get("description", "").removeprefix("Error keys: ").split(", ")
            if key["key"] not in named:
                yield f"{status}: its example's key {key['key']} is none of {named}"
            if str(key.get("code")) != status:
                yield f"{status}: its example is a {key.get('code')}"
    for one in row.get("parameters", ()):
        if "example" in one:
            faults = judge.value(one["schema"], one["example"])
            yield from (f"parameter {one['name']}: {fault}" for fault in faults)


def _has_example(answer: Document) -> bool:
    return any("example" in content for content in answer.get("content", {}).values())


class _Judge:
    """Whether a value is what a schema of the document describes."""

    def __init__(self, document: Document) -> None:
        self._components = {"schemas": document["components"].get("schemas", {})}
        self._made: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def value(self, schema: Document, value: Any) -> list[str]:
        name = json.dumps(schema, sort_keys=True)
        if name not in self._made:
            whole = {**schema, "components": self._components}
            try:
                self._made[name] = jsonschema_rs.Draft202012Validator(whole)
            except jsonschema_rs.ValidationError as error:
                return [f"its schema is none: {error.message}"]
        return [
            f"the example is not as described, at {'/'.join(map(str, error.instance_path)) or 'its root'}: "
            f"{error.message}"
            for error in self._made[name].iter_errors(value)
        ]

    def content(self, body: Document) -> list[str]:
        return [
            f"{media}: {fault}"
            for media, content in body.get("content", {}).items()
            if "example" in content
            for fault in self.value(content["schema"], content["example"])
        ]


def main() -> int:
    file = Path(sys.argv[1] if len(sys.argv) > 1 else "openapi/vouchsafe.json")
    document = json.loads(file.read_text(encoding="utf-8"))
    found = complaints(document)
    print("\n".join(found) or f"{file}: no fault in {sum(1 for _ in operations(document))} operations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
