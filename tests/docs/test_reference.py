"""Reference pages name what there is: every setting and every command, no more."""

import re

from app.api.routes import ALL_ROUTES
from app.cli.main import COMMANDS
from app.settings import SETTINGS
from app.settings_pages import shown_default
from tests.support.server import ROOT
from tools import permissions_page
from tools.refusals import PAGE, page


def test_every_setting_is_documented_with_its_default() -> None:
    """docs/reference/configuration.md lists each variable once."""
    text = (ROOT / "docs/reference/configuration.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`)? ?\|", text, re.MULTILINE)
    assert dict(rows) == {setting.variable: shown_default(setting) for setting in SETTINGS}


def test_the_page_of_permissions_is_what_the_server_uses() -> None:
    """`python -m tools.permissions_page` after every change of a role, a scope or a resource."""
    assert permissions_page.PAGE.read_text(encoding="utf-8") == permissions_page.page()
    used = {route.permission.partition(".")[0] for route in ALL_ROUTES if route.permission}
    assert used <= set(permissions_page.RESOURCES), "name the new resource in tools/permissions_page.py"


def test_every_command_is_documented() -> None:
    """docs/reference/commands.md names each one."""
    text = (ROOT / "docs/reference/commands.md").read_text()
    assert [name for name in COMMANDS if f"`vouchsafe {name}" not in text] == []


def test_every_refusal_is_documented_as_it_is() -> None:
    """docs/reference/refusals.md is what `python -m tools.refusals` writes from the reasons."""
    assert PAGE.read_text(encoding="utf-8") == page()
