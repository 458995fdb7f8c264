"""What those who run it look at: metrics, the dashboard and alarms, the log, traces, the doctor."""

import json
import re
import time
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from app.api.routes import ALL_ROUTES
from app.http import measures
from app.http.context import REQUEST, add_request
from tests.support.receiver import until
from tests.support.server import ROOT, Project, RunningServer
from tools import dashboard

OBSERVABILITY = ROOT / "observability"
TOKEN = {"Authorization": "Bearer scrape-me"}


@pytest.fixture(scope="module")
def exported(server: RunningServer) -> dict[str, set[str]]:
    """Names of samples of the running server, with the names of their labels, after a refused redemption."""
    project = server.create_project("sight")
    with server.client(project) as api:
        body = {"redeemables": [{"object": "voucher", "id": "NOBODY-HAS-IT"}], "order": {"amount": 100}}
        assert api.post("/v1/redemptions", json=body).status_code in (400, 404)
    wanted = {name for query in queries().values() for name in re.findall(r"\bvouchsafe_\w+", query)}
    names: dict[str, set[str]] = {}
    for _ in range(400):  # Each worker hands its sums over once a second; a busy one leaves out what is slow.
        text = httpx.get(f"{server.base_url}/metrics", headers=TOKEN).text
        names = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                names.setdefault(sample.name, set()).update(sample.labels)
        if 'route="/v1/redemptions"' in text and wanted <= names.keys():
            break
        time.sleep(0.05)
    assert 'route="/v1/redemptions"' in text, "no redemption was counted"
    return names


def queries() -> dict[str, str]:
    found = {
        f"{panel['title']}: {target['legendFormat']}": target["expr"]
        for panel in dashboard.dashboard()["panels"]
        for target in panel["targets"]
    }
    for group in yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]:
        found |= {rule["alert"]: rule["expr"] for rule in group["rules"]}
    return found


@pytest.mark.parametrize("name", queries())
def test_every_query_names_what_a_running_server_exports(name: str, exported: dict[str, set[str]]) -> None:
    """A dashboard or an alarm on a metric that is not there stays silent for ever."""
    query = queries()[name]
    assert query.count("(") == query.count(")")
    named = set(re.findall(r"\bvouchsafe_\w+", query))
    assert named
    assert named - set(exported) == set()
    asked = {label for labels in re.findall(r"\bby \(([^)]*)\)", query) for label in labels.split(", ")}
    asked |= set(re.findall(r"[{,](\w+)=", query))
    assert asked <= set.union(*(exported[one] for one in named))


def test_every_alarm_says_what_to_do() -> None:
    """Somebody reads it at night."""
    rules = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"][0]["rules"]
    assert {rule["labels"]["severity"] for rule in rules} == {"page", "ticket"}
    assert [rule["alert"] for rule in rules if not rule["annotations"]["action"]] == []


def test_the_dashboard_is_what_its_table_says() -> None:
    """`python -m tools.dashboard` after a change of the panels."""
    assert dashboard.FILE.read_text(encoding="utf-8") == dashboard.text()


def test_labels_are_templates_and_keys(server: RunningServer, exported: dict[str, set[str]]) -> None:
    """However many paths strangers try, there are no more series than operations."""
    for number in range(20):
        httpx.get(f"{server.base_url}/v1/nothing/{number}")
    text = httpx.get(f"{server.base_url}/metrics", headers=TOKEN).text
    routes = set(re.findall(r'route="([^"]*)"', text))
    assert routes <= {route.path for route in ALL_ROUTES} | {"(none)"}
    assert "NOBODY-HAS-IT" not in text


def test_metrics_are_closed_without_their_token(server: RunningServer, project: Project) -> None:
    """They tell of all projects, so no project's key opens them."""
    for headers in ({}, project.headers, {"Authorization": "Bearer wrong"}):
        assert httpx.get(f"{server.base_url}/metrics", headers=headers).status_code == 401


def test_sums_become_the_histogram_that_single_observations_make(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets, sum and count are the same, at the bounds too."""
    seconds = [0.0, 0.001, 0.0011, 0.3, 2.5, 10.0, 11.0]
    made = []
    for together in (True, False):
        registry = CollectorRegistry()
        histogram = measures.Histogram(
            "t", "t", ["method", "route"], buckets=measures.BOUNDS, registry=registry
        )
        monkeypatch.setattr(measures, "SECONDS", histogram)
        route = ALL_ROUTES[0]
        sums = measures.Measures()
        for one in seconds:
            if together:
                sums.note(route, 200, one)
            else:
                histogram.labels(route.method, route.path).observe(one)
        sums.flush()
        samples = [sample for family in registry.collect() for sample in family.samples]
        counted = [one for one in samples if not one.name.endswith("_created")]
        made.append([(one.name, one.labels, one.value) for one in counted])
    assert made[0] == made[1]


def test_keys_of_errors_are_bounded() -> None:
    """A fault that made up keys would not fill the memory of Prometheus."""
    sums = measures.Measures()
    for number in range(measures.KEYS_MAX + 50):
        sums.note_error(f"key_{number}", 400)
    assert len(sums._errors) == measures.KEYS_MAX + 1
    assert sums._errors[measures.OTHER, 400] == 50


def test_a_line_of_the_log_names_its_request_and_trace() -> None:
    """Wherever in the program it is written."""
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    before = REQUEST.set(("v-1", {"traceparent": f"00-{trace}-{span}-01"}))
    try:
        assert add_request(None, "info", {"event": "x"}) == {
            "event": "x",
            "request_id": "v-1",
            "trace_id": trace,
            "span_id": span,
        }
        REQUEST.set(("v-2", {"traceparent": f"00-{'0' * 32}-{span}-01"}))
        assert add_request(None, "info", {"event": "x"}) == {"event": "x", "request_id": "v-2"}
    finally:
        REQUEST.reset(before)
    assert add_request(None, "info", {"event": "x"}) == {"event": "x"}


def test_requests_leave_a_line_where_it_is_asked_for(tmp_path: Path) -> None:
    """Route, status and time; no code, no customer, no token. Those that went well leave none at `failed`."""
    running = RunningServer(tmp_path / "data", environment={"VOUCHSAFE_REQUEST_LOG": "failed"})
    running.start()
    try:
        project = running.create_project("logged")
        with running.client(project) as api:
            assert api.get("/v1/campaigns").status_code == 200
            traced = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
            refused = api.get("/v1/vouchers/SECRET-CODE", headers=traced)
        until(lambda: is_ready(running), "all parts are well")
        finished = running.command("doctor", "--json")
    finally:
        running.stop()
    lines = [json.loads(line) for line in running.log.read_text().splitlines() if line.startswith("{")]
    answered = [one for one in lines if one["event"] == "answered" and one["route"] != "/readyz"]
    (line,) = answered
    assert (line["route"], line["status"], line["error"]) == ("/v1/vouchers/{code}", 404, "not_found")
    assert (line["request_id"], line["trace_id"]) == (refused.headers["x-request-id"], "a" * 32)
    assert (line["project"], line["key_id"]) == (project.project_id, project.app_id)
    assert "SECRET-CODE" not in running.log.read_text()
    report = json.loads(finished.stdout)
    assert report["serving"]["web"]["status"] == report["serving"]["background"]["status"] == "ready"
    assert report["database"]["projects"] == 1
    assert project.app_token not in finished.stdout


def is_ready(server: RunningServer) -> bool:
    roles = ("web", "background")
    return all(httpx.get(f"{server.base_url}/readyz?role={role}").status_code == 200 for role in roles)


def test_readiness_knows_roles(server: RunningServer) -> None:
    """A node that only works in the background is asked for what that needs."""
    web = httpx.get(f"{server.base_url}/readyz").json()
    until(lambda: is_ready(server), "the background process leads")
    background = httpx.get(f"{server.base_url}/readyz?role=background").json()
    assert set(web["checks"]) == set(web["milliseconds"]) == {"database", "redis", "partitions", "durability"}
    assert background["checks"] == {"database": "ok", "redis": "ok", "background": "ok"}
    assert httpx.get(f"{server.base_url}/readyz?role=cook").status_code == 400


async def test_a_request_is_a_span_of_its_callers_trace() -> None:
    """Named by the route's template, with status and operation, when tracing is on."""
    export = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    from app.http.tracing import Tracing

    exporter = export.InMemorySpanExporter()
    tracing = Tracing(exporter)
    route = next(one for one in ALL_ROUTES if one.path == "/v1/redemptions" and one.method == "POST")

    async def serve(scope, receive, send):
        await send({"type": "http.response.start", "status": 503, "headers": []})
        return route

    async def nothing(message=None) -> None:
        assert message is None or message["status"] == 503

    scope = {"method": "POST", "headers": [(b"traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")]}
    await tracing.serve(serve, scope, nothing, nothing)
    tracing.close()
    (span,) = exporter.get_finished_spans()
    assert span.name == "POST /v1/redemptions"
    assert f"{span.context.trace_id:032x}" == "a" * 32
    assert f"{span.parent.span_id:016x}" == "b" * 16
    assert span.attributes["http.response.status_code"] == 503
    assert not span.status.is_ok
