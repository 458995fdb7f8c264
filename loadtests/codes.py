"""What making, importing and finding codes costs on PostgreSQL: `make bench-codes`.

A server of its own makes 1 000 000 codes in one campaign, imports 200 000 rows of CSV, exports the million,
and is asked for codes that it never met. Beside each stands a bare COPY, through the same driver, of the very
rows that came out, into the same tables with the same indexes and the rows that were there before, right
afterwards: figures are ratios to it. Every commit is on disk before it is answered, and both begin with
nothing left for the disk from what was before.
"""

import argparse
import asyncio
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import httpx

from tests.support.postgres import Postgres
from tests.support.server import Project, RunningServer

GENERATED_RATIO_MAX = 3.0
IMPORTED_RATIO_MAX = 5.0
LOOKUP_RATIO_MAX = 1.2
EXPORTED_RATIO_MAX = 10.0
GROWTH_MEGABYTES_MAX = 50.0
SMALL = 10_000
COPIES = 3
"""Of the same rows, each into tables of its own: the median counts."""
LOOKUPS = 1_500
LOOKUP_ROUNDS = 3
POLL_SECONDS = 0.5
UNLIMITED = {"VOUCHSAFE_GUESS_LIMIT": "0"}
DISCOUNT = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}}


class Line(NamedTuple):
    """One figure beside its bar. unit: of the figure."""

    name: str
    figure: float
    bar: float
    unit: str = "x"


def resident_megabytes(pid: int, name: str = "VmRSS") -> float:
    """Memory of a process, from /proc. name: VmRSS now, VmHWM at its highest."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


class Bench:
    """One server on one database, and a second database of the same schema for the bare COPY."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.postgres = postgres
        self.folder = folder
        self.url = postgres.create_database()
        environment = {**UNLIMITED, "VOUCHSAFE_DATABASE_URL": self.url}
        self.server = RunningServer(data_dir=folder / "data", workers=1, environment=environment).start()
        self.project: Project = self.server.create_project("bench-codes")

    @property
    def background(self) -> int:
        status = self.server.status()
        assert status is not None
        return int(status["background"])

    def campaign(self, api: httpx.Client, name: str, count: int) -> str:
        body = {
            "name": name,
            "campaign_type": "DISCOUNT_COUPONS",
            "vouchers_count": count,
            "voucher": {**DISCOUNT, "redemption": {"quantity": 1}, "code_config": {"length": 10}},
        }
        answer = api.post("/v1/campaigns", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def wait_generated(self, api: httpx.Client, campaign_id: str, count: int) -> None:
        while True:
            campaign = api.get(f"/v1/campaigns/{campaign_id}").json()
            if campaign["vouchers_generation_status"] == "DONE" and campaign["vouchers_count"] == count:
                return
            assert campaign["vouchers_generation_status"] != "FAILED", campaign
            time.sleep(POLL_SECONDS)

    # Making and importing
    # ---------------------------------------------------------------------------------------------

    def generate(self, count: int) -> list[Line]:
        """A million codes, after ten thousand from whose end the memory is counted."""
        with self.server.client(self.project) as api:
            self.wait_generated(api, self.campaign(api, "small", SMALL), SMALL)
            before = resident_megabytes(self.background, "VmHWM")
            self.settle()
            began = time.perf_counter()
            campaign_id = self.campaign(api, "big", count)
            self.wait_generated(api, campaign_id, count)
            took = time.perf_counter() - began
            growth = resident_megabytes(self.background, "VmHWM") - before
        made = f"campaign_id = '{campaign_id}'"
        bare = self.bare_copy(made, count, before=f"NOT {made}")
        print(f"{count} codes: {took:.1f} s; bare COPY {bare:.1f} s; memory grew by {growth:.1f} MB")
        return [
            Line("codes made", took / bare, GENERATED_RATIO_MAX),
            Line("memory of making them", growth, GROWTH_MEGABYTES_MAX, "MB"),
        ]

    def import_csv(self, count: int) -> list[Line]:
        """A file of single discount codes, from the request to SUCCESS."""
        terms = "DISCOUNT_VOUCHER,10,PERCENT"
        rows = [f"IMP-{number:07d}-{secrets.token_hex(3)},{terms}" for number in range(count)]
        file = "\n".join(["Code,Voucher Type,Value,Discount Type", *rows]).encode()
        with self.server.client(self.project) as api:
            self.settle()
            began = time.perf_counter()
            answer = api.post("/v1/vouchers/importCSV", files={"file": ("codes.csv", file, "text/csv")})
            assert answer.status_code == 202, answer.text
            action = answer.json()["async_action_id"]
            while (found := api.get(f"/v1/async-actions/{action}").json())["status"] != "DONE":
                assert found["status"] != "FAILED", found
                time.sleep(POLL_SECONDS)
            took = time.perf_counter() - began
            assert found["result"]["done_count"] == count, found["result"]
        bare = self.bare_copy("campaign_id IS NULL", count, before="campaign_id IS NOT NULL")
        print(f"{count} CSV rows: {took:.1f} s; bare COPY {bare:.1f} s")
        return [Line("CSV rows imported", took / bare, IMPORTED_RATIO_MAX)]

    def settle(self) -> None:
        """Nothing of what was done before is left for the disk."""
        asyncio.run(_settle(self.url))

    def bare_copy(self, condition: str, count: int, *, before: str = "false") -> float:
        """Seconds for these rows of the server's table into another one, in which those of `before` are."""
        taken = []
        for _ in range(COPIES):
            other = self.postgres.create_database()
            taken.append(asyncio.run(self._bare_copy(condition, count, before, other)))
            self.postgres.drop_database(other)
        return statistics.median(taken)

    async def _bare_copy(self, condition: str, count: int, before: str, other: str) -> float:
        file, there = self.folder / "rows", self.folder / "there"
        source = await asyncpg.connect(self.url)
        for path, rows in ((file, condition), (there, before)):
            statement = f"SELECT * FROM vouchers WHERE {rows} ORDER BY id"
            await source.copy_from_query(statement, output=str(path), format="binary", timeout=600)
        await source.close()
        target = await asyncpg.connect(other)
        await target.copy_to_table("vouchers", source=str(there), format="binary", timeout=600)
        await _settle(other)
        began = time.perf_counter()
        copied = await target.copy_to_table("vouchers", source=str(file), format="binary", timeout=600)
        took = time.perf_counter() - began
        await target.close()
        file.unlink()
        there.unlink()
        assert copied == f"COPY {count}", copied
        return took

    # Exports
    # ----------------------------------------------------------------------------------------------

    def export(self, count: int) -> list[Line]:
        """All codes to a file and the file to disk."""
        with self.server.client(self.project) as api:
            before = resident_megabytes(self.background, "VmHWM")
            began = time.perf_counter()
            body = {"exported_object": "voucher", "parameters": {"fields": ["code", "campaign", "active"]}}
            export = api.post("/v1/exports", json=body).json()
            while (found := api.get(f"/v1/exports/{export['id']}").json())["status"] != "DONE":
                assert found["status"] != "ERROR", found
                time.sleep(POLL_SECONDS)
            took = time.perf_counter() - began
            growth = resident_megabytes(self.background, "VmHWM") - before
            status = self.server.status()
            assert status is not None
            web = int(status["web"][0])
            before_web = resident_megabytes(web, "VmHWM")
            lines = 0
            with api.stream("GET", found["result"]["url"], timeout=None) as download:
                for piece in download.iter_bytes():
                    lines += piece.count(b"\n")
            growth_web = resident_megabytes(web, "VmHWM") - before_web
        assert lines >= count, (lines, count)
        bare = self.bare_copy("true", lines - 1)
        print(f"{lines} lines exported in {took:.1f} s; bare COPY {bare:.1f} s", end="; ")
        print(f"memory grew by {growth:.1f} and {growth_web:.1f} MB")
        return [
            Line("codes exported", took / bare, EXPORTED_RATIO_MAX),
            Line("memory of an export", growth, GROWTH_MEGABYTES_MAX, "MB"),
            Line("memory of its download", growth_web, GROWTH_MEGABYTES_MAX, "MB"),
        ]

    # Lookups
    # ----------------------------------------------------------------------------------------------

    async def fill(self, project_id: str, count: int) -> list[str]:
        """A project with so many codes of one campaign; some of them, evenly spread."""
        connection = await asyncpg.connect(self.url)
        own = ("id", "code", "folded_code", "created_at")
        names = await connection.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'vouchers'"
        )
        kept = ", ".join(f'"{row[0]}"' for row in names if row[0] not in own)
        for start in range(0, count, 500_000):
            await connection.execute(
                f"INSERT INTO vouchers (id, code, folded_code, created_at, {kept}) "
                "SELECT 'v_' || lpad(n::text, 26, '0'), c, c, created_at + n * interval '1 microsecond', "
                f"{kept} FROM (SELECT n, upper(substr(md5($2 || n::text), 1, 14)) AS c "
                "FROM generate_series($3::int, $4::int) n) made, "
                "(SELECT * FROM vouchers WHERE project_id = $1 LIMIT 1) template",
                project_id, "x", start, min(start + 500_000, count) - 1,
                timeout=600,
            )  # fmt: skip
        await connection.execute("ANALYZE vouchers", timeout=600)
        step = max(1, count // 100_000)
        rows = await connection.fetch(
            "SELECT upper(substr(md5('x' || n::text), 1, 14)) FROM generate_series(0, $1::int - 1, $2) n",
            count, step,
        )  # fmt: skip
        await connection.close()
        return [row[0] for row in rows]

    def lookup_milliseconds(self, project: Project, known: list[str]) -> float:
        """A validation of a code that this worker has not met, every second one unknown: the mean without the
        slowest tenth.
        """
        chosen = secrets.SystemRandom().sample(known, LOOKUPS // 2)
        codes = [code for one in chosen for code in (one, secrets.token_hex(7).upper())]
        taken: list[float] = []
        with self.server.client(project) as api:
            api.post("/v1/validations", json=_asking("WARM-UP"))
            for code in codes:
                began = time.perf_counter()
                answer = api.post("/v1/validations", json=_asking(code))
                taken.append(time.perf_counter() - began)
                assert answer.status_code == 200, answer.text
        return statistics.fmean(sorted(taken)[: len(taken) * 9 // 10]) * 1_000

    def lookups(self, many: int) -> list[Line]:
        """The same questions to a project with few codes and to one with many, in turns, on cold workers."""
        projects, known = {}, {}
        for name, count in (("few", SMALL), ("many", many)):
            projects[name] = self.server.create_project(f"bench-{name}")
            with self.server.client(projects[name]) as api:
                self.wait_generated(api, self.campaign(api, "looked-up", 10), 10)
            known[name] = asyncio.run(self.fill(projects[name].project_id, count))
        found: dict[str, list[float]] = {"few": [], "many": []}
        for _ in range(LOOKUP_ROUNDS):
            for name, project in projects.items():
                self.server.stop()
                self.server.start()
                found[name].append(self.lookup_milliseconds(project, known[name]))
        few, many_ms = min(found["few"]), min(found["many"])
        print(f"validation of a code never met: {few:.2f} ms of {SMALL} codes, {many_ms:.2f} ms of {many}")
        return [Line("lookups", many_ms / few, LOOKUP_RATIO_MAX)]


async def _settle(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CHECKPOINT", timeout=600)
    await connection.close()


def _asking(code: str) -> dict[str, Any]:
    return {"redeemables": [{"object": "voucher", "id": code}], "order": {"amount": 10_000}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--looked-up", type=int, default=5_000_000)
    given = parser.parse_args()
    postgres = Postgres(synced=True)
    lines: list[Line] = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder), postgres)
            try:
                if given.codes:
                    lines += bench.generate(given.codes)
                if given.rows:
                    lines += bench.import_csv(given.rows)
                if given.codes:
                    lines += bench.export(given.codes)
                if given.looked_up:
                    lines += bench.lookups(given.looked_up)
            finally:
                bench.server.stop()
    finally:
        postgres.stop()
    for line in lines:
        missed = "  MISSED" if line.figure > line.bar else ""
        print(f"{line.name:<26}{line.figure:8.2f} {line.unit:<3}bar {line.bar:g}{missed}")
    sys.exit(any(line.figure > line.bar for line in lines))


if __name__ == "__main__":
    main()
