"""/v1/async-actions"""

import typing

from voucherify.models.async_action_get_response_body import AsyncActionGetResponseBody
from voucherify.models.async_actions_list_response_body import AsyncActionsListResponseBody

from app.api.async_actions.answers import ListedAsyncAction
from app.jobs.actions import STEPS, STORED_FIRST
from tests.api.campaigns.test_change import made
from tests.api.campaigns.test_codes import wait_for_action
from tests.support.shop import created


def add_codes(api, count):
    campaign = made(api)
    answer = api.post(f"/v1/campaigns/{campaign['id']}/vouchers", params={"vouchers_count": count})
    return wait_for_action(api, created(answer)["async_action_id"])


def test_an_action_tells_how_it_ended(api):
    """Type, progress, duration and result of work that is done, in a shape that official clients read."""
    action = add_codes(api, 3)
    assert (action["object"], action["status"], action["progress"]) == ("async_action", "DONE", 100)
    assert action["request_id"].startswith("v-")
    assert action["processing_time"] >= 0
    assert action["updated_at"] >= action["created_at"]
    assert AsyncActionGetResponseBody.from_dict(action).result["done_count"] == 3


def test_lists_are_newest_first_and_end_where_asked(api):
    """A list has a limit and an end, no pages and no total."""
    first, second, third = (add_codes(api, 2) for _ in range(3))
    listed = created(api.get("/v1/async-actions", params={"limit": 2}))
    assert [action["id"] for action in listed["async_actions"]] == [third["id"], second["id"]]
    assert (listed["object"], listed["data_ref"], listed["has_more"]) == ("list", "async_actions", True)
    assert AsyncActionsListResponseBody.from_dict(listed).has_more is True
    before = created(api.get("/v1/async-actions", params={"end_date": second["created_at"]}))
    ids = [action["id"] for action in before["async_actions"]]
    assert third["id"] not in ids
    assert first["id"] in ids


def test_400_when_the_end_is_no_date(api):
    """The contract's own example of a query that cannot be read."""
    answer = api.get("/v1/async-actions", params={"end_date": "soon"})
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_query_params")


def test_404_for_another_project(api, stranger):
    """P9."""
    action = add_codes(api, 2)
    answer = stranger.get(f"/v1/async-actions/{action['id']}")
    assert (answer.status_code, answer.json()["resource_type"]) == (404, "async_action")
    assert created(stranger.get("/v1/async-actions"))["async_actions"] == []


def test_the_document_names_every_type_of_action():
    """And no type that there is none of."""
    named = typing.get_args(typing.get_type_hints(ListedAsyncAction)["type"])
    assert set(named) == {*STEPS, *STORED_FIRST}
