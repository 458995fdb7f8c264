"""One Struct of settings: what is written from it, what is shown of it, and what a check finds wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import SETTINGS, load_settings, redacted
from tests.support.server import ROOT, RunningServer
from tests.support.valkey import Valkey
from tools.configuration_page import written


def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: text for name, text in os.environ.items() if not name.startswith("VOUCHSAFE_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "config", *arguments],
        cwd=ROOT, env={**clean, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def checked(*arguments: str, **variables: str) -> tuple[int, dict[str, dict[str, str]]]:
    finished = run("check", "--json", *arguments, **variables)
    assert finished.stdout, finished.stderr
    return finished.returncode, {row["name"]: row for row in json.loads(finished.stdout)}


def test_what_is_written_from_the_settings_is_up_to_date() -> None:
    """`.env.example`, the JSON Schema and the docs' page: `python -m tools.configuration_page`."""
    for file, text in written().items():
        assert file.read_text(encoding="utf-8") == text, file.name


def test_the_example_sets_nothing_but_defaults() -> None:
    """Every line of .env.example, uncommented, is a setting, and together they change nothing."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = [line.removeprefix("# ").split("=", 1) for line in lines if line.startswith("# VOUCHSAFE_")]
    variables = {name: text for name, text in pairs if "_FILE" not in name}
    assert set(variables) == {setting.variable for setting in SETTINGS}
    assert load_settings(variables) == load_settings({})


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.kind == "number"], ids=lambda s: s.member)
def test_the_default_of_every_number_lies_within_its_bounds(setting) -> None:
    """A bound that refuses the default would stop every start."""
    assert setting.low <= setting.default <= setting.high


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("redis://shop:pw@host:6379/0", "redis://***@host:6379/0"),
        ("postgresql://u:p@ss@db/x?password=q", "postgresql://***@db/x?***"),
        ("redis+sentinel://s1,s2/primary?sentinel_password=q", "redis+sentinel://s1,s2/primary?***"),
        ("not an address", "***"),
    ],
)
def test_secrets_are_not_shown(url: str, seen: str) -> None:
    """Whatever way an address carries its password."""
    setting = next(one for one in SETTINGS if one.member == "redis_url")
    assert redacted(setting, url) == seen


def test_show_says_where_a_value_comes_from(tmp_path: Path) -> None:
    """Environment, file or default."""
    secret = tmp_path / "url"
    secret.write_text("redis://:verysecret@host:6379")
    finished = run("show", "--json", VOUCHSAFE_PORT="9000", VOUCHSAFE_REDIS_URL_FILE=str(secret))
    rows = {row["variable"]: row for row in json.loads(finished.stdout)}
    assert rows["VOUCHSAFE_PORT"]["source"] == "environment"
    assert rows["VOUCHSAFE_REDIS_URL"]["source"] == f"file {secret}"
    assert rows["VOUCHSAFE_HOST"]["source"] == "default"
    assert "verysecret" not in finished.stdout


def test_a_check_beside_the_running_server_is_content(server: RunningServer) -> None:
    """The embedded pair, as it comes, has nothing wrong that matters outside production."""
    for _ in range(5):  # A machine that stands still for two seconds has clocks that differ.
        code, found = checked(VOUCHSAFE_DATA_DIR=str(server.data_dir))
        if code == 0:
            break
    assert code == 0
    assert {row["state"] for row in found.values()} == {"ok"}


def test_a_production_check_names_what_is_wrong(tmp_path: Path) -> None:
    """A server that evicts, keys that lie about, connections in the clear: each is a sentence."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "demo.json").write_text("{}")
    with Valkey(options=("--maxmemory-policy", "allkeys-lru", "--maxmemory", "32mb")) as evicting:
        code, found = checked(
            "--production",
            VOUCHSAFE_DATA_DIR=str(data_dir),
            VOUCHSAFE_REDIS_URL=evicting.url,
            VOUCHSAFE_HOST="0.0.0.0",
        )
    assert code == 1
    failed = {name for name, row in found.items() if row["state"] == "failed"}
    assert failed == {"eviction", "default-keys", "redis-memory", "backups"}
    assert "noeviction" in found["eviction"]["sentence"]
    assert found["proxies"]["state"] == found["metrics"]["state"] == "warning"
    assert found["worker-memory"]["state"] == "ok"


def test_connections_in_the_clear_are_refused_unless_accepted(tmp_path: Path) -> None:
    """On a network of one's own they may be accepted by name, and only they."""
    away = {
        "VOUCHSAFE_DATA_DIR": str(tmp_path),
        "VOUCHSAFE_REDIS_URL": "redis://192.0.2.1:1",
        "VOUCHSAFE_DATABASE_URL": "postgresql://x:y@127.0.0.1:1/z",
    }
    code, found = checked("--production", **away)
    assert code == 1
    assert found["tls-redis"]["state"] == found["redis"]["state"] == found["database"]["state"] == "failed"
    assert "y@" not in json.dumps(found)
    _, found = checked("--production", "--accept", "tls-redis", **away)
    assert found["tls-redis"]["state"] == "warning"
    assert found["redis"]["state"] == "failed"
