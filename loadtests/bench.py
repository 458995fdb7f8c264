"""`make bench`: validate and redeem beside the floor of the bare stack, in one run, on one machine.

Each row gets a fresh Valkey that syncs before it answers, one web worker, and the same bodies from wrk.
Printed are requests per second, latency, and from /proc the processor time per request of worker + Valkey
(background apart).

Environment: BENCH_SECONDS (60), BENCH_CONNECTIONS (64), BENCH_CUSTOMERS (2000), BENCH_JSON (a file for the
figures).
"""

import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from loadtests.lag import LagWatch
from loadtests.machine import cpu_seconds, valkey, wait_until
from loadtests.shop import open_shop, write_bodies

HERE = Path(__file__).resolve().parent
SECONDS = int(os.environ.get("BENCH_SECONDS", "60"))
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "64"))
CUSTOMERS = int(os.environ.get("BENCH_CUSTOMERS", "2000"))
WARM_SECONDS = 3
LAG_SECONDS_MAX = 1.0
FLOOR_PORT = 8731
BARS = {"validate": 3.0, "redeem": 4.0}
"""How many times the floor's processor time a request may take."""
COLUMNS = (
    "req/s", "p50 ms", "p95 ms", "p99 ms", "CPU us", "x floor", "bar",
    "worker", "Valkey", "backgr.", "client",
)  # fmt: skip


def attack(
    url: str, path: str, headers: dict[str, str], bodies: Path, seconds: int
) -> tuple[dict[str, Any], float]:
    """Run wrk. Gives its figures and the processor time it used itself."""
    variables = {
        "BENCH_PATH": path,
        "BENCH_BODIES": str(bodies),
        "BENCH_HEADERS": "\n".join(f"{name}: {value}" for name, value in headers.items()),
    }
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--timeout",
        "10s",
        "-s",
        str(HERE / "post.lua"),
        url,
    ]
    before = os.times()
    finished = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    after = os.times()
    if finished.returncode != 0:
        raise SystemExit(f"wrk: {finished.stdout}{finished.stderr}")
    figures = json.loads(finished.stdout.splitlines()[-1])
    return figures, (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )


def measure(
    name: str,
    send: Callable[[int], tuple[dict[str, Any], float]],
    workers: list[int],
    valkeys: list[int],
    background: list[int],
    watch: Callable[[], LagWatch] | None = None,
) -> dict[str, Any]:
    """One row: a warm-up, then SECONDS of load between two readings of /proc.

    Workers and Valkeys are judged together; background: processes that are counted apart.
    """
    send(WARM_SECONDS)
    lag = watch().start() if watch else None
    before = [cpu_seconds(pids) for pids in (workers, valkeys, background)]
    figures, client = send(SECONDS)
    after = [cpu_seconds(pids) for pids in (workers, valkeys, background)]
    worker, valkey_own, beside = (late - early for late, early in zip(after, before, strict=True))
    own = worker + valkey_own
    if lag:
        lag.stop()
    requests = figures["requests"]
    row = {
        "row": name,
        "requests_per_second": round(requests / (figures["microseconds"] / 1e6)),
        **{member: figures[member] for member in ("p50_ms", "p95_ms", "p99_ms", "max_ms")},
        "cpu_us": round(own / requests * 1e6, 1),
        "worker_cpu_us": round(worker / requests * 1e6, 1),
        "valkey_cpu_us": round(valkey_own / requests * 1e6, 1),
        "background_cpu_us": round(beside / requests * 1e6, 1),
        "client_cpu_us": round(client / requests * 1e6, 1),
        "not_2xx": figures["not_2xx"] + figures["broken"],
        "void": [],
    }
    if client > own + beside:
        row["void"].append("the client used more processor time than the server")
    if row["not_2xx"]:
        row["void"].append("answers other than 2xx")
    if lag:
        row["lag_ledgered_seconds_max"] = round(lag.ledgered_seconds_max, 2)
        row["lag_projected_seconds_max"] = round(lag.projected_seconds_max, 2)
        row["end_lag_seconds"] = round(lag.end_seconds, 2)
        row["end_lag_events"] = lag.end_events
        if max(lag.ledgered_seconds_max, lag.projected_seconds_max) > LAG_SECONDS_MAX:
            row["void"].append("the background process fell more than 1 s behind")
    return row


def floor_row(folder: Path, bodies: Path) -> dict[str, Any]:
    with valkey(folder / "floor") as (socket, valkey_pid):
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "--app-dir",
            str(HERE),
            "floor:app",
            "--port",
            str(FLOOR_PORT),
        ]
        options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"]
        with subprocess.Popen([*command, *options], env={**os.environ, "FLOOR_REDIS": socket}) as worker:
            try:
                url = f"http://127.0.0.1:{FLOOR_PORT}"
                wait_until(lambda: listens(f"{url}/echo"), "the floor")
                return measure(
                    "floor",
                    lambda seconds: attack(url, "/redeem", {}, bodies, seconds),
                    [worker.pid],
                    [valkey_pid],
                    [],
                )
            finally:
                worker.terminate()


def engine_rows(folder: Path, bodies: Path) -> list[dict[str, Any]]:
    data = folder / "data"
    with valkey(folder / "engine") as (socket, valkey_pid):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VOUCHSAFE_")}
        environment = {
            **inherited,
            "VOUCHSAFE_DATA_DIR": str(data),
            "VOUCHSAFE_REDIS_URL": f"unix://{socket}",
            "VOUCHSAFE_DATABASE_URL": f"sqlite:///{data / 'vouchsafe.db'}",
            "VOUCHSAFE_LOG_LEVEL": "warning",
        }
        vouchsafe = [sys.executable, "-m", "app.cli"]
        root = HERE.parent
        data.mkdir()
        subprocess.run(
            [*vouchsafe, "migrate"], env=environment, cwd=root, check=True, stdout=subprocess.DEVNULL
        )
        command = [*vouchsafe, "serve", "--port", "0", "--workers", "1"]
        with subprocess.Popen(command, env=environment, cwd=root, stdout=subprocess.DEVNULL) as parent:
            try:
                wait_until(lambda: ready(data), "the engine")
                status = json.loads((data / "serve.json").read_text())
                url = f"http://127.0.0.1:{status['port']}"
                printed = subprocess.run(
                    [*vouchsafe, "keys", "create", "--project", "bench", "--json"],
                    env=environment, cwd=root, check=True, capture_output=True, text=True,
                ).stdout  # fmt: skip
                keys = json.loads(printed)
                headers = {"X-App-Id": keys["app_id"], "X-App-Token": keys["app_token"]}
                asyncio.run(fill(url, headers))
                return [
                    measure(
                        name,
                        lambda seconds, path=f"/v1/{what}": attack(url, path, headers, bodies, seconds),
                        status["web"],
                        [valkey_pid],
                        [status["background"]],
                        lambda: LagWatch(socket, data / "vouchsafe.db", keys["project_id"]),
                    )
                    for name, what in (("validate", "validations"), ("redeem", "redemptions"))
                ]
            finally:
                parent.terminate()


async def fill(url: str, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        await open_shop(client, CUSTOMERS)


def ready(data: Path) -> bool:
    try:
        port = json.loads((data / "serve.json").read_text())["port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def listens(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def table(rows: list[dict[str, Any]]) -> str:
    floor = rows[0]["cpu_us"]
    lines = [" " * 10 + "".join(f"{title:>9}" for title in COLUMNS)]
    for row in rows:
        bar = BARS.get(row["row"])
        cells = (
            str(row["requests_per_second"]),
            *(f"{row[member]:.1f}" for member in ("p50_ms", "p95_ms", "p99_ms")),
            f"{row['cpu_us']:.0f}",
            f"{row['cpu_us'] / floor:.2f}",
            f"{bar:.0f}" if bar else "",
            f"{row['worker_cpu_us']:.0f}",
            f"{row['valkey_cpu_us']:.0f}",
            f"{row['background_cpu_us']:.0f}",
            f"{row['client_cpu_us']:.0f}",
        )
        lines.append(f"{row['row']:10}" + "".join(f"{cell:>9}" for cell in cells))
        if "end_lag_seconds" in row:
            lines.append(
                f"{'':10}lag: ledger at most {row['lag_ledgered_seconds_max']} s, projections at most "
                f"{row['lag_projected_seconds_max']} s; at the end {row['end_lag_seconds']} s, "
                f"{row['end_lag_events']} events"
            )
        lines += [f"{'':10}VOID: {reason}" for reason in row["void"]]
    return "\n".join(lines)


def main() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit(
            "make bench needs the load client wrk, a package of Debian and Ubuntu: apt install wrk"
        )
    if not Path("/proc/self/stat").exists():
        raise SystemExit("make bench reads processor time from /proc: it needs Linux")
    machine = f"{os.cpu_count()} processors, Python {platform.python_version()}"
    print(f"{SECONDS} s a row, {CONNECTIONS} connections, {CUSTOMERS} customers, {machine}")
    with tempfile.TemporaryDirectory(prefix="vb-") as name:
        folder = Path(name)
        bodies = folder / "bodies"
        write_bodies(bodies, CUSTOMERS)
        rows = [floor_row(folder, bodies), *engine_rows(folder, bodies)]
    print(table(rows))
    print("CPU us: worker + Valkey for each request, then apart. backgr.: background process. client: wrk.")
    result = {"seconds": SECONDS, "connections": CONNECTIONS, "customers": CUSTOMERS, "rows": rows}
    if target := os.environ.get("BENCH_JSON"):
        Path(target).write_text(json.dumps(result, indent=2) + "\n")
    else:
        print(json.dumps(result))
    if any(row["void"] for row in rows):
        raise SystemExit("void: the figures above are not to be quoted")


if __name__ == "__main__":
    main()
