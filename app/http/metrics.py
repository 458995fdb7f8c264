"""The counters of all processes of one `serve` together, in the text format of Prometheus.

Each process keeps its counters in a file of its own below the folder that the parent names in the
environment; without that variable (a single process, the tests) there is one registry in memory.
"""

import os
from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Read by prometheus_client when it is imported."""
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


def metrics_text() -> bytes:
    """What a scrape is answered."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None or not Path(folder).is_dir():
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
