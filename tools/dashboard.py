"""Write observability/grafana-dashboard.json from a table of panels: `python -m tools.dashboard`."""

import json
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).resolve().parents[1] / "observability" / "grafana-dashboard.json"
WIDTH, HEIGHT, COLUMNS = 8, 8, 24


class Panel(NamedTuple):
    """unit: as Grafana names them. queries: legend to PromQL."""

    title: str
    unit: str
    queries: dict[str, str]
    meaning: str


REDEMPTIONS = 'method="POST",route="/v1/redemptions"'
PANELS = (
    Panel(
        "Redemptions by outcome",
        "reqps",
        {"{{status}}": f"sum by (status) (rate(vouchsafe_http_requests_total{{{REDEMPTIONS}}}[5m]))"},
        "200 took something; 400 and 404 refused with a reason; 503 could not be proven.",
    ),
    Panel(
        "Refusals and errors by key",
        "reqps",
        {"{{key}}": "topk(10, sum by (key) (rate(vouchsafe_errors_total[5m])))"},
        "Why requests were refused. Each key has its page at /docs/errors/.",
    ),
    Panel(
        "Time of an answer, 99 of 100",
        "s",
        {
            "{{route}}": "histogram_quantile(0.99, sum by (le, route) "
            '(rate(vouchsafe_http_request_seconds_bucket{route=~"/v1/(validations|redemptions|qualifications)"}[5m])))'
        },
        "In the worker, from the request's head to the answer.",
    ),
    Panel(
        "Requests by operation",
        "reqps",
        {
            "{{method}} {{route}}": "topk(12, sum by (method, route) "
            "(rate(vouchsafe_http_requests_total[5m])))"
        },
        "The busiest operations.",
    ),
    Panel(
        "Answers 5xx",
        "reqps",
        {
            "{{route}} {{status}}": "sum by (route, status) "
            '(rate(vouchsafe_http_requests_total{status=~"5.."}[5m]))'
        },
        "503: nothing could be proven, nothing was given. 500: a fault, in the log under its request id.",
    ),
    Panel(
        "Parts that can be used",
        "short",
        {"{{part}}": "min by (part) (vouchsafe_part_ready)"},
        "As /readyz sees them.",
    ),
    Panel(
        "Waiting for the ledger",
        "short",
        {"events": "max(vouchsafe_ledger_lag_events)", "jobs": "max(vouchsafe_jobs_waiting)"},
        "Redemptions that are not in SQL yet, and background jobs.",
    ),
    Panel(
        "Outbox",
        "bytes",
        {"all projects": "max(vouchsafe_outbox_bytes)"},
        "A project whose share passes VOUCHSAFE_OUTBOX_MEGABYTES_MAX is answered 503.",
    ),
    Panel(
        "Durability level",
        "short",
        {"{{level}}": "max by (level) (vouchsafe_durability_level)"},
        "What an acknowledged redemption has survived.",
    ),
    Panel(
        "Limited and guessed",
        "reqps",
        {
            "limited: {{scope}}": "sum by (scope) (rate(vouchsafe_rate_limited_total[5m]))",
            "failed lookups": "sum(rate(vouchsafe_failed_lookups_total[5m]))",
        },
        "429 by what was asked too often, and codes asked for in vain.",
    ),
    Panel(
        "Processor time",
        "percentunit",
        {"{{role}}": "sum by (role) (rate(vouchsafe_process_cpu_seconds_total[5m]))"},
        "1 is one processor.",
    ),
    Panel(
        "Memory",
        "bytes",
        {"{{role}}": "sum by (role) (vouchsafe_process_resident_bytes)"},
        "Of the processes that run now.",
    ),
    Panel(
        "Lateness of the event loop",
        "s",
        {"{{role}}": "max by (role) (vouchsafe_event_loop_late_seconds)"},
        "Everything in the process waits as long.",
    ),
    Panel(
        "Starts of processes",
        "short",
        {"{{role}}": "sum by (role) (increase(vouchsafe_process_starts_total[1h]))"},
        "More than deployments explain: something dies.",
    ),
    Panel(
        "Background steps that failed",
        "short",
        {
            "{{loop}} {{why}}": "sum by (loop, why) (increase(vouchsafe_background_failures_total[15m])) > 0",
        },
        "Tried again by themselves; a fault that repeats is in the log.",
    ),
)


def dashboard() -> dict[str, Any]:
    """Grafana's model, with the data source to be chosen at the import."""
    source = {"type": "prometheus", "uid": "${datasource}"}
    panels = []
    for number, panel in enumerate(PANELS):
        across = COLUMNS // WIDTH
        panels.append(
            {
                "id": number + 1,
                "type": "timeseries",
                "title": panel.title,
                "description": panel.meaning,
                "datasource": source,
                "gridPos": {
                    "x": number % across * WIDTH,
                    "y": number // across * HEIGHT,
                    "w": WIDTH,
                    "h": HEIGHT,
                },
                "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
                "targets": [
                    {"refId": chr(65 + index), "datasource": source, "expr": query, "legendFormat": legend}
                    for index, (legend, query) in enumerate(panel.queries.items())
                ],
            }
        )
    return {
        "title": "Vouchsafe",
        "uid": "vouchsafe",
        "tags": ["vouchsafe"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
        "panels": panels,
    }


def text() -> str:
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
