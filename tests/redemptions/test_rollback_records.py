"""What Redis keeps so that a redemption can be taken back without SQL, and when it is not to be trusted."""

import httpx
import redis

from app.redeemables.redemption_state import REDEMPTION_TTL_SECONDS
from tests.support.server import Project, RunningServer
from tests.support.shop import CART, created, percent_off, public_code, redeem, single_voucher, stack


def kept(server: RunningServer, project: Project, redemption_id: str) -> dict[str, int]:
    """Keys that name the redemption, without tag and namespace, and the seconds that each has left."""
    status = server.status()
    assert status is not None
    prefix = f"{{{project.project_id}.0}}:"
    with redis.Redis.from_url(status["redis_url"], decode_responses=True) as client:
        found = client.scan_iter(match=f"{prefix}*{redemption_id}*", count=1000)
        return {key.removeprefix(prefix).partition(":")[2]: client.ttl(key) for key in found}


def roll_back(api: httpx.Client, redemption_id: str) -> httpx.Response:
    return api.post(f"/v1/redemptions/{redemption_id}/rollbacks")


def test_a_redemption_is_one_key_until_something_comes_back(
    api: httpx.Client, server: RunningServer, project: Project
) -> None:
    """The replay record of its request is its own, for an hour; what came back has a record for as long."""
    code, _ = public_code(api, percent_off(10))
    redemption_id = redeem(api, code)["redemptions"][0]["id"]
    (found,) = kept(server, project, redemption_id).items()
    assert found[0] == f"i:{redemption_id}"
    assert REDEMPTION_TTL_SECONDS - 60 < found[1] <= REDEMPTION_TTL_SECONDS
    created(roll_back(api, redemption_id))
    left = kept(server, project, redemption_id)
    assert left[f"rd:{redemption_id}"] >= left[f"i:{redemption_id}"]


def test_a_stack_is_one_key(api: httpx.Client, server: RunningServer, project: Project) -> None:
    """Under its parent, by whom it is taken back; of a part the ledger knows to whom it belongs."""
    codes = [single_voucher(api, percent_off(5))["code"] for _ in range(2)]
    taken = created(api.post("/v1/redemptions", json=stack(*codes, order=CART)))
    parent_id = taken["parent_redemption"]["id"]
    assert list(kept(server, project, parent_id)) == [f"i:{parent_id}"]
    for part in taken["redemptions"]:
        assert kept(server, project, part["id"]) == {}
        refused = roll_back(api, part["id"])
        assert (refused.status_code, refused.json()["key"]) == (400, "invalid_redemption_parent")
    assert len(created(roll_back(api, parent_id))["rollbacks"]) == 2
    server.assert_ledger_agrees(project)


def test_what_came_back_before_a_rebuild_does_not_come_back_again(
    api: httpx.Client, server: RunningServer, project: Project
) -> None:
    """A rebuild knows which request made which event, and not what came back of a redemption: SQL does."""
    code, _ = public_code(api, percent_off(10))
    returned, standing = (redeem(api, code)["redemptions"][0]["id"] for _ in range(2))
    created(roll_back(api, returned))
    api.get("/v1/redemptions")
    server.command("ledger", "rebuild", "--project", project.name)
    status = server.status()
    assert status is not None
    with redis.Redis.from_url(status["redis_url"]) as client:
        # What the minutes do: requests are no longer known, redemptions are.
        for key in client.scan_iter(match=f"{{{project.project_id}.0}}:*:i:rr:*", count=1000):
            client.delete(key)
    assert f"i:{returned}" in kept(server, project, returned)
    for _ in range(3):
        refused = roll_back(api, returned)
        assert (refused.status_code, refused.json()["key"]) == (400, "already_rolled_back")
    created(roll_back(api, standing))
    assert roll_back(api, standing).json()["key"] == "already_rolled_back"
    used = created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"]
    assert used == 0
    server.assert_ledger_agrees(project)


def test_the_id_of_another_request_is_no_redemption(api: httpx.Client) -> None:
    """A rollback's own request, or an order's, has a replay record as well."""
    code, _ = public_code(api, percent_off(10))
    redemption_id = redeem(api, code)["redemptions"][0]["id"]
    created(roll_back(api, redemption_id))
    for other in (f"rr:{redemption_id}:0", "r_unknown"):
        refused = roll_back(api, other)
        assert (refused.status_code, refused.json()["key"]) == (404, "not_found")
