"""Every snippet of README and docs is run. `<!-- snippet: KIND -->` stands above a fenced block:

demo: shell, beside the running demo shop, all of one document in one shell, in order, with `data/` and
`.venv/bin`. client: Python, with the demo shop's variables in the environment.
"""

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.demo import saved_keys, start_demo
from tests.support.server import ROOT, RunningServer
from tools import first_refusal

pytestmark = [pytest.mark.slow, pytest.mark.service]

BLOCK = re.compile(r"^<!-- snippet: (\w+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```(\w*)$\n.*?^```$", re.MULTILINE | re.DOTALL)
REFUSALS = ("unauthorized", "internal_server_error", "invalid_payload", "invalid_query_params")
"""Keys of errors that no snippet means to show."""


def documents() -> list[Path]:
    return sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "loadtests/README.md"])


def blocks(document: Path, kind: str) -> list[str]:
    return [text for name, text in BLOCK.findall(document.read_text()) if name == kind]


def with_blocks(kind: str) -> list[str]:
    return [str(document.relative_to(ROOT)) for document in documents() if blocks(document, kind)]


def outside() -> dict[str, str]:
    """The environment of somebody who has configured nothing."""
    return {name: text for name, text in os.environ.items() if not name.startswith("VOUCHSAFE_")}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = start_demo(tmp_path_factory.mktemp("docs") / "data")
    yield running
    running.stop()


@pytest.fixture
def folder(shop: RunningServer, tmp_path: Path) -> Path:
    """A folder that looks like a clone after `make run`: data/ and .venv/bin/vouchsafe."""
    (tmp_path / "data").symlink_to(shop.data_dir)
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    launcher = binaries / "vouchsafe"
    launcher.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m app.cli "$@"\n')
    launcher.chmod(0o755)
    (tmp_path / ".curlrc").write_text("retry = 60\nretry-delay = 1\n")  # A 503 asks for just that.
    return tmp_path


@pytest.mark.parametrize("document", with_blocks("demo"))
def test_shell_snippets_work_in_order(document: str, shop: RunningServer, folder: Path) -> None:
    """What a reader pastes succeeds, each line of it."""
    script = "set -eu\n" + "\necho\n".join(blocks(ROOT / document, "demo"))
    finished = subprocess.run(
        ["sh"],
        input=script,
        cwd=folder,
        env={**outside(), "CURL_HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    printed = finished.stdout + finished.stderr
    assert [key for key in REFUSALS if f'"key":"{key}"' in printed] == [], printed


@pytest.mark.parametrize("document", with_blocks("client"))
def test_python_snippets_work(document: str, shop: RunningServer, tmp_path: Path) -> None:
    """Each by itself, with the keys of the demo shop."""
    keys = {f"DEMO_{name.upper()}": str(text) for name, text in saved_keys(shop).items()}
    environment = {**outside(), **keys, "DEMO_URL": shop.base_url}
    for number, text in enumerate(blocks(ROOT / document, "client")):
        program = tmp_path / f"snippet_{number}.py"
        program.write_text(text)
        finished = subprocess.run(
            [sys.executable, str(program)], env=environment, capture_output=True, text=True, check=False
        )
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout.strip()


class Lossy(httpx.HTTPTransport):
    """Every redemption arrives, and no answer to one comes back."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        if request.url.path == "/v1/redemptions":
            answer.close()
            raise httpx.ReadTimeout("the answer was lost", request=request)
        return answer


def test_a_checkout_that_hears_no_answer_gives_back_what_was_taken(
    shop: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The how-to's own functions: sold without the discount, settled later under the same key, nothing lost.
    With answers: each of its five customers pays and reads what the text says.
    """
    keys = {f"DEMO_{name.upper()}": str(text) for name, text in saved_keys(shop).items()}
    for name, text in {**keys, "DEMO_URL": shop.base_url}.items():
        monkeypatch.setenv(name, text)
    (program,) = blocks(ROOT / "docs/how-to/checkout.md", "client")
    names: dict[str, Any] = {}
    exec(program[: program.index("cart = ")], names)
    names["send"].__defaults__ = (None, None, 0.5)
    items = [{"source_id": "kettle", "related_object": "product", "quantity": 1, "price": 4900}]
    with httpx.Client(base_url=shop.base_url, headers=names["KEYS"], timeout=30) as engine:
        code = f"UNSURE-{uuid.uuid4().hex[:8]}"
        terms = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 900}}
        engine.post(f"/v1/vouchers/{code}", json={**terms, "redemption": {"quantity": 1}}).raise_for_status()

        def buy(through: httpx.Client, **bank: bool) -> Any:
            who, order_id = {"source_id": uuid.uuid4().hex}, uuid.uuid4().hex
            return names["place_order"](through, names["Bank"](**bank), order_id, code, who, items)

        with httpx.Client(base_url=shop.base_url, transport=Lossy(), timeout=30) as lossy:
            assert buy(lossy) == (4900, "the code could not be taken")
        assert len(names["UNSURE"]) == 1
        assert buy(engine)[0] == 4900  # Somebody else took it, as far as anybody knows.
        names["send"].__defaults__ = (None, None, 30)
        names["settle_unsure"](engine)
        assert names["UNSURE"] == []
        assert buy(engine, authorises=False) == (0, "the payment was refused")
        assert buy(engine, collects=False) == (0, "the payment failed, the code is yours again")
        assert buy(engine) == (4000, "thank you")
        assert buy(engine)[1] != "thank you"


def test_the_readme_leads_to_a_refusal_that_says_why_in_as_many_commands_as_it_says(
    shop: RunningServer, folder: Path
) -> None:
    """What `make first-refusal` does in a fresh clone, here beside a shop that is open."""
    readme = (ROOT / "README.md").read_text()
    assert first_refusal.commands_before(readme) == [first_refusal.SERVE]
    found = first_refusal.pasted_until_refusal(readme, folder, outside())
    assert (found.key, found.message.split()[0]) == ("customer_rules_violated", "customer")
    assert f"says why are {first_refusal.BEFORE + found.pasted} commands" in readme
    with pytest.raises(first_refusal.NotFound, match="none of them is refused"):
        first_refusal.pasted_until_refusal("<!-- snippet: demo -->\n```sh\necho {}\n```\n", folder, outside())


def test_every_shell_and_python_block_is_run() -> None:
    """A fenced block with a language is a snippet; what cannot be run is written without one."""
    loose = []
    for document in documents():
        text = document.read_text()
        run = len(BLOCK.findall(text))
        fenced = len([name for name in FENCE.findall(text) if name in ("sh", "shell", "bash", "python")])
        if fenced != run:
            loose.append(f"{document.relative_to(ROOT)}: {fenced} blocks, {run} of them run")
    assert loose == []


def test_make_targets_named_in_documents_exist() -> None:
    """`make something` in a document is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set()
    for document in [*documents(), ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md"]:
        named |= set(re.findall(r"`make ([a-z-]+)", document.read_text()))
        named |= set(re.findall(r"^make ([a-z-]+)", document.read_text(), re.MULTILINE))
    assert named - targets == set()
