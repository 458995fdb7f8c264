"""`make fuzz`: sends requests to every operation of a server of its own and prints what was answered.

Ends with 1 when an answer was a fault (5xx), had a status that the document does not name for its operation,
or came not at all; and when an operation got fewer than its share of requests or too few answers were good.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import msgspec

from tests.support.server import Project, RunningServer
from tools.fuzz.operations import Operation, Requests, Sent, operations_of
from tools.fuzz.pool import Pool
from tools.fuzz.wire import Connection, Reply

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "https://shop.example"
SETTINGS = {
    "client_trusted_domains": [ORIGIN],
    "client_redeem_enabled": True,
    "client_publish_enabled": True,
    "client_list_vouchers_enabled": True,
    "client_create_customer_enabled": True,
}
ENVIRONMENT = {"VOUCHSAFE_CLIENT_RATE_LIMIT": "0", "VOUCHSAFE_GUESS_LIMIT": "0"}
CONNECTIONS = 12
GOOD_SHARE_MIN = 0.2
SHOWN_MAX = 40
PATIENCE = 120
"""Times that a request is sent, a second apart, when the machine is too busy to keep up with what was
acknowledged."""


class Fuzz:
    """One run: what was sent, what came back, and what should not have."""

    def __init__(self, server: RunningServer, project: Project, document: dict[str, Any], seed: int) -> None:
        self.server = server
        self.chance = random.Random(seed)
        self.pool = Pool(self.chance)
        self.requests = Requests(self.pool, self.chance, keys_of(project), document["components"]["schemas"])
        self.answers: dict[str, Counter[int]] = defaultdict(Counter)
        self.faults: dict[tuple[str, int, str], str] = {}
        self.pool.barred = {project.project_id, project.app_id, project.client_id, project.management_id}
        self.again = 0
        self.refusals: dict[str, Counter[str]] = defaultdict(Counter)

    async def run(self, operations: list[Operation], count: int) -> None:
        plan = self.plan(operations, count)
        lanes = [Connection("127.0.0.1", self.server.port) for _ in range(CONNECTIONS)]
        waiting = iter(plan)
        await asyncio.gather(*(self.lane(connection, waiting) for connection in lanes))
        for connection in lanes:
            await connection.close()

    def plan(self, operations: list[Operation], count: int) -> list[Operation]:
        """Every operation equally often; what makes objects comes first once, so that there is something."""
        makers = [one for one in operations if one.method == "POST"]
        share = max(1, count // len(operations))
        rest = [one for one in operations for _ in range(share)]
        self.chance.shuffle(rest)
        return [*makers, *makers, *rest]

    async def lane(self, connection: Connection, waiting: "object") -> None:
        for operation in waiting:  # type: ignore[attr-defined]
            sent = self.requests.next(operation)
            try:
                reply = await self.answered(connection, sent)
            except (ConnectionError, TimeoutError) as lost:
                self.note(sent, Reply(0, str(lost).encode()))
                continue
            self.answers[operation.id][reply.status] += 1
            if reply.status >= 500 or reply.status not in operation.statuses:
                self.note(sent, reply)
            elif 200 <= reply.status < 300:
                self.learn(sent, reply)
            elif sent.good:
                self.refusals[operation.id][reply.body.decode(errors="replace")[:200]] += 1

    async def answered(self, connection: Connection, sent: Sent) -> Reply:
        """The answer; where the server asks for patience (503), it is asked again as a client would."""
        method = sent.operation.method
        for _ in range(PATIENCE):
            reply = await connection.send(method, sent.target, sent.headers, sent.body)
            if reply.status != 503:
                return reply
            self.again += 1
            await asyncio.sleep(1)
        return reply

    def learn(self, sent: Sent, reply: Reply) -> None:
        if sent.operation.method == "DELETE":
            self.pool.gone(sent.path_values[sent.operation.parameters[-1]])
        elif reply.body.startswith((b"{", b"[")):
            with contextlib.suppress(ValueError):  # Not all that is answered is JSON.
                self.pool.learn(json.loads(reply.body))

    def note(self, sent: Sent, reply: Reply) -> None:
        text = reply.body.decode(errors="replace")
        try:
            wire = json.loads(text)
            text = f"{wire.get('key')} {wire.get('message')} {wire.get('details')}"
        except (ValueError, AttributeError):
            pass
        key = (sent.operation.id, reply.status, text[:60])
        request = f"{sent.operation.method} {sent.target[:300]} {sent.body[:400]!r}"
        self.faults.setdefault(key, f"{reply.status} {text[:300]}\n    {request}")

    def report(self, operations: list[Operation], least: int, *, why: bool) -> bool:
        """Print the table; whether all is well."""
        print(f"{'operation':58} {'sent':>6} {'2xx':>6} {'4xx':>6} {'5xx':>5}  statuses")
        total: Counter[int] = Counter()
        short = []
        for operation in operations:
            counts = self.answers[operation.id]
            total += counts
            if sum(counts.values()) < least:
                short.append(operation.id)
            statuses = " ".join(f"{status}:{number}" for status, number in sorted(counts.items()))
            print(f"{operation.id:58} {table_row(counts)}  {statuses}")
        print(f"{'all':58} {table_row(total)}")
        for operation in operations if why else ():
            for text, number in self.refusals[operation.id].most_common(2):
                print(f"{operation.id} {number} {text}")
        for text in list(self.faults.values())[:SHOWN_MAX]:
            print(text)
        good = sum(number for status, number in total.items() if 200 <= status < 300)
        share = good / max(1, sum(total.values()))
        print(
            f"{sum(total.values())} requests, {share:.0%} answered 2xx, {len(self.faults)} kinds of faults, "
            f"{len(short)} operations with fewer than {least}, {self.again} sent again after 503"
        )
        return not self.faults and not short and share >= GOOD_SHARE_MIN


def table_row(counts: Counter[int]) -> str:
    hundreds = Counter(dict.fromkeys((2, 4, 5), 0))
    for status, number in counts.items():
        hundreds[status // 100] += number
    return f"{sum(counts.values()):6} {hundreds[2]:6} {hundreds[4]:6} {hundreds[5]:5}"


def keys_of(project: Project) -> dict[str, dict[str, str]]:
    """Headers of each side."""
    return {
        "server": dict(project.headers),
        "client": {
            "X-Client-Application-Id": project.client_id,
            "X-Client-Token": project.client_token,
            "Origin": ORIGIN,
        },
        "management": {
            "X-Management-Id": project.management_id,
            "X-Management-Token": project.management_token,
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--least", type=int, default=200, help="requests that each operation gets at least")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--why", action="store_true", help="print why requests that were meant well failed")
    parser.add_argument("--only", default="", help="operations whose path holds this text")
    options = parser.parse_args()
    document = msgspec.json.decode((ROOT / "openapi" / "vouchsafe.json").read_bytes())
    operations = [one for one in operations_of(document) if options.only in one.path]
    with tempfile.TemporaryDirectory(prefix="vouchsafe-fuzz-") as folder:
        server = RunningServer(data_dir=Path(folder) / "data", workers=2, environment=ENVIRONMENT).start()
        try:
            project = server.create_project("fuzz", settings=SETTINGS)
            fuzz = Fuzz(server, project, document, options.seed)
            started = time.monotonic()
            asyncio.run(fuzz.run(operations, options.requests))
            well = fuzz.report(operations, options.least, why=options.why)
            print(f"{time.monotonic() - started:.0f} seconds, seed {options.seed}")
            if not well:
                print(server.log_tail(3_000))
            return 0 if well else 1
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
