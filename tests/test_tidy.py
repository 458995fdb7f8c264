"""Taste as a test: sizes, words, dead files, the shape of the changelog. What ruff and mypy cannot see."""

import ast
import hashlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
BLOB_BYTES_MAX = 1_500_000
"""The largest file that belongs here is a generated OpenAPI document or a bundled script of the docs page."""
NAMES_REFUSED = {"helpers.py", "utils.py", "util.py", "manager.py", "misc.py", "common.py", "base_service.py"}
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X{3}|HA" r"CK)\b|raise NotImplemented" r"Error")
FOREIGN = re.compile(
    r"/(?:work|farm|home|root|Users)/|/tmp/[a-z]|(?:pypi|python" r"hosted|npmjs|deb\.debian)\.(?:org|com)"
)
"""Paths of somebody's machine, and hosts of registries: a clone must build wherever its owner points its
tools."""
FLOOR_SHA256 = "cd987d7cf1a198132862711161bae05ba225951bddbc28b8176ac36ec243e918"
ASSERTING = ("assert", "raises", "warns", "check", "expect", "fail", "verify", "until", "validate")


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


def python_files() -> list[Path]:
    return tracked(
        "app/*.py",
        "rules/*.py",
        "tests/*.py",
        "chaos/*.py",
        "loadtests/*.py",
        "tools/*.py",
        "migrations/env.py",
    )


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_are_one_thing() -> None:
    """No Python or Lua file grows past what one reads in a sitting."""
    lengths = {
        relative(file): len(file.read_text().splitlines())
        for file in [*python_files(), *tracked("app/*.lua")]
    }
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES_MAX} == {}


def test_functions_fit_on_a_screen() -> None:
    """A longer function is split by noun."""
    long = {
        f"{relative(file)}:{node.lineno} {node.name}": lines
        for file in python_files()
        for node in functions(file)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert long == {}


def test_names_say_what_a_file_is() -> None:
    """If a thing has no noun, it belongs in its caller."""
    assert [relative(file) for file in python_files() if file.name in NAMES_REFUSED] == []


def test_nothing_is_left_for_later() -> None:
    """No marks of unfinished work in what is shipped."""
    marked = [
        f"{relative(file)}:{number} {line.strip()}"
        for file in [*python_files(), *tracked("app/*.lua")]
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert marked == []


def test_no_words_of_one_machine() -> None:
    """Nothing names a path of somebody's machine or a registry's host."""
    found = []
    for file in tracked():
        if file.suffix in (".png", ".woff2", ".ico") or relative(file).startswith("app/static/vendor"):
            continue
        text = file.read_text(errors="replace")
        found += [
            f"{relative(file)}:{number} {line.strip()[:100]}"
            for number, line in enumerate(text.splitlines(), 1)
            if FOREIGN.search(line) and file != Path(__file__)
        ]
    assert found == []


def test_blobs_stay_out() -> None:
    """The repository stays quick to clone."""
    assert [relative(file) for file in tracked() if file.stat().st_size > BLOB_BYTES_MAX] == []


def test_no_file_is_dead() -> None:
    """Every module under app/ and rules/ is imported by something, started by name, or a package."""
    text = "\n".join(
        file.read_text() for file in [*python_files(), *tracked("pyproject.toml", "Makefile", "tools/*")]
    )
    dead = []
    for file in tracked("app/*.py", "rules/*.py"):
        module = relative(file).removesuffix(".py").replace("/", ".")
        if file.name in ("__init__.py", "__main__.py"):
            continue
        package, _, name = module.rpartition(".")
        imported = f"{module} import" in text or f"import {module}" in text or f'"{module}' in text
        as_member = re.search(rf"from {re.escape(package)} import [^\n]*\b{name}\b", text)
        listed = re.search(rf"from {re.escape(package)} import \([^)]*\b{name}\b", text)
        if not (imported or as_member or listed):
            dead.append(module)
    assert dead == []


def test_every_package_says_what_it_owns() -> None:
    """A package's docstring names what it owns and may not know."""
    silent = [
        relative(file)
        for file in tracked("app/*__init__.py", "rules/__init__.py")
        if ast.get_docstring(ast.parse(file.read_text())) is None
    ]
    assert silent == []


def calls(node: ast.AST) -> set[str]:
    """Names of everything that is called inside."""
    found = (call.func for call in ast.walk(node) if isinstance(call, ast.Call))
    return {getattr(function, "attr", getattr(function, "id", "")) for function in found}


def looks(node: ast.AST, lookers: set[str]) -> bool:
    """Whether something is asserted inside, or a function is called that does."""
    if any(isinstance(inner, ast.Assert) for inner in ast.walk(node)):
        return True
    return any(name.startswith(ASSERTING) or name in lookers for name in calls(node))


def test_every_test_keeps_a_promise() -> None:
    """Each test has a sentence that says what it promises, and looks at something, itself or by a function of
    tests.
    """
    nodes = {file: list(functions(file)) for file in tracked("tests/*.py")}
    every = [node for found in nodes.values() for node in found if not node.name.startswith("test_")]
    lookers = {node.name for node in every if looks(node, set())}
    lookers |= {node.name for node in every if looks(node, lookers)}
    broken = []
    for file, found in nodes.items():
        for node in found:
            if not node.name.startswith("test_"):
                continue
            where = f"{relative(file)}:{node.lineno} {node.name}"
            if ast.get_docstring(node) is None:
                broken.append(f"{where}: no docstring")
            if not looks(node, lookers):
                broken.append(f"{where}: nothing is asserted")
    assert broken == []


def test_the_changelog_keeps_its_shape() -> None:
    """Keep a Changelog: newest first, dated versions, known headings; the version of pyproject.toml is
    listed.
    """
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$", text, re.MULTILINE)
    numbers = [tuple(map(int, version.split("."))) for version, _ in versions]
    assert numbers == sorted(numbers, reverse=True)
    assert [date for _, date in versions] == sorted((date for _, date in versions), reverse=True)
    headings = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert headings <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    declared = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert declared is not None
    assert declared[1] in {version for version, _ in versions}


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_links_between_documents_lead_somewhere(document: str) -> None:
    """A relative link names a file that is there."""
    text = (ROOT / document).read_text()
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target]
    assert [target for target in targets if target and not (ROOT / target).exists()] == []


def test_every_ignored_rule_of_the_linter_has_its_reason() -> None:
    """An entry of ruff's ignore lists without a comment is a habit nobody decided on."""
    text = (ROOT / "pyproject.toml").read_text()
    block = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.pylint]")]
    entries = [line for line in block.splitlines() if re.match(r'\s+"[A-Z]+[0-9]*",', line)]
    assert entries
    assert [line for line in entries if "#" not in line] == []


def test_the_floor_is_the_same_for_ever() -> None:
    """Ratios of different versions compare only while what they are ratios to does not change by a byte."""
    assert hashlib.sha256((ROOT / "loadtests/floor.py").read_bytes()).hexdigest() == FLOOR_SHA256


def test_a_change_of_the_program_is_told_in_the_changelog() -> None:
    """What differs from the last tagged version in what is shipped has its lines under Unreleased."""
    tag = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match", "v*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    if not tag:
        pytest.skip("this clone has no tags: git fetch --tags")
    shipped = ["app", "rules", "migrations", "requirements/run.txt"]
    changed = subprocess.run(
        ["git", "diff", "--name-only", tag, "HEAD", "--", *shipped],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    text = (ROOT / "CHANGELOG.md").read_text()
    newest = re.search(r"^## \[(\d+\.\d+\.\d+)\]", text, re.MULTILINE)
    assert newest is not None
    unreleased = text.partition("## [Unreleased]")[2].partition("\n## [")[0]
    assert not changed or newest[1] != tag.removeprefix("v") or re.search(r"^- ", unreleased, re.MULTILINE)
