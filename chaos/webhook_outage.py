"""`python -m chaos.webhook_outage`: the background process and a receiver of webhooks are killed again and
again while a shop goes on; then all that happened is held against all that was told.

Every event must have arrived at least once, those of one object in the order in which they happened, and as
many redemptions and rollbacks as the ledger has.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import httpx
from msgspec import Struct
from sqlalchemy import func, select

from app.db.database import Database
from app.db.models import Redemption
from app.webhooks.signature import signature
from tests.support.postgres import Postgres
from tests.support.receiver import Receiver, running_receiver, until
from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, single_voucher, stack, unique

BUYERS: Final = 4
KINDS: Final = (
    "redemption.succeeded",
    "redemption.rollback.succeeded",
    "voucher.disabled",
    "voucher.enabled",
    "customer.updated",
)
LADDER: Final = "1,2,4,8,16,32,64,128,256,512,1024,2048"
"""The contract's schedule with seconds for minutes: a receiver may be away for half an hour."""
SETTLE_SECONDS_MAX: Final = 600.0
LONG_ABSENCE: Final = 10
"""Every that many strikes the receiver stays away for three of them."""

Done = tuple[str, Any]
"""A kind of event, and what tells it from the next one of its object."""


class Figures(Struct):
    """What a run came to. away: seconds without a receiver; settled: seconds from the last request until
    nothing was owed any more. faults: what must not be.
    """

    seconds: float
    kills_of_background: int
    kills_of_receiver: int
    away: float
    happened: int
    told: int
    repeated: int
    ledgered: int
    settled: float
    faults: list[str]

    def __str__(self) -> str:
        return (
            f"{self.seconds:.0f} s, the background process killed {self.kills_of_background} times,"
            f" the receiver {self.kills_of_receiver} times and away for {self.away:.0f} s:"
            f" {self.happened} events happened, {self.told} were told, {self.repeated} more than once;"
            f" {self.ledgered} redemptions and rollbacks in the ledger;"
            f" nothing was owed {self.settled:.1f} s after the last request; {len(self.faults)} faults"
        )


class Buyer(threading.Thread):
    """Redeems a code of its own, takes some back, switches it off and on, and changes its customer."""

    def __init__(self, server: RunningServer, project: Project, pause: float) -> None:
        super().__init__(daemon=True)
        self.done: dict[str, list[Done]] = defaultdict(list)
        self.fault: BaseException | None = None
        self._api = server.client(project)
        self._pause = pause
        self._ending = threading.Event()
        voucher = single_voucher(self._api, percent_off(10))
        self._code, self._voucher_id = voucher["code"], voucher["id"]
        self._source_id = unique("buyer")
        customer = created(self._api.post("/v1/customers", json={"source_id": self._source_id}))
        self._customer_id = customer["id"]

    def run(self) -> None:
        try:
            number = 0
            while not self._ending.is_set():
                self._shop(number)
                number += 1
                self._ending.wait(self._pause)
        except BaseException as error:
            self.fault = error
        finally:
            self._api.close()

    def finish(self) -> None:
        self._ending.set()
        self.join()
        if self.fault is not None:
            raise self.fault

    def _shop(self, number: int) -> None:
        (taken,) = self._ask("POST", "/v1/redemptions", stack(self._code))["redemptions"]
        self.done[taken["id"]].append(("redemption.succeeded", None))
        if number % 3 == 0:
            self._ask("POST", f"/v1/redemptions/{taken['id']}/rollback", {})
            self.done[taken["id"]].append(("redemption.rollback.succeeded", None))
        if number % 4 == 1:
            for verb in ("disable", "enable"):
                self._ask("POST", f"/v1/vouchers/{self._code}/{verb}", {})
                self.done[self._voucher_id].append((f"voucher.{verb}d", None))
        if number % 4 == 3:
            self._ask("PUT", f"/v1/customers/{self._source_id}", {"metadata": {"number": number}})
            self.done[self._customer_id].append(("customer.updated", number))

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Sent again under its key while the answer is that it should be."""
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        while True:
            answer = self._api.request(method, path, json=body, headers=headers)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return created(answer)
            time.sleep(0.2)


class Outage:
    """One run on a server that is there. The project has no other webhook, and nobody else uses it."""

    def __init__(self, server: RunningServer, project: Project, receiver: Receiver) -> None:
        self._server, self._project, self._receiver = server, project, receiver
        self._management = httpx.Client(
            base_url=f"{server.base_url}/management/v1/projects/{project.project_id}/",
            headers={
                "X-Management-Id": project.management_id,
                "X-Management-Token": project.management_token,
            },
            timeout=30,
        )
        self._down_since = 0.0
        self._away = 0.0
        self._kills = {"background": 0, "receiver": 0}

    def run(self, seconds: float, strikes: int, seed: str, pause: float, least: int = 0) -> Figures:
        """strikes: evenly over the time, at the receiver, the background process and both in turn. least:
        events that must have happened before it ends, however slow the machine.

        Raises: AssertionError when a process does not come back or what is owed is not delivered in time.
        """
        with self._management:
            body = {"target_url": self._receiver.url, "events": list(KINDS)}
            webhook = created(self._management.post("webhooks", json=body))
            buyers = [Buyer(self._server, self._project, pause) for _ in range(BUYERS)]
            began = time.monotonic()
            for buyer in buyers:
                buyer.start()
            try:
                self._strike(began, seconds, strikes, random.Random(seed))
                until(lambda: _count_of(buyers) >= least, "enough has happened", SETTLE_SECONDS_MAX)
            finally:
                for buyer in buyers:
                    buyer.finish()
                self._receiver_comes()
            ended = time.monotonic()
            done = {key: value for buyer in buyers for key, value in buyer.done.items()}
            self._settle(webhook["id"], done)
            return self._judge(webhook, done, ended - began, time.monotonic() - ended)

    def _strike(self, began: float, seconds: float, strikes: int, randomness: random.Random) -> None:
        interval = seconds / (strikes + 1)
        comes_at = 0.0
        for number in range(strikes):
            at = began + (number + 1) * interval
            self._sleep_until(at, comes_at)
            if number % 3 != 1 and not self._down_since:
                self._receiver.kill()
                self._kills["receiver"] += 1
                self._down_since = time.monotonic()
                away = randomness.uniform(0.2, 0.8) * interval
                comes_at = at + away  # By the plan: a strike that comes late must not change what is struck.
                if number % LONG_ABSENCE == LONG_ABSENCE - 1:
                    comes_at += 3 * interval
            if number % 3 != 0:
                kill_background(self._server)
                self._kills["background"] += 1
        self._sleep_until(began + seconds, comes_at)

    def _sleep_until(self, at: float, comes_at: float) -> None:
        """The receiver may come back meanwhile."""
        if self._down_since and comes_at < at:
            time.sleep(max(0.0, comes_at - time.monotonic()))
            self._receiver_comes()
        time.sleep(max(0.0, at - time.monotonic()))

    def _receiver_comes(self) -> None:
        if self._down_since:
            self._receiver.start()
            self._away += time.monotonic() - self._down_since
            self._down_since = 0.0

    def _settle(self, webhook_id: str, done: dict[str, list[Done]]) -> None:
        redemptions = sum(kind.startswith("redemption") for events in done.values() for kind, _ in events)
        until(lambda: self._ledgered() >= redemptions, "all is in the ledger", SETTLE_SECONDS_MAX)

        def owed() -> int | None:
            shown = created(self._management.get(f"webhooks/{webhook_id}"))
            assert shown["active"], shown
            backlog: int | None = shown.get("extensions", {}).get("backlog")
            return backlog

        until(lambda: owed() is None, "nothing is owed", SETTLE_SECONDS_MAX)

    def _ledgered(self) -> int:
        """Redemptions and rollbacks that the ledger has of the project."""
        own = f"sqlite:///{self._server.data_dir / 'vouchsafe.db'}"
        url = self._server.variables().get("VOUCHSAFE_DATABASE_URL", own)
        return asyncio.run(_count(url, self._project.project_id))

    def _judge(
        self, webhook: dict[str, Any], done: dict[str, list[Done]], seconds: float, settled: float
    ) -> Figures:
        faults, times = [], defaultdict[str, int](int)
        told: dict[str, list[Done]] = defaultdict(list)
        secret = webhook["extensions"]["secret"]
        for one in self._receiver.received():
            event = json.loads(one["body"])
            if one["headers"]["x-voucherify-signature"] != signature(secret, one["body"].encode()):
                faults.append(f"{event['id']} is not signed")
            event_id = event["event"]["id"]
            times[event_id] += 1
            if times[event_id] == 1:
                object_id, what = _happened(event)
                told[object_id].append(what)
        for object_id in done.keys() | told.keys():
            if done.get(object_id) != told.get(object_id):
                faults.append(f"{object_id}: {done.get(object_id)} happened, {told.get(object_id)} was told")
        ledgered = self._ledgered()
        redemptions = sum(kind.startswith("redemption") for events in told.values() for kind, _ in events)
        if redemptions != ledgered:
            faults.append(f"{redemptions} redemptions and rollbacks were told, {ledgered} are in the ledger")
        return Figures(
            seconds=seconds,
            kills_of_background=self._kills["background"],
            kills_of_receiver=self._kills["receiver"],
            away=self._away,
            happened=sum(map(len, done.values())),
            told=len(times),
            repeated=sum(count > 1 for count in times.values()),
            ledgered=ledgered,
            settled=settled,
            faults=faults,
        )


async def _count(database_url: str, project_id: str) -> int:
    database = Database(database_url)
    try:
        async with database.reading() as session:
            statement = select(func.count()).where(
                Redemption.project_id == project_id, Redemption.result == "SUCCESS"
            )
            return int(await session.scalar(statement) or 0)
    finally:
        await database.close()


def _count_of(buyers: list[Buyer]) -> int:
    """Events that happened so far. A buyer that failed is told of at the end."""
    if any(buyer.fault is not None for buyer in buyers):
        return sys.maxsize
    return sum(len(events) for buyer in buyers for events in list(buyer.done.values()))


def _happened(event: dict[str, Any]) -> tuple[str, Done]:
    kind, data = event["type"], event["data"]
    if kind.startswith("redemption"):
        return data["redemption"]["id"], (kind, None)
    marker = data["customer"]["metadata"]["number"] if kind == "customer.updated" else None
    return event["event"]["entity_id"], (kind, marker)


def kill_background(server: RunningServer) -> None:
    """kill -9, and wait until the next one is there."""
    status = server.status()
    assert status is not None
    os.kill(status["background"], signal.SIGKILL)
    until(lambda: (server.status() or status)["background"] != status["background"], "a new background")


def main() -> int:
    parser = argparse.ArgumentParser(prog="webhook_outage", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--strikes", type=int, help="one for every ten seconds unless given")
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--pause", type=float, default=0.2, help="of each of the buyers, in seconds")
    parser.add_argument("--postgresql", action="store_true", help="the ledger is there, not in SQLite")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    strikes = given.strikes if given.strikes is not None else max(3, round(given.seconds / 10))
    environment = {"VOUCHSAFE_WEBHOOK_NETWORKS": "127.0.0.1/32", "VOUCHSAFE_WEBHOOK_RETRY_SECONDS": LADDER}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vs-outage-")))
        if given.postgresql:
            postgres = Postgres()
            stack.callback(postgres.stop)
            environment["VOUCHSAFE_DATABASE_URL"] = postgres.create_database()
        server = RunningServer(data_dir=folder / "data", workers=2, environment=environment)
        stack.callback(server.stop)
        server.start()
        receiver = stack.enter_context(running_receiver(folder / "receiver"))
        outage = Outage(server, server.create_project(unique("outage")), receiver)
        figures = outage.run(given.seconds, strikes, given.seed, given.pause)
    print(figures)
    for fault in figures.faults[:20]:
        print(f"  {fault[:500]}")
    return 1 if figures.faults else 0


if __name__ == "__main__":
    sys.exit(main())
