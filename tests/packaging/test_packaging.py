"""What is shipped: a wheel with everything it needs at run time, locks with hashes, an image that runs as
nobody.
"""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from app.settings import SETTINGS
from tests.support.server import ROOT
from tools import sbom

SETUPTOOLS_MIN = 80


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the tracked files alone, as from a clean clone."""
    if int(importlib.metadata.version("setuptools").split(".")[0]) < SETUPTOOLS_MIN:
        pytest.skip(
            "the environment was not made by `make install`: its setuptools cannot build this package"
        )
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    target = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    (built,) = target.glob("vouchsafe-*.whl")
    return built


def tracked(*patterns: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return set(listed.split())


@pytest.mark.slow
def test_the_wheel_holds_what_runs_and_nothing_else(wheel: Path) -> None:
    """Modules, scripts, static files and migrations; no tests, no tools."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {name for name in tracked("app/*", "rules/*", "migrations/*") if not name.endswith(".md")}
    assert expected - names == set()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "app",
        "rules",
        "migrations",
    }
    for licence in ("LICENSE", "NOTICE"):
        assert any(name.endswith(f".dist-info/licenses/{licence}") for name in names)


@pytest.mark.slow
def test_the_wheel_runs_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    """Its command finds its migrations and makes a database."""
    target = tmp_path / "installed"
    options = ["--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    database = tmp_path / "shop.db"
    environment = {
        **os.environ,
        "PYTHONPATH": str(target),
        "VOUCHSAFE_DATA_DIR": str(tmp_path / "data"),
        "VOUCHSAFE_DATABASE_URL": f"sqlite:///{database}",
    }
    finished = subprocess.run(
        [sys.executable, "-P", "-m", "app.cli", "migrate"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert database.exists()


def test_locks_pin_versions_and_hashes_and_name_no_index() -> None:
    """Whoever installs gets these bytes or nothing, from wherever the installer is configured to look."""
    for lock in ("run", "dev", "build"):
        text = (ROOT / "requirements" / f"{lock}.txt").read_text()
        requirements = re.split(r"\n(?=[a-z0-9])", text.strip())
        assert all("==" in requirement and "--hash=sha256:" in requirement for requirement in requirements)
        assert "index-url" not in text
        assert "://" not in text


def test_every_declared_dependency_is_locked() -> None:
    """pyproject.toml and requirements/run.txt name the same things."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[\[<>=; ]", text)[0].lower() for text in project["dependencies"]}
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements/run.txt").read_text(), re.MULTILINE))
    assert declared - locked == set()


def test_notice_names_every_package_that_is_installed_at_run_time() -> None:
    """Third-party licences are listed at the versions of the lock."""
    notice = (ROOT / "NOTICE").read_text()
    lock = (ROOT / "requirements/run.txt").read_text()
    for name, version in re.findall(r"^([a-z0-9._-]+)==(\S+) ", lock, re.MULTILINE):
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        assert re.search(rf"^  {re.escape(name)} +{re.escape(version)} ", notice, re.MULTILINE), name


def test_compose_migrates_before_it_serves() -> None:
    """Database healthy, then migration, then application; the settings are real ones."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert services["vouchsafe"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert services["vouchsafe"]["command"][0] == "serve"
    assert "always" in services["valkey"]["command"]
    documented = (ROOT / "docs/reference/configuration.md").read_text()
    for name in services["vouchsafe"]["environment"]:
        assert f"`{name}`" in documented


def test_the_bill_of_materials_is_that_of_the_lock() -> None:
    """`python -m tools.sbom` after every change of requirements/run.txt."""
    assert sbom.FILE.read_text(encoding="utf-8") == sbom.text()


def test_a_setting_of_compose_is_a_setting() -> None:
    """What the containers are given stops no start; the password of the database is compose's own."""
    text = (ROOT / "compose.yaml").read_text()
    named = set(re.findall(r"VOUCHSAFE_[A-Z_]+", text))
    assert named <= {setting.variable for setting in SETTINGS}
    for service in yaml.safe_load(text)["services"].values():
        if service.get("image", "").startswith("vouchsafe"):
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
