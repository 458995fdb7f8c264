"""The first webhooks of a project, made and removed at once on PostgreSQL: nothing that happens after their
answer goes untold.
"""

import asyncio
from typing import Any

import httpx

from tests.support.receiver import until
from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, redeem, single_voucher, unique

NOBODY = "http://127.0.0.1:9/"
"""A port on which nobody listens: what is owed stays owed."""
BODY = {"target_url": NOBODY, "events": ["redemption.succeeded"]}
ROUNDS = 3


def manager(server: RunningServer, project: Project) -> httpx.AsyncClient:
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    path = f"{server.base_url}/management/v1/projects/{project.project_id}/"
    return httpx.AsyncClient(base_url=path, headers=headers, timeout=30)


def owed(server: RunningServer, project: Project) -> list[int]:
    """By webhook, how many deliveries it has still to get."""

    async def listed() -> dict[str, Any]:
        async with manager(server, project) as client:
            return created(await client.get("webhooks"))

    rows = asyncio.run(listed())["data"]
    return [row.get("extensions", {}).get("backlog", 0) for row in rows]


def redeemed(server: RunningServer, project: Project) -> None:
    with server.client(project) as api:
        redeem(api, single_voucher(api, percent_off(5))["code"])


def test_first_webhooks_that_are_made_at_once_are_all_told(on_postgresql: RunningServer) -> None:
    """All are there, and each hears of a redemption that was made after the answers."""

    async def make(project: Project) -> list[int]:
        async with manager(on_postgresql, project) as client:
            answers = await asyncio.gather(*(client.post("webhooks", json=BODY) for _ in range(4)))
            return [answer.status_code for answer in answers]

    for _ in range(ROUNDS):
        project = on_postgresql.create_project(unique("first"))
        assert asyncio.run(make(project)) == [200] * 4
        redeemed(on_postgresql, project)
        until(lambda one=project: owed(on_postgresql, one) == [1] * 4, "all four are owed the redemption")


def test_a_webhook_that_comes_as_the_last_one_goes_is_told(on_postgresql: RunningServer) -> None:
    """A project is not taken for one without webhooks because of the order of two commits."""

    async def exchange(project: Project) -> list[int]:
        async with manager(on_postgresql, project) as client:
            last = created(await client.post("webhooks", json=BODY))
            answers = await asyncio.gather(
                client.delete(f"webhooks/{last['id']}"), client.post("webhooks", json=BODY)
            )
            return [answer.status_code for answer in answers]

    for _ in range(ROUNDS):
        project = on_postgresql.create_project(unique("last"))
        assert asyncio.run(exchange(project)) == [204, 200]
        redeemed(on_postgresql, project)
        until(lambda one=project: owed(on_postgresql, one) == [1], "it is owed the redemption")


def test_twenty_webhooks_are_the_most_also_at_once(on_postgresql: RunningServer) -> None:
    """Of twenty-three that come together three are refused, and nothing breaks."""
    project = on_postgresql.create_project(unique("many"))

    async def make() -> list[int]:
        async with manager(on_postgresql, project) as client:
            answers = await asyncio.gather(*(client.post("webhooks", json=BODY) for _ in range(23)))
            return sorted(answer.status_code for answer in answers)

    assert asyncio.run(make()) == [200] * 20 + [400] * 3
