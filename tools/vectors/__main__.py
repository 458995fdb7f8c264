"""The command: a file of cases, one line per case, a total. Exit code 1 when a case failed.

Starts a server of its own unless VOUCHSAFE_URL, VOUCHSAFE_APP_ID and VOUCHSAFE_APP_TOKEN name one: then every
case runs in that key's project under names of its own, and cases that need other settings of a project are
skipped.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import httpx

from tests.support.server import RunningServer
from tools.vectors.places import fits_any_project, open_places, shared_place
from tools.vectors.running import run
from tools.vectors.shop import Place, Vector


def report(base_url: str, vectors: list[Vector], places: list[Place | None]) -> int:
    """Run and print. A case without a place is skipped. Returns how many failed."""
    counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}
    with httpx.Client(base_url=base_url) as client:
        for vector, place in zip(vectors, places, strict=True):
            found = [] if place is None else run(client, vector, place)
            word = "SKIP" if place is None else "FAIL" if found else "PASS"
            counts[word] += 1
            print(f"{word} {vector.get('id', '?')}", "; ".join(found), sep="  " if found else "", flush=True)
    skipped = f", {counts['SKIP']} skipped: they need settings of a project" if counts["SKIP"] else ""
    print(f"{counts['PASS']} of {len(vectors)} passed, {counts['FAIL']} failed{skipped}")
    return counts["FAIL"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make vectors FILE=path", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", nargs="*", help="ids of cases")
    options = parser.parse_args()
    held = json.loads(options.file.read_text())
    vectors = held if isinstance(held, list) else held["vectors"]
    if options.only:
        vectors = [vector for vector in vectors if vector["id"] in options.only]
    base_url = os.environ.get("VOUCHSAFE_URL")
    if base_url:
        places = [shared_place() if fits_any_project(vector) else None for vector in vectors]
        return int(report(base_url, vectors, places) > 0)
    with tempfile.TemporaryDirectory(prefix="vouchsafe-vectors-") as folder:
        server = RunningServer(data_dir=Path(folder) / "data").start()
        try:
            return int(report(server.base_url, vectors, list(open_places(server, vectors))) > 0)
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
