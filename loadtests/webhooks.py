"""`make bench-webhooks`: how long after the answer of a redemption a receiver is told of it; alone, beside
receivers that hang, and beside receivers that are away.

Hanging receivers answer after twenty seconds, which is twice what they are waited for.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles

import httpx

from tests.support.receiver import Receiver, running_receiver
from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, redeem, single_voucher, unique

HANG_SECONDS = 20.0
REST_SECONDS = 0.05
"""Between two redemptions, so that what is measured is the way of one event and not a queue."""


def lags(api: httpx.Client, receiver: Receiver, redemptions: int) -> list[float]:
    """Seconds from the answer of a redemption to the arrival of its event, one for each."""
    code = single_voucher(api, percent_off(10))["code"]
    before = len(receiver.received())
    answered = {}
    for _ in range(redemptions):
        (taken,) = redeem(api, code)["redemptions"]
        answered[taken["id"]] = time.time()
        time.sleep(REST_SECONDS)
    receiver.wait_for("redemption.succeeded", before + redemptions)
    arrived = zip(receiver.events()[before:], receiver.received()[before:], strict=True)
    return [
        max(0.0, request["at"] - answered[event["data"]["redemption"]["id"]]) for event, request in arrived
    ]


@contextmanager
def subscribed(server: RunningServer, project: Project, receivers: list[Receiver]) -> Iterator[None]:
    """A webhook of the project for each of them."""
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    path = f"{server.base_url}/management/v1/projects/{project.project_id}/webhooks"
    with httpx.Client(headers=headers, timeout=30) as management:
        for receiver in receivers:
            body = {"target_url": receiver.url, "events": ["redemption.succeeded"]}
            created(management.post(path, json=body))
        yield


def measure(
    server: RunningServer, folder: Path, redemptions: int, *, hanging: int = 0, away: int = 0
) -> list[float]:
    """Lags of a receiver that answers at once, in a project of its own with that many others."""
    project = server.create_project(unique("told"))
    with ExitStack() as stack:
        others = [
            stack.enter_context(running_receiver(folder / f"other-{number}"))
            for number in range(hanging + away)
        ]
        receiver = stack.enter_context(running_receiver(folder / "receiver"))
        api = stack.enter_context(server.client(project))
        for other in others[:hanging]:
            other.behave(seconds=HANG_SECONDS)
        stack.enter_context(subscribed(server, project, [*others, receiver]))
        for other in others[hanging:]:
            other.stop()
        time.sleep(2.5)  # The first webhook of an installation is looked for every two seconds.
        return lags(api, receiver, redemptions)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench-webhooks", description=__doc__)
    parser.add_argument("--redemptions", type=int, default=200, help="in each row")
    parser.add_argument("--others", type=int, default=10, help="receivers that hang, or are away")
    given = parser.parse_args()
    rows = {
        "alone": {},
        "beside one that hangs": {"hanging": 1},
        f"beside {given.others} that hang": {"hanging": given.others},
        f"beside {given.others} that are away": {"away": given.others},
    }
    with tempfile.TemporaryDirectory(prefix="vs-told-") as folder:
        server = RunningServer(
            data_dir=Path(folder) / "data",
            workers=2,
            environment={"VOUCHSAFE_WEBHOOK_NETWORKS": "127.0.0.1/32"},
        )
        try:
            server.start()
            print("| a receiver that answers | median | p99 | most |\n|---|---|---|---|")
            for number, (name, others) in enumerate(rows.items()):
                seconds = measure(server, Path(folder) / str(number), given.redemptions, **others)
                cuts = quantiles(seconds, n=100, method="inclusive")
                print(f"| {name} | {cuts[49]:.2f} s | {cuts[98]:.2f} s | {max(seconds):.2f} s |", flush=True)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
