"""Write the table of licences in NOTICE anew, from the metadata of the packages that requirements/run.txt
pins.
"""

import importlib.metadata
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ABOVE = "metadata declares them:\n\n"
BELOW = "\nThe documentation page shows"
"""What stands before and after the table."""


def pinned(lock: str) -> dict[str, str]:
    """Name and version of each package of a lock file."""
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", lock, re.MULTILINE))


def licence(name: str) -> str:
    """The SPDX expression if there is one, else the classifiers."""
    metadata = importlib.metadata.metadata(name)
    if metadata["License-Expression"]:
        return str(metadata["License-Expression"])
    classifiers = [text for text in metadata.get_all("Classifier") or [] if text.startswith("License ::")]
    names = [text.split(" :: ")[-1] for text in classifiers]
    return "; ".join(names) or str(metadata["License"]).splitlines()[0]


def table() -> str:
    lines = []
    for name, version in sorted(pinned((ROOT / "requirements/run.txt").read_text()).items()):
        try:
            lines.append(f"  {name:24} {version:14} {licence(name)}")
        except importlib.metadata.PackageNotFoundError:
            # Pinned for another platform or an older Python; not installed here.
            continue
    return "\n".join(lines)


def main() -> None:
    notice = ROOT / "NOTICE"
    before, _, rest = notice.read_text().partition(ABOVE)
    notice.write_text(before + ABOVE + table() + "\n" + BELOW + rest.partition(BELOW)[2])


if __name__ == "__main__":
    main()
