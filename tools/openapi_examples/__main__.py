"""`python -m tools.openapi_examples`: tell the story to a server of its own, write app/http/examples.json."""

import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.support.server import ROOT, Project, RunningServer
from tools.openapi_examples import catalogue_story, management_story, selling_story
from tools.openapi_examples.recorder import Recorder
from tools.openapi_examples.stable import stable_text

FILE: Final = ROOT / "app" / "http" / "examples.json"
ENVIRONMENT: Final = {"VOUCHSAFE_CLIENT_RATE_LIMIT": "0", "VOUCHSAFE_WEBHOOK_NETWORKS": "127.0.0.1/32"}


def tell(base_url: str, project: Project) -> Recorder:
    """The whole story. Raises: StoryFailed."""
    recorder = Recorder(base_url, project)
    with recorder.http:
        management_story.tell_project(recorder)
        catalogue_story.tell_products(recorder)
        catalogue_story.tell_customers(recorder)
        ids = catalogue_story.tell_campaigns(recorder)
        catalogue_story.tell_vouchers(recorder)
        selling_story.tell_checkout(recorder, ids)
        selling_story.tell_orders(recorder)
        export = selling_story.tell_publications(recorder, ids)
        management_story.tell_keys(recorder)
        recorder.refuse_the_rest()
        management_story.tell_removals(recorder, {**ids, "export": export})
        recorder.refuse_the_rest()
    return recorder


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="vouchsafe-examples-") as folder:
        server = RunningServer(Path(folder) / "data", environment=ENVIRONMENT).start()
        try:
            recorder = tell(server.base_url, server.create_project("Examples"))
        finally:
            server.stop()
    FILE.write_text(stable_text(recorder), encoding="utf-8")
    for operation_id in recorder.missing():
        print(f"not told: {operation_id}")
    return 1 if recorder.missing() else 0


if __name__ == "__main__":
    sys.exit(main())
