"""The short form of `make fuzz`: a few odd requests to every operation."""

import subprocess
import sys

import pytest

from tests.support.server import ROOT
from tools.fuzz.operations import operations_of
from tools.fuzz.shapes import value_of


@pytest.mark.slow
@pytest.mark.service
def test_no_request_is_answered_with_a_fault_or_a_surprise() -> None:
    """No 5xx, and no status that the document does not name; every operation is asked."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.fuzz", "--requests", "2000", "--least", "8"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]


def test_the_fuzzer_knows_every_operation_of_a_document() -> None:
    """With its parameters, its body and the statuses that it may answer."""
    row = {
        "operationId": "put-thing",
        "parameters": [{"name": "id", "in": "path"}, {"name": "limit", "in": "query"}],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
        "responses": {"200": {}, "404": {}},
    }
    (found,) = operations_of({"paths": {"/v1/things/{id}": {"put": row}}})
    assert (found.id, found.method, found.parameters, found.query) == ("put-thing", "PUT", ["id"], ["limit"])
    assert (found.shape, found.statuses, found.side) == ("Thing", frozenset({200, 404}), "server")


def test_a_schema_gives_values_of_it() -> None:
    """Required properties are there, unless something else is there on purpose."""
    import random

    chance = random.Random(3)
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 5}}, "required": ["n"]}
    made = [value_of(schema, {}, chance) for _ in range(50)]
    assert any(isinstance(one, dict) and one.get("n", 0) in (5, 6) for one in made)
    assert any(not isinstance(one, dict) for one in made)
