"""Settings come from the environment alone, once, and a wrong one stops the start."""

import tomllib
from pathlib import Path

import pytest

from app.settings import VERSION, SettingsError, load_settings


def test_defaults_need_no_environment():
    """`vouchsafe serve` with nothing set serves from one data directory."""
    settings = load_settings({"PATH": "/bin"})
    assert settings.embedded_redis
    assert settings.embedded_database
    assert settings.database.startswith("sqlite:///")


def test_values_are_read_and_options_win():
    """An option of the command is nearer than the environment."""
    settings = load_settings({"VOUCHSAFE_PORT": "9000", "VOUCHSAFE_WORKERS": "3"}, port=9001, workers=None)
    assert (settings.port, settings.workers) == (9001, 3)


def test_a_secret_may_come_from_a_file(tmp_path: Path):
    """As containers hand them over."""
    secret = tmp_path / "redis"
    secret.write_text("redis://:secret@host/0\n")
    settings = load_settings({"VOUCHSAFE_REDIS_URL_FILE": str(secret)})
    assert settings.redis_url == "redis://:secret@host/0"


@pytest.mark.parametrize(
    ("environment", "hint"),
    [
        ({"VOUCHSAFE_REDIS_URI": "x"}, "Did you mean VOUCHSAFE_REDIS_URL?"),
        ({"VOUCHSAFE_ZZZZZZZZZZ": "x"}, "Known are"),
        ({"VOUCHSAFE_PORT": "http"}, "VOUCHSAFE_PORT must be a whole number"),
        ({"VOUCHSAFE_PORT": "70000"}, "VOUCHSAFE_PORT must be between"),
        ({"VOUCHSAFE_WORKERS": "0"}, "VOUCHSAFE_WORKERS must be between"),
        ({"VOUCHSAFE_DURABILITY": "best"}, "must be one of auto, journal, ledger, replica"),
        ({"VOUCHSAFE_IDEMPOTENCY_HOURS": "1"}, "between 24 and 72"),
        ({"VOUCHSAFE_REDIS_URL_FILE": "/nowhere/at/all"}, "cannot be read"),
    ],
)
def test_a_setting_that_cannot_be_stops_the_start(environment, hint):
    """With a sentence that helps."""
    with pytest.raises(SettingsError) as refused:
        load_settings(environment)
    assert hint in str(refused.value)


def test_a_setting_given_twice_is_refused(tmp_path: Path):
    """A value and a file for it would leave open which one holds."""
    file = tmp_path / "url"
    file.write_text("x")
    with pytest.raises(SettingsError):
        load_settings({"VOUCHSAFE_REDIS_URL": "y", "VOUCHSAFE_REDIS_URL_FILE": str(file)})


def test_the_version_is_that_of_the_package():
    """One number, told by --version, the document and the package's metadata."""
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
