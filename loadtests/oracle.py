"""`make bench-oracle`: can a stranger tell by the clock whether a code exists?

Asks the client side of a server of its own for codes that are unknown, expired, and somebody else's, in
random order, and ranks the times: AUC 0.5 is guessing, 1 is knowing. With hidden code states it must stay
below 0.55; a control without hiding shows that the measure can tell.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from tests.support.server import Project, RunningServer
from tools.fuzz.hostile import encoded
from tools.fuzz.wire import Connection

ORIGIN = "https://shop.example"
AUC_MAX = 0.55
LANES = 8
CONTROL_PAIRS = 500
OPEN = {"VOUCHSAFE_CLIENT_RATE_LIMIT": "0", "VOUCHSAFE_GUESS_LIMIT": "0"}


def auc(first: list[float], second: list[float]) -> float:
    """How often a time of the one kind is above one of the other, ties half; never below 0.5."""
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    total, place = 0.0, 0
    while place < len(ranked):
        end = place
        while end < len(ranked) and ranked[end][0] == ranked[place][0]:
            end += 1
        middle = (place + end + 1) / 2
        total += middle * sum(kind for _, kind in ranked[place:end])
        place = end
    share = (total - len(second) * (len(second) + 1) / 2) / (len(first) * len(second))
    return max(share, 1 - share)


def prepare(server: RunningServer, project: Project) -> dict[str, str]:
    """A code of each kind, by kind."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    discount = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}}
    rules = {
        "1": {"name": "customer.metadata", "property": "vip", "conditions": {"$is": [True]}},
        "logic": "1",
    }
    with server.client(project) as api:

        def made(path: str, body: Any) -> Any:
            answer = api.post(path, json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

        made("/v1/vouchers/EXPIRED1", {**discount, "expiration_date": yesterday})
        held = made("/v1/vouchers/NOTYOURS", discount)
        rule = made("/v1/validation-rules", {"name": "mine", "rules": rules})
        target = {"related_object_type": "voucher", "related_object_id": held["id"]}
        made(f"/v1/validation-rules/{rule['id']}/assignments", target)
    return {"unknown": "UNKNOWN1", "expired": "EXPIRED1", "not yours": "NOTYOURS"}


async def measure(
    server: RunningServer, project: Project, codes: dict[str, str], pairs: int
) -> dict[str, list[float]]:
    """Seconds by kind."""
    headers = {
        "X-Client-Application-Id": project.client_id,
        "X-Client-Token": project.client_token,
        "Origin": ORIGIN,
        "Content-Type": "application/json",
    }
    order = [kind for kind in codes for _ in range(pairs)]
    random.Random(7).shuffle(order)
    times: dict[str, list[float]] = {kind: [] for kind in codes}
    waiting = iter(order)

    async def lane() -> None:
        connection = Connection("127.0.0.1", server.port)
        for kind in waiting:
            body = encoded(
                {
                    "redeemables": [{"object": "voucher", "id": codes[kind]}],
                    "customer": {"source_id": "ann"},
                    "order": {"amount": 1_000},
                }
            )
            started = time.perf_counter()
            reply = await connection.send("POST", "/client/v1/validations", headers, body)
            times[kind].append(time.perf_counter() - started)
            assert reply.status == 200, reply
        await connection.close()

    await asyncio.gather(*(lane() for _ in range(LANES)))
    return times


def run(server: RunningServer, *, hidden: bool, pairs: int) -> float:
    """Print the times; the worst AUC of any two kinds."""
    settings = {"client_trusted_domains": [ORIGIN], "hide_code_state": hidden}
    project = server.create_project(f"oracle-{hidden}", settings=settings)
    codes = prepare(server, project)
    asyncio.run(measure(server, project, codes, 50))  # everything is compiled and cached
    times = asyncio.run(measure(server, project, codes, pairs))
    print("state hidden" if hidden else "state told (control)")
    for kind, seconds in times.items():
        middle = sorted(seconds)[len(seconds) // 2]
        print(f"  {kind:10} {len(seconds):6} answers, median {middle * 1000:7.3f} ms")
    worst = 0.5
    for one, other in [*pairwise(times), ("unknown", "not yours")]:
        found = auc(times[one], times[other])
        worst = max(worst, found)
        print(f"  {one} or {other}: AUC {found:.3f}")
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-oracle", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vouchsafe-oracle-") as folder:
        server = RunningServer(data_dir=Path(folder) / "data", workers=1, environment=OPEN).start()
        try:
            httpx.get(server.base_url + "/livez").raise_for_status()
            run(server, hidden=False, pairs=CONTROL_PAIRS)
            worst = run(server, hidden=True, pairs=options.pairs)
        finally:
            server.stop()
    print(f"worst AUC {worst:.3f}, at most {AUC_MAX}")
    return int(worst > AUC_MAX)


if __name__ == "__main__":
    sys.exit(main())
