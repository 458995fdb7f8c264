"""The vectors of other engines through the public HTTP API, as `make vectors` runs them."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.server import RunningServer
from tools.vectors.places import open_places
from tools.vectors.running import run
from tools.vectors.shop import Place, Vector

FILE = Path(__file__).with_name("peer_vectors.json")
VECTORS: dict[str, Vector] = {
    vector["id"]: vector for vector in json.loads(FILE.read_text())["vectors"]
}
NEW_KINDS: list[Vector] = json.loads(FILE.with_name("kinds.json").read_text())["vectors"]
"""What the schema names and no case of the file has."""


@pytest.fixture(scope="module")
def places(server: RunningServer) -> dict[str, Place]:
    """A project of its own for each case, all made at once."""
    vectors = [*VECTORS.values(), *NEW_KINDS]
    opened = open_places(server, vectors)
    return {vector["id"]: place for vector, place in zip(vectors, opened, strict=True)}


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base_url) as client:
        yield client


@pytest.mark.parametrize("name", VECTORS)
def test_the_api_answers_what_peers_compute(
    client: httpx.Client, places: dict[str, Place], name: str
) -> None:
    """What was decided without a server comes out of one too: documents, catalogue and counters included."""
    assert run(client, VECTORS[name], places[name]) == []


@pytest.mark.parametrize("vector", NEW_KINDS, ids=lambda vector: str(vector["id"]))
def test_every_kind_that_the_schema_names_can_be_run(
    client: httpx.Client, places: dict[str, Place], vector: Vector
) -> None:
    """Other files have other kinds of promotions, limits and conditions than the one that is kept here."""
    assert run(client, vector, places[vector["id"]]) == []


def test_what_has_no_mapping_fails_alone(client: httpx.Client, places: dict[str, Place]) -> None:
    """A case with an unknown kind or condition, or without its parts, is told as such and stops no other."""
    place = places[NEW_KINDS[0]["id"]]
    strange: Vector = json.loads(json.dumps(NEW_KINDS[0]))
    strange["promotions"][0]["conditions"] = {"moon": "full"}
    assert run(client, strange, place) == ["cannot be run: Unmapped: conditions moon: no mapping"]
    assert "cannot be run: KeyError" in run(client, {"id": "empty"}, place)[0]


def test_a_wrong_answer_is_told(server: RunningServer, client: httpx.Client) -> None:
    """A case that expects another discount than it gets fails, and says by how much."""
    vector = json.loads(json.dumps(NEW_KINDS[0]))
    vector["expected"] = {"order_discount_minor": vector["expected"]["order_discount_minor"] + 1}
    (place,) = open_places(server, [vector])
    assert [fault.split()[0] for fault in run(client, vector, place)] == ["discount"]
