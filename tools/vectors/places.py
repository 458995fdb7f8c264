"""Projects for cases, made beside the API with their settings, stacking rules and categories."""

import asyncio
import os
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.core.core import RedemptionCore
from app.db.database import Database
from app.db.models import Category, Project
from app.identifiers import new_id, next_version
from app.projects import create_key, create_project
from rules.facts import StackingRules
from tests.rules.peers import project_of
from tests.support.server import RunningServer
from tools.vectors.shop import Place, Vector


def settings_of(vector: Vector) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """(extensions, stacking rules, whether categories order the redeemables) of the case's project.

    Raises: Unmapped.
    """
    extensions, stacking = project_of(vector)
    ordered = stacking["redeemables_sorting_rule"] == "CATEGORY_HIERARCHY" or any(
        promotion.get("exclusive") for promotion in vector["promotions"]
    )
    return extensions, stacking, ordered


async def _open_places(redis_url: str, database_url: str, vectors: Sequence[Vector]) -> list[Place]:
    core, db = RedemptionCore(redis_url), Database(database_url)
    await core.start()
    try:
        return [await _open_place(core, db, vector) for vector in vectors]
    finally:
        await core.close()
        await db.close()


async def _open_place(core: RedemptionCore, db: Database, vector: Vector) -> Place:
    """A project with the stacking rules and categories of a case."""
    try:
        extensions, stacking, ordered = settings_of(vector)
    except (AttributeError, KeyError, TypeError, ValueError):
        # Running the case says what is wrong with it.
        extensions, stacking, ordered = {}, {}, False
    name = f"vectors-{uuid.uuid4().hex[:12]}"
    project = await create_project(core, db, name, settings={"extensions": extensions})
    categories: dict[int, str] = {}
    async with db.writing() as session:
        for index, promotion in enumerate(vector["promotions"] if ordered else ()):
            row = Category(
                project_id=project.id,
                id=new_id("cat_"),
                name=f"category {index}",
                hierarchy=-(promotion.get("priority") or 0),
                version=next_version(),
                created_at=project.created_at,
                updated_at=None,
            )
            session.add(row)
            categories[index] = row.id
            if promotion.get("exclusive"):
                stacking["exclusive_categories"] = [*stacking.get("exclusive_categories", ()), row.id]
        stored = await session.get(Project, project.id)
        assert stored is not None
        stored.stacking_rules = stacking
    key = await create_key(db, "server", project_id=project.id)
    return Place({"X-App-Id": key.id, "X-App-Token": key.token}, categories)


def open_places(server: RunningServer, vectors: Sequence[Vector]) -> list[Place]:
    """One project per case on a server that runs here."""
    status = server.status()
    assert status is not None, "the server must run"
    default = f"sqlite:///{server.data_dir / 'vouchsafe.db'}"
    database_url = server.variables().get("VOUCHSAFE_DATABASE_URL", default)
    # A loop in a thread of its own: the caller may be inside one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _open_places(status["redis_url"], database_url, vectors)).result()


def shared_place() -> Place:
    """The project of the key in the environment, for one case. Raises: KeyError without a key."""
    headers = {"X-App-Id": os.environ["VOUCHSAFE_APP_ID"], "X-App-Token": os.environ["VOUCHSAFE_APP_TOKEN"]}
    return Place(headers, {}, f"{uuid.uuid4().hex[:8]}-")


def fits_any_project(vector: Vector) -> bool:
    """Whether the case asks nothing of its project but the shares of order-level discounts. The length of a
    stack counts as applied everywhere up to the default of the stacking rules.
    """
    try:
        extensions, stacking, ordered = settings_of(vector)
    except (AttributeError, KeyError, TypeError, ValueError):
        return True
    plain = stacking["discount_calculation_mode"] == "DISCOUNTED_AMOUNT" and not ordered
    short = len(vector["promotions"]) <= StackingRules().applicable_redeemables_limit
    return plain and short and extensions.keys() <= {"share_order_discounts"}
