"""Sessions against redemptions, releases and each other; and what is held when processes die (D8)."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.durability.load import kill, status, wait_until
from tests.races.clients import Answer, Crowd, Deed
from tests.support.server import Project, RunningServer
from tests.support.shop import created, gift_card, percent_off, single_voucher, stack, unique, validate

ROUNDS = range(12)


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with Crowd(2) as crowd:
        yield crowd


def lock(key: str, **more: object) -> dict[str, object]:
    return {"type": "LOCK", "key": key, **more}


def validation(code: str, key: str) -> Deed:
    return Deed("lock", "POST", "/v1/validations", stack(code, session=lock(key)))


def redemption(code: str, key: str | None = None) -> Deed:
    more = {"session": lock(key)} if key else {}
    return Deed("redeem", "POST", "/v1/redemptions", stack(code, **more))


def succeeded(answers: list[Answer], name: str) -> int:
    return sum(
        answer.status == 200 and (name != "lock" or answer.body["valid"])
        for answer in answers
        if answer.name == name
    )


def test_the_last_unit_goes_to_one_session(server: RunningServer, project: Project, crowd: Crowd) -> None:
    """Twenty sessions ask for one unit at once: one is given it, and only that one can redeem."""
    with server.client(project) as api:
        for seed in ROUNDS[:4]:
            code = single_voucher(api, percent_off(10), quantity=1)["code"]
            asks = [[validation(code, f"s{number}")] for number in range(20)]
            assert succeeded(crowd.fire(server.base_url, project.headers, asks, seed), "lock") == 1
            takes = [[redemption(code, f"s{number}")] for number in range(20)]
            assert succeeded(crowd.fire(server.base_url, project.headers, takes, seed), "redeem") == 1
    server.assert_ledger_agrees(project)


def test_one_session_key_holds_one_unit_however_often_it_is_sent(
    server: RunningServer, project: Project, crowd: Crowd
) -> None:
    """The same lock sent twenty times at once overwrites itself; what it held is free after one release."""
    with server.client(project) as api:
        code = single_voucher(api, percent_off(10), quantity=2)["code"]
        asks = [[validation(code, "same")] for _ in range(20)]
        crowd.fire(server.base_url, project.headers, asks, 1)
        assert validate(api, code, session=lock("other"))["valid"] is True
        assert api.delete(f"/v1/vouchers/{code}/sessions/same").status_code == 204
        assert api.delete(f"/v1/vouchers/{code}/sessions/other").status_code == 204
        takes = [[redemption(code)] for _ in range(5)]
        assert succeeded(crowd.fire(server.base_url, project.headers, takes, 2), "redeem") == 2
    server.assert_ledger_agrees(project)


def test_release_against_redeem(server: RunningServer, project: Project, crowd: Crowd) -> None:
    """A session is redeemed and released at once while others want its unit: one redemption, nothing held."""
    with server.client(project) as api:
        for seed in ROUNDS:
            code = single_voucher(api, percent_off(10), quantity=1)["code"]
            assert validate(api, code, session=lock("held"))["valid"] is True
            deeds = [
                [redemption(code, "held")],
                [Deed("release", "DELETE", f"/v1/vouchers/{code}/sessions/held")],
                [redemption(code), redemption(code)],
            ]
            answers = crowd.fire(server.base_url, project.headers, deeds, seed)
            assert succeeded(answers, "redeem") <= 1
            api.delete(f"/v1/vouchers/{code}/sessions/held")
            if not succeeded(answers, "redeem"):
                assert validate(api, code)["valid"] is True
            else:
                assert created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"] == 1
    server.assert_ledger_agrees(project)


def test_a_gift_card_is_spent_once_beside_a_lock(
    server: RunningServer, project: Project, crowd: Crowd
) -> None:
    """700 of 1 000 are locked, and twenty at once want 300 each: one gets it, the session its 700."""
    with server.client(project) as api:
        code = gift_card(api, 1_000)["code"]

        def body(amount: int, key: str | None = None) -> dict[str, object]:
            more = {"session": lock(key)} if key else {}
            redeemable = {"object": "voucher", "id": code, "gift": {"credits": amount}}
            return {"redeemables": [redeemable], "order": {"amount": 5_000}, **more}

        assert created(api.post("/v1/validations", json=body(700, "mine")))["valid"] is True
        spends = [[Deed("redeem", "POST", "/v1/redemptions", body(300))] for _ in range(20)]
        spends.append([Deed("redeem", "POST", "/v1/redemptions", body(700, "mine"))])
        assert succeeded(crowd.fire(server.base_url, project.headers, spends, 3), "redeem") == 2
        assert created(api.get(f"/v1/vouchers/{code}"))["gift"]["balance"] == 0
    server.assert_ledger_agrees(project)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server of the test's own: its background process is killed."""
    running = RunningServer(data_dir=tmp_path / "data")
    running.start()
    yield running
    running.stop()


def locked_rows(server: RunningServer) -> int:
    """What is locked, as the sweeper reads it."""
    with closing(sqlite3.connect(server.data_dir / "vouchsafe.db")) as database:
        (count,) = database.execute("SELECT count(*) FROM session_locks").fetchone()
    return int(count)


def test_holds_that_fall_due_while_the_background_process_dies(own_server: RunningServer) -> None:
    """kill -9 while holds are due: whoever needs a unit releases it himself, the next background process the
    rest; none is lost and none released twice.
    """
    project = own_server.create_project(unique("due"))
    with own_server.client(project) as api:
        codes = [single_voucher(api, percent_off(10), quantity=1)["code"] for _ in range(8)]
        for code in codes:
            validate(api, code, session=lock(unique("s"), ttl=200, ttl_unit="MILLISECONDS"))
        api.get("/v1/redemptions")  # behind the barrier: the locks are projected
        killed = status(own_server)["background"]
        kill(killed)
        wait_until(lambda: bool(validate(api, codes[0])["valid"]), lambda: "the hold stands in the way")
        wait_until(
            lambda: status(own_server)["background"] not in (None, killed),
            lambda: "no new background process",
        )
        kill(status(own_server)["background"])
        wait_until(lambda: locked_rows(own_server) == 0, lambda: "overdue holds stay")
        assert all(validate(api, code)["valid"] for code in codes)
    own_server.assert_ledger_agrees(project)
