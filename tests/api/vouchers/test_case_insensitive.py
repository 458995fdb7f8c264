"""Codes of a project that ignores case (project setting `case_sensitive_codes` false)."""

from pathlib import Path

import httpx
import pytest

from app.api.adapter import Edge, application_of
from app.api.routes import ALL_ROUTES
from app.db import migrate
from app.db.database import Database
from app.projects import create_key, create_project
from app.settings import Settings
from app.wiring import running_engine
from tests.support.shop import CART, created, percent_off
from tests.support.valkey import Valkey


@pytest.fixture
async def insensitive(tmp_path: Path):
    """A client of a project that ignores case, on an engine in this process."""
    with Valkey() as valkey:
        settings = Settings(data_dir=tmp_path, redis_url=valkey.url)
        database = Database(settings.database)
        await migrate.upgrade(database)
        await database.close()
        async with running_engine(settings) as engine:
            project = await create_project(engine.core, engine.db, "shop", case_sensitive_codes=False)
            pair = await create_key(engine.db, "server", project_id=project.id)
            edge = Edge()
            edge.open(engine)
            transport = httpx.ASGITransport(app=application_of(edge, ALL_ROUTES))
            headers = {"X-App-Id": pair.id, "X-App-Token": pair.token}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://edge", headers=headers
            ) as client:
                yield client


async def test_a_code_is_found_however_it_is_written(insensitive):
    """Found and refused as a duplicate in any case, and answered as it was made."""
    made = created(await insensitive.post("/v1/vouchers/Summer-20", json={"discount": percent_off(20)}))
    assert made["code"] == "Summer-20"
    for code in ("SUMMER-20", "summer-20", "Summer-20"):
        assert created(await insensitive.get(f"/v1/vouchers/{code}"))["code"] == "Summer-20"
        again = await insensitive.post(f"/v1/vouchers/{code}", json={"discount": percent_off(20)})
        assert again.status_code == 409
        listed = created(await insensitive.get("/v1/vouchers", params={"code": code}))
        assert listed["total"] == 1
        body = {"redeemables": [{"object": "voucher", "id": code}], "order": CART}
        assert created(await insensitive.post("/v1/validations", json=body))["valid"] is True
