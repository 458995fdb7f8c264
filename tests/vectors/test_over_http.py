"""A sample of the vectors of other engines through the public HTTP API; `make vectors` runs all of them."""

import json
from pathlib import Path

import httpx
import pytest

from tests.support.server import RunningServer
from tools.vectors.places import open_places
from tools.vectors.running import run
from tools.vectors.shop import Vector

FILE = Path(__file__).with_name("peer_vectors.json")
SAMPLE = (
    "lunar-015",
    "magento-003",
    "medusa-001",
    "medusa-013",
    "medusa-015",
    "medusa-023",
    "medusa-041",
    "oscar-017",
    "oscar-021",
    "oscar-025",
    "presta-001",
    "saleor-008b",
    "shopware-005",
    "solidus-015",
    "solidus-019",
    "spree-003",
    "sylius-005",
    "sylius-021",
    "sylius-033",
    "sylius-047",
    "vdocs-009",
    "vendure-007",
    "vendure-017",
    "vendure-021",
    "woo-013",
)
"""Every peer, kind of promotion, limit and way of stacking that the file has, and most conditions."""
VECTORS: dict[str, Vector] = {
    vector["id"]: vector for vector in json.loads(FILE.read_text())["vectors"] if vector["id"] in SAMPLE
}


def outcome(server: RunningServer, vector: Vector) -> list[str]:
    """The faults of a case in a project of its own."""
    (place,) = open_places(server, [vector])
    with httpx.Client(base_url=server.base_url) as client:
        return run(client, vector, place)


@pytest.mark.parametrize("name", SAMPLE)
def test_the_api_answers_what_peers_compute(server: RunningServer, name: str) -> None:
    """What was decided without a server comes out of one too: documents, catalogue and counters included."""
    assert outcome(server, VECTORS[name]) == []


def test_a_wrong_answer_is_told(server: RunningServer) -> None:
    """A case that expects another discount than it gets fails, and says by how much."""
    vector = json.loads(json.dumps(VECTORS[SAMPLE[0]]))
    vector["expected"]["order_discount_minor"] += 1
    vector["expected"].pop("accept_minor", None)
    assert [fault.split()[0] for fault in outcome(server, vector)] == ["discount"]
