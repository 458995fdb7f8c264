"""Texts that programs look for: whom to tell of a weakness, and what to read first."""

from pathlib import Path

import httpx
import pytest

from app.api.docs.controller import security
from app.api.routes import ALL_ROUTES
from app.engine import utc_now
from app.http.errors import ApiError
from app.settings import Settings
from tests.support.server import RunningServer


class Asked:
    """A request to a server of some settings."""

    def __init__(self, **settings: str) -> None:
        self.settings = Settings(data_dir=Path("none"), **settings)
        self.engine = self
        self.now = utc_now


async def test_security_txt_names_the_contact_of_the_operator() -> None:
    """RFC 9116 wants a contact and an end; without a contact there is no file."""
    contact = "mailto:security@shop.example"
    answer = await security(Asked(security_contact=contact, public_url="https://shop.example"))
    text = answer.body.decode()
    assert f"Contact: {contact}\n" in text
    assert "Expires: 2" in text
    assert "Canonical: https://shop.example/.well-known/security.txt" in text
    with pytest.raises(ApiError):
        await security(Asked())


def test_what_a_reading_program_is_told_exists(server: RunningServer) -> None:
    """Every path that /llms.txt names is served."""
    text = httpx.get(f"{server.base_url}/llms.txt").text
    named = {line.split("(")[1].split(")")[0] for line in text.splitlines() if line.startswith("- [")}
    paths = {route.path for route in ALL_ROUTES}
    assert named <= paths
    assert {"/v1/validations", "/v1/redemptions"} <= paths
    assert httpx.get(f"{server.base_url}/.well-known/security.txt").status_code == 404
