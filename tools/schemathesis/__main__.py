"""`make schemathesis`: schemathesis asks every operation of the document and walks along its links, against
a server of its own; prints what was answered.

Ends with 1 when schemathesis found a fault (5xx), a status, header or media type that the document does not
name, a body that is not of its schema, a deleted thing that still answers, or a made one that does not; and
when an operation was not asked at all.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec

from tests.support.server import ROOT, Project, RunningServer
from tools.fuzz.__main__ import ENVIRONMENT, SETTINGS, keys_of, table_row
from tools.fuzz.operations import operations_of

Counts = dict[str, Counter[int]]
DOCUMENT = ROOT / "openapi" / "vouchsafe.json"
HOOKS = Path(__file__).parent / "hooks.py"
CONFIGURATION = f"""hooks = {json.dumps(str(HOOKS))}
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 503]
[phases.stateful.inference]
algorithms = []
"""
"""A 503 asks for patience, which a busy machine needs now and then; how many there were is printed.
Links are those of the document, and no others."""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "gone_is_gone",
    "made_is_there",
)


def run(
    server: RunningServer, project: Project, folder: Path, options: argparse.Namespace, *, walk: bool
) -> tuple[int, Counts]:
    """schemathesis beside the server; its report goes where ours goes.

    walk: along links, with good requests; else every operation by itself, with good and bad ones.
    Returns its exit status (0 when it found nothing) and what was answered.
    """
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    counts = folder / "counts.json"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml")]
    command += ["run", str(DOCUMENT), "--url", server.base_url, "--checks", ",".join(CHECKS)]
    command += ["--phases", "stateful" if walk else options.phases, "--mode", "positive" if walk else "all"]
    if walk:  # The state of a server is never what it was, which ends a set of walks: there are more of them.
        command += ["--max-time", str(options.walk_seconds)]
    command += ["--max-examples", str(options.examples), "--request-timeout", "120"]
    command += ["--seed", str(options.seed), "--continue-on-failure", "--no-shrink", "--no-color"]
    command += ["--generation-database", "none", "--suppress-health-check", "all", "--warnings", "off"]
    if options.only:
        command += ["--include-path-regex", options.only]
    given = {
        "keys": keys_of(project),
        "barred": [project.project_id, project.app_id, project.client_id, project.management_id],
        "seed": options.seed,
        "walk": walk,
        "document": str(DOCUMENT),
        "counts": str(counts),
    }
    environment = {**os.environ, "VOUCHSAFE_SCHEMATHESIS": json.dumps(given), "PYTHONPATH": str(ROOT)}
    status = subprocess.run(command, cwd=folder, env=environment, check=False).returncode
    found = msgspec.json.decode(counts.read_bytes(), type=dict[str, dict[int, int]])
    return status, {operation_id: Counter(answers) for operation_id, answers in found.items()}


def report(counts: Counts, asked: list[str]) -> list[str]:
    """Print the table. Returns the operations that were not asked."""
    print(f"{'operation':58} {'sent':>6} {'2xx':>6} {'4xx':>6} {'5xx':>5}  statuses")
    for operation_id in asked:
        found = counts.get(operation_id, Counter())
        statuses = " ".join(f"{status}:{number}" for status, number in sorted(found.items()))
        print(f"{operation_id:58} {table_row(found)}  {statuses}")
    total = sum(counts.values(), Counter[int]())
    print(f"{'all':58} {table_row(total)}  503: {total[503]}")
    return [operation_id for operation_id in asked if not counts.get(operation_id)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make schemathesis", description=__doc__)
    parser.add_argument("--examples", type=int, default=30, help="per operation, of each phase")
    parser.add_argument("--walk-seconds", type=int, default=120, help="of walks along the links")
    parser.add_argument("--phases", default="examples,coverage,fuzzing", help='beside the walks; none: ""')
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="operations whose path this expression finds")
    options = parser.parse_args()
    operations = operations_of(msgspec.json.decode(DOCUMENT.read_bytes()))
    with tempfile.TemporaryDirectory(prefix="vouchsafe-schemathesis-") as name:
        folder = Path(name)
        server = RunningServer(data_dir=folder / "data", workers=2, environment=ENVIRONMENT).start()
        try:
            project = server.create_project("schemathesis", settings=SETTINGS)
            started = time.monotonic()
            counts: Counts = {}
            failed = False
            for walk in (True, False) if options.phases else (True,):
                status, answers = run(server, project, folder, options, walk=walk)
                failed = failed or status != 0
                for operation_id, found in answers.items():
                    counts[operation_id] = counts.get(operation_id, Counter()) + found
            unasked = report(counts, [one.id for one in operations if re.search(options.only, one.path)])
            print(f"{time.monotonic() - started:.0f} seconds, seed {options.seed}, not asked: {unasked}")
            if failed:
                print(server.log_tail(3_000))
            return int(failed or (bool(options.phases) and bool(unasked)))
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
