"""Write sbom.cdx.json, the bill of materials (CycloneDX) of what is installed at run time, from the lock:
`python -m tools.sbom`. It has no date and no serial number, so that the same lock gives the same bytes.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "sbom.cdx.json"
LOCK = ROOT / "requirements" / "run.txt"


def components() -> list[dict[str, Any]]:
    """Every package of the lock with its hashes."""
    found = []
    for entry in re.split(r"\n(?=[a-z0-9])", LOCK.read_text(encoding="utf-8").strip()):
        name, version = re.match(r"([a-z0-9._-]+)==([^\s;\\]+)", entry).groups()  # type: ignore[union-attr]
        hashes = sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))
        purl = f"pkg:pypi/{name}@{version}"
        found.append(
            {
                "type": "library",
                "bom-ref": purl,
                "name": name,
                "version": version,
                "purl": purl,
                "hashes": [{"alg": "SHA-256", "content": value} for value in hashes],
            }
        )
    return found


def text() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "vouchsafe",
                "name": project["name"],
                "version": project["version"],
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": components(),
        "dependencies": [{"ref": "vouchsafe", "dependsOn": [one["bom-ref"] for one in components()]}],
    }
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
