"""`python -m tools.topology sentinel` or `cluster`: start the servers here, from the bundled binary, and
Vouchsafe on them.

For trying out and for drills: everything listens on this machine alone, and what it kept is gone at the end.
"""

import argparse
import contextlib
import os
import subprocess
import sys
from pathlib import Path

from tests.support.topologies import Cluster, Sentinels

TOPOLOGIES = {"sentinel": Sentinels, "cluster": Cluster}


def main() -> int:
    parser = argparse.ArgumentParser(prog="topology", description=__doc__)
    parser.add_argument("topology", choices=TOPOLOGIES)
    parser.add_argument("--data-dir", type=Path, default=Path("data-topology"), help="of Vouchsafe")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default="8000")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--servers-only", action="store_true", help="print the address and wait")
    given = parser.parse_args()
    with TOPOLOGIES[given.topology]() as servers:
        print(f"VOUCHSAFE_REDIS_URL={servers.url}", flush=True)
        if given.servers_only:
            with contextlib.suppress(KeyboardInterrupt):
                sys.stdin.read()
            return 0
        serve = [
            sys.executable, "-m", "app.cli", "serve", "--host", given.host, "--port", given.port,
            "--workers", given.workers, "--data-dir", str(given.data_dir),
        ]  # fmt: skip
        child = subprocess.Popen(serve, env={**os.environ, "VOUCHSAFE_REDIS_URL": servers.url})
        try:
            return child.wait()
        except KeyboardInterrupt:
            return child.wait()


if __name__ == "__main__":
    sys.exit(main())
