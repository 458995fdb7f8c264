"""bench-all, bench-compare, bench-memory and profile: they measure what they say, and judge it."""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import redis
import uvloop

from loadtests import bench, bench_memory
from loadtests.bench_bars import bars_of, limits_of_two_workers
from loadtests.bench_cases import CASES
from loadtests.bench_rows import PLAN, Run, table
from loadtests.open_loop import Target, open_loop
from loadtests.profile_hot_path import profiled
from loadtests.stage import Setting, Stage, floor
from tests.support.server import ROOT, RunningServer

STALL_SECONDS = 0.4


@pytest.fixture
def stage(server: RunningServer, tmp_path: Path) -> Stage:
    """The tests' own server, looked at as one that is measured."""
    status = server.status()
    assert status is not None
    socket = status["redis_url"].removeprefix("unix://")
    with redis.Redis(unix_socket_path=socket) as client:
        told: dict[str, Any] = client.info("server")  # type: ignore[assignment]
    return Stage(Setting(workers=2), tmp_path, server, (socket, told["process_id"]))


def row(setting: str, name: str, connections: int = 64, **figures: Any) -> dict[str, Any]:
    return {
        "setting": setting, "row": name, "connections": connections, "rounds": 5, "void": [],
        "requests_per_second": 1000, "p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0, "cpu_us": 100.0,
        "worker_cpu_us": 80.0, "valkey_cpu_us": 20.0, "background_cpu_us": 50.0, "client_cpu_us": 10.0,
        "cpu_x_floor": 1.0, "rate_x_floor": 1.0, "background_whole_cpu_us": 140.0, **figures,
    }  # fmt: skip


class TestBars:
    def test_a_bar_is_held_up_to_its_figure(self) -> None:
        """2.1 times the floor is held, more is missed; a rate is held from its figure on."""
        rows = [row("sqlite-1-journal", "redeem", cpu_x_floor=2.1, rate_x_floor=0.44)]
        verdicts = {bar.name: bar.held for bar in bars_of(rows)}
        assert verdicts["CPU of redeem, to the floor"]
        assert not verdicts["rate of redeem at 64 clients, to the floor"]

    def test_what_was_not_measured_is_not_judged(self) -> None:
        """A row alone has no bar that compares it with another one."""
        assert bars_of([row("sqlite-1-journal", "qualify_20000")]) == []

    def test_rows_are_held_against_each_other(self) -> None:
        """Tiers, levels, the background process and the open loop."""
        rows = [
            row("sqlite-1-journal", "floor", cpu_us=100.0, open_loop={"p99_ms": 2.0}),
            row("sqlite-1-journal", "redeem", open_loop={"p99_ms": 10.0}),
            row("sqlite-1-ledger", "redeem", rate_x_floor=0.9),
            row("sqlite-1-journal", "qualify_100", cpu_us=500.0),
            row("sqlite-1-journal", "qualify_20000", cpu_us=4_500.0),
        ]
        figures = {bar.name: (bar.figure, bar.held) for bar in bars_of(rows)}
        assert figures["CPU of the background for a redemption, sqlite"] == (1.4, True)
        assert figures["rate of redeem at level ledger, to journal, sqlite"] == (0.9, True)
        assert figures["p99 of redeem in an open loop at half load, to the floor's"] == (5.0, False)
        assert figures["CPU of qualify with 20 000 tiers, to 100"] == (9.0, False)

    def test_two_workers_are_reported_with_what_was_busy(self) -> None:
        """1 500 a second at 80 microseconds of worker each are 0.12 processors."""
        rows = [
            row("sqlite-1-journal", "validate"),
            row("sqlite-2-journal", "validate", rate_x_floor=1.5, requests_per_second=1500),
        ]
        (line,) = limits_of_two_workers(rows)
        assert "validate: 1.50 x" in line
        assert "worker 0.12" in line


class TestCompare:
    def run(self, folder: Path, before: Any, after: Any) -> "subprocess.CompletedProcess[str]":
        files = []
        for name, rows in (("a", before), ("b", after)):
            files.append(folder / f"{name}.json")
            files[-1].write_text(json.dumps({"rows": rows}))
        return subprocess.run(
            [sys.executable, "-m", "loadtests.bench_compare", *map(str, files)],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def test_a_row_that_became_dearer_fails(self, tmp_path: Path) -> None:
        """As a multiple of the floor, whatever the machine did."""
        before = [row("sqlite-1-journal", "redeem", cpu_x_floor=2.0)]
        finished = self.run(tmp_path, before, [row("sqlite-1-journal", "redeem", cpu_x_floor=2.5)])
        assert finished.returncode == 1
        assert "CPU 2.00 -> 2.50 (+25 %)" in finished.stdout
        assert "WORSE" in finished.stdout

    def test_void_rows_are_not_compared(self, tmp_path: Path) -> None:
        """A void figure says nothing, in either direction."""
        before = [row("sqlite-1-journal", "redeem", void=["answers other than 2xx"])]
        finished = self.run(tmp_path, before, [row("sqlite-1-journal", "redeem", cpu_x_floor=9.0)])
        assert finished.returncode == 0
        assert "void, not compared" in finished.stdout


def test_a_stall_shows_in_an_open_loop(tmp_path: Path) -> None:
    """What was due while the server stood still waited for it, though it was sent only afterwards."""
    bodies = tmp_path / "bodies"
    bodies.write_text('{"a":1}\n{"a":2}\n')
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    async def work() -> dict[str, Any]:
        stalled = False

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal stalled
            try:
                while True:
                    await reader.readuntil(b"}")
                    if not stalled:
                        stalled = True
                        time.sleep(STALL_SECONDS)  # The whole server stands still.
                    writer.write(answer)
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        target = Target(f"http://127.0.0.1:{port}", "/", {}, bodies)
        found = await asyncio.to_thread(open_loop, target, 200.0, 1.0, 1)
        server.close()
        return found

    found = asyncio.run(work())
    assert found["broken"] == 0
    assert found["statuses"] == {"200": found["requests"]}
    # About eighty were due within the stall; a closed loop on one connection would have seen one.
    assert found["p95_ms"] > STALL_SECONDS * 1000 / 4


def test_the_plan_names_rows_that_there_are() -> None:
    """Every setting can be parsed and every row can be prepared."""
    assert {name for names in PLAN.values() for name in names} == set(CASES)
    assert [Setting.parse(name).name for name in PLAN] == list(PLAN)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_rows_are_measured_beside_the_floor(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second each: a taking, a refusal and a stack, with what they cost the processes apart."""
    monkeypatch.setattr(bench, "SECONDS", 1)
    monkeypatch.setattr(bench, "WARM_SECONDS", 1)
    options = argparse.Namespace(customers=10, rounds=1, connections=[8], closed_loop_only=True)
    with floor(tmp_path / "f") as bare:
        rows = Run(stage, bare, options).rows(["stack", "refuse_sold_out"])
    assert [one["row"] for one in rows] == ["floor", "stack", "refuse_sold_out"]
    assert all(one["cpu_us"] > 0 and one["requests_per_second"] > 0 for one in rows)
    assert all(one["not_2xx"] == 0 for one in rows)
    assert rows[1]["background_whole_cpu_us"] > 0
    assert "refuse_sold_out" in table(rows)


@pytest.mark.slow
async def test_memory_is_counted_by_pieces(stage: Stage) -> None:
    """A few campaigns beside their bar, and redemptions to their end: so few weigh less than noise."""
    project = stage.server.create_project("memory")
    async with stage.client(project) as client:
        campaigns = await bench_memory.with_campaigns(stage, client, 5)
        redemptions = await bench_memory.with_redemptions(stage, project, client, 40)
        while (listed := await client.get("/v1/redemptions", params={"limit": 1})).status_code == 503:
            await asyncio.sleep(0.5)
    assert campaigns.figure > 10
    assert "bar <= 120" in campaigns.line
    assert listed.json()["total"] == 8 + 40
    assert "of 40" in redemptions.line


def test_what_valkey_keeps_is_weighed(stage: Stage) -> None:
    """Four megabytes of data show as about four."""
    megabyte = 1024 * 1024
    with redis.Redis(unix_socket_path=stage.socket) as client:
        before = bench_memory.valkey_bytes(stage)
        for number in range(64):
            client.rpush("weighed", bytes([number]) * (megabyte // 16))
        grown = bench_memory.valkey_bytes(stage) - before
        client.delete("weighed")
    assert 3 * megabyte < grown < 8 * megabyte


@pytest.mark.slow
def test_a_profile_names_functions_and_commands(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Microseconds for each request of what this process and Valkey do."""
    load = CASES["validate"].prepare(stage, 10)
    options = argparse.Namespace(seconds=2.0, warm_seconds=0.5, top=60)
    uvloop.run(profiled(stage, load, options))
    printed = capsys.readouterr().out
    assert " 0 wrong" in printed
    for part in ("hmget", "adapter.py:Edge.serve", "microseconds for each request: itself"):
        assert part in printed
