"""The image and the containers around it: linted, and built step by step where there is no engine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import VERSION
from tests.support.server import ROOT
from tools.image.dockerfile import DockerfileError, stages_of
from tools.image.lint import compose_faults, dockerfile_faults
from tools.image.steps import StepFailed, build_and_start, clean_context

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()


def test_dockerfile_and_compose_have_no_fault() -> None:
    """What `python -m tools.image.lint` looks at."""
    assert dockerfile_faults(DOCKERFILE) == []
    assert compose_faults(COMPOSE) == []


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("USER 10001:10001", "USER vouchsafe", "is not a number"),
        ("USER 10001:10001", "USER 0:0", "is not a number with a group, and not 0"),
        ("USER 10001:10001\n", "", "runs as root"),
        ("FROM python:3.13-slim-bookworm\n", "FROM python:latest\n", "not pinned"),
        ("COPY app app", "ADD https://example.com/app app", "ADD fetches"),
        ("COPY app app", "COPY . .", "copies everything"),
        ("COPY app app", "COPY tests tests", ".dockerignore keeps tests out"),
        ("COPY app app", "COPY nothing nothing", "does not exist"),
        ("COPY app app", "COPY --from=elsewhere app app", "is no stage before"),
        ("COPY app app", "ENV API_TOKEN=abc", "a secret would stay"),
        ("COPY app app", "RUN curl https://example.com/x | sh", "runs what it fetched"),
        ('CMD ["serve"]', "ENTRYPOINT vouchsafe serve", "starts a shell"),
        ("HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD", "LABEL a=b #", "no HEALTHCHECK"),
        ("VOUCHSAFE_PORT=8000", "VOUCHSAFE_PROT=8000", "VOUCHSAFE_PROT is no setting"),
        (f'version="{VERSION}"', 'version="0.0.1"', "its label says version 0.0.1"),
        ("org.opencontainers.image.licenses", "licence", "has no label org.opencontainers.image.licenses"),
    ],
)
def test_a_fault_of_the_dockerfile_is_found(was: str, becomes: str, told: str) -> None:
    """Each by a sentence that names it."""
    assert was in DOCKERFILE
    assert any(told in fault for fault in dockerfile_faults(DOCKERFILE.replace(was, becomes))), told


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("postgres:17", "postgres:latest", "is not pinned"),
        ("postgres:17", "postgres", "is not pinned"),
        (f"vouchsafe:{VERSION}", "vouchsafe:0.0.1", "this is"),
        ("read_only: true", "read_only: false", "its root can be written"),
        ("cap_drop: [ALL]", "cap_drop: []", "keeps capabilities"),
        ("no-new-privileges:true", "apparmor:x", "may gain privileges"),
        ("127.0.0.1:8000:8000", "8000:8000", "open to every network"),
        ("${DATABASE_PASSWORD:?set a password}@", "hunter2@", "the password of VOUCHSAFE_DATABASE_URL"),
        ("_PASSWORD: ${DATABASE_PASSWORD:?set a password}", "_PASSWORD: x", "stands in the file"),
        ("migrate: {condition: service_completed_successfully}", "postgres: {}", "before anything migrated"),
        ("postgres: {condition: service_healthy}", "postgres: {}", "does not wait for a healthy database"),
        ("profiles: [single]", "profiles: [one]", "profile one is unknown"),
        ("profiles: [sentinel]\n    environment", "environment", "starts 2 of vouchsafe"),
        ("depends_on: [primary, replica]", "depends_on: [primary, nobody]", "nobody, which does not exist"),
        ("depends_on: [primary, replica]", "depends_on: [sentinel-1]", "waits for itself"),
        ("depends_on: [primary, replica]", "depends_on: [valkey]", "which its profiles do not start"),
        ("--maxmemory-policy, noeviction", "--maxmemory-policy, allkeys-lru", "may evict counters"),
        ("VOUCHSAFE_REDIS_URL: redis://valkey", "VOUCHSAFE_REDIS_ULR: redis://valkey", "is no setting"),
        ('restart: "no"', "restart: always", "is started again when it ends"),
        ("  data-cluster:\n", "", "volume data-cluster is not declared"),
        ("  postgres:\n    image", "  postgres:\n   image", "cannot be read"),
    ],
)
def test_a_fault_of_compose_is_found(was: str, becomes: str, told: str) -> None:
    """Each by a sentence that names it."""
    assert was in COMPOSE
    assert any(told in fault for fault in compose_faults(COMPOSE.replace(was, becomes))), told


def test_a_dockerfile_is_read_as_an_engine_reads_it() -> None:
    """Comments and blank lines within an instruction, continued lines, options, stages by name and number."""
    text = "# x\nFROM a:1 AS one\nRUN first && \\\n  # why\n\n  second\nFROM b:2\nCOPY --from=one /a b /c/\n"
    first, second = stages_of(text)
    assert (first.name, first.base, first.steps[0].rest) == ("one", "a:1", "first && second")
    (copied,) = second.steps
    assert (second.name, copied.options, copied.words) == ("1", {"from": "one"}, ["/a", "b", "/c/"])
    for broken in ("RUN x", "FROM a:1\nRUN x \\", "FROM a:1\n???"):
        with pytest.raises(DockerfileError):
            stages_of(broken)


SERVER = """
import http.server, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if os.path.exists(os.environ["MARK"]) else 500)
        self.end_headers()
    def log_message(self, *_): pass
address = (os.environ["VOUCHSAFE_HOST"], int(os.environ["VOUCHSAFE_PORT"]))
http.server.HTTPServer(address, Handler).serve_forever()
"""
CHECK = "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['VOUCHSAFE_PORT'])"
TINY = f"""
FROM python:3.13 AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/tiny
COPY server.py .
RUN install -D server.py /opt/tiny/share/server.py
FROM python:3.13
COPY --from=build /opt/tiny /opt/tiny
RUN mkdir -m 0700 /data && touch /data/mark && chown -R 10001:10001 /data
ENV PATH=/opt/tiny/bin:$PATH MARK=/data/mark
USER 10001:10001
HEALTHCHECK CMD ["python", "-c", "{CHECK}"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "/opt/tiny/share/server.py"]
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "server.py").write_text(SERVER)
    return folder


def test_the_steps_of_an_image_run_in_a_clean_folder(context: Path, tmp_path: Path) -> None:
    """Stages, copies between them, variables, the start and its health check; nothing outside is touched."""
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(TINY)
    assert build_and_start(dockerfile, context, os.path.realpath(sys.executable)) > 0
    assert not Path("/opt/tiny").exists()


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("COPY server.py .", "COPY other.py .", "other.py is not there to be copied"),
        ("COPY --from=build /opt/tiny", "COPY --from=build /opt/huge", "/opt/huge is not there"),
        ("COPY server.py .", "RUN echo what it says >&2; exit 3", "what it says"),
        ('"/opt/tiny/share/server.py"', '"-c", "import sys; sys.exit(5)"', "it ended with 5"),
    ],
)
def test_a_step_that_fails_is_told(was: str, becomes: str, told: str, context: Path, tmp_path: Path) -> None:
    """With its line and what it said."""
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(TINY.replace(was, becomes))
    with pytest.raises(StepFailed, match=told):
        build_and_start(dockerfile, context, os.path.realpath(sys.executable))


def test_what_is_sent_to_the_engine_is_what_dockerignore_lets_through(tmp_path: Path) -> None:
    """Tracked files alone: no data, no keys, no tests."""
    repository = tmp_path / "repository"
    repository.mkdir()
    for name in ("app/a.py", "app/untracked.py", "tests/t.py", "data/keys"):
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text("x")
    (repository / ".dockerignore").write_text("*\n!app\n")
    subprocess.run(["git", "init", "-q"], cwd=repository, check=True)
    subprocess.run(["git", "add", "app/a.py", "tests/t.py"], cwd=repository, check=True)
    clean_context(repository, tmp_path / "sent")
    sent = [one for one in (tmp_path / "sent").rglob("*") if one.is_file()]
    assert sent == [tmp_path / "sent" / "app" / "a.py"]
