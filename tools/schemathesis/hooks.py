"""What schemathesis loads: requests carry a valid key of their side, half of them a body that means something
and ids that exist, and every answer is counted.

VOUCHSAFE_SCHEMATHESIS (JSON) says: `keys` (side to headers), `barred` (ids that are never asked for), `seed`,
`walk` (along links), `document` and `counts` (files). At the end the counts stand there: operation id to
status to number.
"""

import atexit
import json
import os
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.specs.openapi.checks import ensure_resource_availability, use_after_free
from tools.fuzz.examples import Examples
from tools.fuzz.operations import Operation, operations_of
from tools.fuzz.pool import PARAMETERS, Pool

GIVEN: dict[str, Any] = json.loads(os.environ["VOUCHSAFE_SCHEMATHESIS"])
OPERATIONS: dict[str, Operation] = {
    one.id: one for one in operations_of(json.loads(Path(GIVEN["document"]).read_bytes()))
}
EXAMPLES_SHARE = 0.6
TOLD_OF_ANYBODY = {"list-customer-segments"}
"""Of a customer who is not known it names the segments that he would be in."""
TAKES_AWAY = {"customer-permanently-deletion"}
NAMED_BY_PATH = {"create-voucher", "add-voucher-with-specific-code-to-campaign"}

chance = random.Random(GIVEN["seed"])
pool = Pool(chance)
pool.barred = set(GIVEN["barred"])
examples = Examples(pool, chance)
answers: dict[str, Counter[int]] = defaultdict(Counter)
gone: set[str] = set()
"""What a walk took away again: deleted, or erased by an operation that is no DELETE."""


def operation_of(context: Any) -> Operation:
    return OPERATIONS[context.operation.definition.raw["operationId"]]


@schemathesis.check
def made_is_there(context: Any, response: Any, case: Any) -> bool | None:
    """What was made answers. A 404 about something else, that the body names, says nothing of it, nor does
    one about what the same walk took away between the two.
    """
    if response.status_code == 404:
        identities = (case.path_parameters or {}).values()
        if not gone.isdisjoint(identities):
            return None
        if response.json().get("resource_id", next(iter(identities), None)) not in identities:
            return None
    return ensure_resource_availability(context, response, case)


@schemathesis.check
def gone_is_gone(context: Any, response: Any, case: Any) -> bool | None:
    """What was deleted no longer answers. An answer that is told of anybody says nothing of who is gone."""
    if case.operation.definition.raw["operationId"] in TOLD_OF_ANYBODY:
        return None
    return use_after_free(context, response, case)


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Nothing random makes a campaign: a walk begins with bodies that do, others are mixed."""
    if not GIVEN["walk"] and chance.random() > EXAMPLES_SHARE:
        return body
    operation = operation_of(context)
    made = examples.of(operation.shape, operation.id)
    return body if made is None else made


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    """Ids that were answered before, where no link gave one; new names for what is made under its name.

    What is deleted, schemathesis chooses: it asks for it afterwards.
    """
    operation = operation_of(context)
    if not operation.parameters:
        return path_parameters
    if operation.id in NAMED_BY_PATH:
        return path_parameters | {"code": examples.name("CODE")}
    linked = any(value in ids for ids in pool.known.values() for value in (path_parameters or {}).values())
    if operation.method == "DELETE" or linked or chance.random() > EXAMPLES_SHARE:
        return path_parameters
    return pool.parameters(operation.parameters, PARAMETERS, passing=False) or path_parameters


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """What is tried is what a caller with a key can do."""
    if not case.operation.path.startswith("/downloads/"):
        case.headers.update(GIVEN["keys"][operation_of(context).side])


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    operation = operation_of(context)
    answers[operation.id][response.status_code] += 1
    if 200 <= response.status_code < 300 and (operation.method == "DELETE" or operation.id in TAKES_AWAY):
        gone.update(map(str, (case.path_parameters or {}).values()))
    if response.status_code in {200, 202} and response.content.startswith((b"{", b"[")):
        pool.learn(json.loads(response.content))


@atexit.register
def write_counts() -> None:
    Path(GIVEN["counts"]).write_text(json.dumps(answers))
