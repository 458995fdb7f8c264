"""`make second-try`: what failed in the last run of the tests, alone, in fresh processes, twice in a row.

A test that waits for other processes can meet a machine that is too busy; a fault of the product or of the
test fails here as well. More than a few failures are no bad luck and are not tried again. Every name is
printed: a test that needs its second try is to be mended.
"""

import json
import subprocess
import sys
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
FAILURES_MAX = 4
TIMES = 2


def main() -> int:
    failed = sorted(json.loads(FAILED.read_text())) if FAILED.exists() else []
    print(f"{len(failed)} failed:", *failed, sep="\n  ", flush=True)
    if not 0 < len(failed) <= FAILURES_MAX:
        print(f"No second try: it is for 1 to {FAILURES_MAX} of them.")
        return 1
    for _ in range(TIMES):
        # Not by --last-failed: that would forget them after the first run that goes well.
        done = subprocess.run([sys.executable, "-m", "pytest", *failed], check=False)
        if done.returncode:
            return done.returncode
    print("They pass alone, so they are to be mended:", *failed, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
