"""Slow, huge and broken connections: the memory of a worker stays bounded and others are served."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.http.messages import BUFFERED_BYTES_MAX
from tests.support.server import Project, RunningServer
from tests.support.shop import amount_off, public_code, stack

pytestmark = pytest.mark.slow

SLOW = 200
BODY_BYTES_MAX = 10 * 1024 * 1024
GROWTH_BYTES_MAX = 96 * 1024 * 1024
"""Of all processes together, whatever is thrown at them: below a tenth of what was sent."""
REQUEST = b"POST /v1/validations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Connections that send nothing are given up after two seconds, so that the test can see it."""
    running = RunningServer(
        data_dir=tmp_path_factory.mktemp("slow") / "data",
        workers=2,
        environment={"VOUCHSAFE_REQUEST_SECONDS_MAX": "2"},
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def shop(server: RunningServer) -> Project:
    return server.create_project("slow-clients")


def memory(server: RunningServer) -> int:
    """Resident bytes of the web workers."""
    status = server.status()
    assert status is not None
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in status["web"])
    return pages * os.sysconf("SC_PAGE_SIZE")


def spent(server: RunningServer) -> float:
    """Seconds of processor that the web workers have used: the same on a busy machine."""
    status = server.status()
    assert status is not None
    ticks = 0
    for pid in status["web"]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def opened(server: RunningServer, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), 60)
    with contextlib.suppress(OSError):
        connection.sendall(sent)
    return connection


def answer_of(connection: socket.socket, seconds: float = 300) -> bytes:
    """What comes until the server closes; empty when it closes without a word."""
    connection.settimeout(seconds)
    found = b""
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65_536):
            found += chunk
    return found


def served(server: RunningServer, shop: Project, code: str) -> float:
    """Twenty validations are answered; seconds of the slowest, to be printed."""
    slowest = 0.0
    with server.client(shop) as api:
        for _ in range(20):
            started = time.perf_counter()
            answer = api.post("/v1/validations", json=stack(code))
            slowest = max(slowest, time.perf_counter() - started)
            assert answer.json()["valid"] is True
    return slowest


def code_in(server: RunningServer, shop: Project) -> str:
    with server.client(shop) as api:
        return public_code(api, amount_off(100))[0]


def test_two_hundred_slow_connections_hold_nobody_up(server, shop, capsys):
    """Half of a head, half of a body, or nothing at all: others are served, and the slow are given up."""
    code = code_in(server, shop)
    before = memory(server)
    beginnings = (b"", REQUEST, REQUEST + b"Content-Length: 500\r\n\r\n{", b"GE")
    slow = [opened(server, beginnings[number % len(beginnings)]) for number in range(SLOW)]
    slowest = served(server, shop, code)
    started = time.monotonic()
    for connection in slow:
        answer_of(connection)
        connection.close()
    waited = time.monotonic() - started
    grown = memory(server) - before
    with capsys.disabled():
        print(
            f"\n{SLOW} slow connections: slowest of 20 requests {slowest * 1000:.0f} ms, "
            f"all closed within {waited:.1f} s, memory +{grown / 1e6:.1f} MB"
        )
    assert grown < GROWTH_BYTES_MAX


def test_many_large_bodies_that_stall_fill_no_memory(server, shop, capsys):
    """What is held of unfinished bodies has an upper bound in each worker; beyond it 503."""
    code = code_in(server, shop)
    before = memory(server)
    keys = "".join(f"{name}: {value}\r\n" for name, value in shop.headers.items()).encode()
    head = REQUEST + keys + b"Content-Length: 10000000\r\n\r\n"
    slow = [opened(server, head + b" " * 9_000_000) for _ in range(30)]
    grown = memory(server) - before
    served(server, shop, code)
    answers = [answer_of(connection) for connection in slow]
    for connection in slow:
        connection.close()
    with capsys.disabled():
        print(f"\n30 stalled bodies of 9 MB: memory +{grown / 1e6:.1f} MB")
    assert grown < 2 * BUFFERED_BYTES_MAX + GROWTH_BYTES_MAX
    assert any(answer.startswith(b"HTTP/1.1 408") for answer in answers)


def test_bodies_that_are_too_large_are_not_read(server, shop, capsys):
    """Announced or not: 413, and memory stays where it was."""
    code = code_in(server, shop)
    before = peak = memory(server)
    keys = "".join(f"{name}: {value}\r\n" for name, value in shop.headers.items()).encode()
    for number in range(8):
        announced = number % 2 == 0
        length = b"Content-Length: 2000000000\r\n" if announced else b"Transfer-Encoding: chunked\r\n"
        connection = opened(server, REQUEST + keys + length + b"\r\n")
        chunk = b"x" * 1_048_576
        with contextlib.suppress(OSError):
            for _ in range(64):
                connection.sendall(chunk if announced else b"100000\r\n" + chunk + b"\r\n")
        peak = max(peak, memory(server))
        answer = answer_of(connection)
        assert not answer or answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 408")), answer[:200]
        connection.close()
    served(server, shop, code)
    with capsys.disabled():
        print(f"\n512 MB of bodies: memory at most +{(peak - before) / 1e6:.1f} MB")
    assert peak - before < GROWTH_BYTES_MAX


def sent_in_time(api: httpx.Client, body: bytes) -> httpx.Response:
    """On a machine that is too busy to send ten megabytes in two seconds: once more."""
    for _ in range(50):
        answer = api.post("/v1/validations", content=body, headers={"Content-Type": "application/json"})
        if answer.status_code != 408:
            break
    return answer


def test_deep_and_wide_bodies_are_refused_cheaply(server, shop):
    """Ten megabytes of brackets or of items take a second or two of a processor, and others are served."""
    code = code_in(server, shop)
    with server.client(shop) as api:
        for body in (
            b"[" * (BODY_BYTES_MAX - 10),
            b'{"a":' * 1_000_000,
            b'{"redeemables":[' + b"{}," * 3_000_000 + b"{}]}",
            b'{"order":{"items":[' + b'{"quantity":1},' * 600_000 + b"{}]}}",
            b'{"metadata":{"a":"' + b"\\u0000" * 1_000_000 + b'"}}',
        ):
            before = spent(server)
            answer = sent_in_time(api, body)
            assert answer.status_code == 400, answer.text[:200]
            assert spent(server) - before < 5
    served(server, shop, code)


def test_a_flood_of_headers_is_cut(server, shop, capsys):
    """A head has an end: the connection is closed before megabytes of it are kept."""
    code = code_in(server, shop)
    before = peak = memory(server)
    flood = b"X-Flood: " + b"y" * 4_000 + b"\r\n"
    for _ in range(8):
        connection = opened(server, REQUEST)
        with contextlib.suppress(OSError):
            for _ in range(2_000):
                connection.sendall(flood)
        peak = max(peak, memory(server))
        answer = answer_of(connection)
        refusals = (b"HTTP/1.1 431", b"HTTP/1.1 400", b"HTTP/1.1 408")
        assert not answer or answer.startswith(refusals), answer[:100]
        connection.close()
    served(server, shop, code)
    with capsys.disabled():
        print(f"\n64 MB of headers: memory at most +{(peak - before) / 1e6:.1f} MB")
    assert peak - before < GROWTH_BYTES_MAX


def test_a_request_that_trickles_in_is_given_up(server, shop):
    """A byte now and then keeps no connection open for ever."""
    connection = opened(server, REQUEST + b"Content-Length: 1000\r\n\r\n")
    connection.settimeout(60)
    is_given_up = False
    try:
        for _ in range(900):
            connection.sendall(b" ")
            time.sleep(0.2)
    except OSError:
        is_given_up = True
    assert is_given_up
    connection.close()


def test_http_404_is_not_a_way_to_read_bodies(server):
    """A path that does not exist does not read what comes with it."""
    with httpx.Client(base_url=server.base_url) as client:
        assert client.post("/v1/nothing", content=b"x" * 1_000_000).status_code == 404
