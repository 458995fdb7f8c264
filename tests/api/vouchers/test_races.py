"""What two workers do at once to one code, one name, one category."""

import asyncio

import pytest

from tests.support.shop import percent_off, unique


@pytest.fixture
async def async_api(server, project):
    async with server.async_client(project) as client:
        yield client


async def statuses(requests):
    answers = await asyncio.gather(*requests)
    return sorted(answer.status_code for answer in answers)


async def test_one_code_is_made_once(async_api):
    """Of thirty requests for one code one succeeds; the others are told that it exists."""
    code = unique("RACE")
    body = {"discount": percent_off(1)}
    made = await statuses(async_api.post(f"/v1/vouchers/{code}", json=body) for _ in range(30))
    assert made == [200] + [409] * 29


async def test_one_name_is_given_once(async_api):
    """Of twenty campaigns of one name there is one."""
    body = {"name": unique("race"), "voucher": {"discount": percent_off(1)}}
    made = await statuses(async_api.post("/v1/campaigns", json=body) for _ in range(20))
    assert made == [200] + [409] * 19


async def test_a_new_category_is_made_once(async_api):
    """A category that many requests name for the first time is one category."""
    body = {"discount": percent_off(1), "category": unique("new")}
    answers = await asyncio.gather(*(async_api.post("/v1/vouchers", json=body) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["category_id"] for answer in answers}) == 1


async def test_one_code_deleted_at_once_is_deleted_once(async_api):
    """The second deletion finds nothing, also when it comes at the same time."""
    code = unique("GONE")
    await async_api.post(f"/v1/vouchers/{code}", json={"discount": percent_off(1)})
    assert await statuses(async_api.delete(f"/v1/vouchers/{code}") for _ in range(10)) == [204] + [404] * 9
