"""The rows of `make bench-all`: for each, the shop it needs, what it sends, and the answer that proves it."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import httpx

from loadtests.shop import UNREACHED, body, open_shop, post
from loadtests.stage import Stage
from loadtests.tiers import GROUPS, PRODUCTS, open_tiers
from tests.support.server import Project

SOLD_OUT = "BENCH-SOLD-OUT"
STACK = tuple(f"STACK-{number}" for number in range(1, 6))
STACK_LINES = 20
CART_LINES = 10
MINT = "Minted"
AGENTS = 4
"""Who mint at once: people, not shoppers."""


class Load(NamedTuple):
    """What one row sends."""

    project: Project
    path: str
    bodies: list[dict[str, Any]]
    expected: Callable[[httpx.Response], bool]
    """Whether this is the answer that the row is about: a cheap error must not be measured as a success."""
    refused: bool = False
    """The right answer is an error; then none may be a success."""
    takes: bool = False
    """It makes events, so that the background process has to keep up."""


class Case(NamedTuple):
    name: str
    prepare: Callable[[Stage, int], Load]
    """Of a stage and a number of customers. What several rows need is made once per stage."""
    open_loop: bool = False
    """Its latency is measured in an open loop too."""
    connections_max: int = 1_000
    """How many ask at once at most, whatever the run says."""


Fill = Callable[[httpx.AsyncClient, Project], Awaitable[None]]


def _project(stage: Stage, name: str, fill: Fill) -> Project:
    """Made and filled once per stage."""
    if name not in stage.projects:
        project = stage.server.create_project(name)
        stage.prepared(project, lambda client: fill(client, project))
        stage.projects[name] = project
    return stage.projects[name]


def _shop(stage: Stage, customers: int) -> Project:
    async def fill(client: httpx.AsyncClient, _: Project) -> None:
        await open_shop(client, customers)
        terms = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}}
        await post(client, f"/v1/vouchers/{SOLD_OUT}", {**terms, "redemption": {"quantity": 1}})
        await post(client, "/v1/redemptions", _bought(SOLD_OUT, "customer-0"))

    return _project(stage, "bench", fill)


def _bought(code: str, customer: str) -> dict[str, Any]:
    return {**body(customer), "redeemables": [{"object": "voucher", "id": code}]}


def _customers(customers: int) -> list[str]:
    return [f"customer-{number}" for number in range(customers)]


def _key_of(answer: httpx.Response) -> str:
    return str(answer.json().get("key"))


# One code
# ---------------------------------------------------------------------------------------------------------


def validate(stage: Stage, customers: int) -> Load:
    def valid(answer: httpx.Response) -> bool:
        return answer.status_code == 200 and answer.json()["valid"] is True

    bodies = [body(customer) for customer in _customers(customers)]
    return Load(_shop(stage, customers), "/v1/validations", bodies, valid)


def redeem(stage: Stage, customers: int) -> Load:
    bodies = [body(customer) for customer in _customers(customers)]
    return Load(_shop(stage, customers), "/v1/redemptions", bodies, _redeemed(1), takes=True)


def _redeemed(count: int) -> Callable[[httpx.Response], bool]:
    def taken(answer: httpx.Response) -> bool:
        return answer.status_code == 200 and len(answer.json()["redemptions"]) == count

    return taken


def refuse_sold_out(stage: Stage, customers: int) -> Load:
    bodies = [_bought(SOLD_OUT, customer) for customer in _customers(customers)]
    return Load(
        _shop(stage, customers),
        "/v1/redemptions",
        bodies,
        lambda answer: (answer.status_code, _key_of(answer)) == (400, "quantity_exceeded"),
        refused=True,
    )


def refuse_unknown(stage: Stage, customers: int) -> Load:
    """Codes that do not exist, so many that none is remembered as unknown when it is asked for again."""
    bodies = [_bought(f"NO-SUCH-{number}", "customer-0") for number in range(max(customers, 20_000))]
    return Load(
        _shop(stage, customers),
        "/v1/redemptions",
        bodies,
        lambda answer: (answer.status_code, _key_of(answer)) == (404, "not_found"),
        refused=True,
    )


# Several
# ---------------------------------------------------------------------------------------------------------


def stack(stage: Stage, customers: int) -> Load:
    """Five codes with the rules of the one, two of them for items; twenty lines."""

    async def fill(client: httpx.AsyncClient, _: Project) -> None:
        await open_shop(client, customers)
        rules = (await client.get("/v1/validation-rules")).json()["data"]
        for number, code in enumerate(STACK):
            effect = "APPLY_TO_ITEMS" if number < 2 else "APPLY_TO_ORDER"
            document = {
                "type": "DISCOUNT_VOUCHER",
                "discount": {"type": "PERCENT", "percent_off": 3, "effect": effect},
                "redemption": {"quantity": UNREACHED},
                "validation_rules": [rules[0]["id"]],
            }
            await post(client, f"/v1/vouchers/{code}", document)

    items = [
        {"product_id": f"prod_{line}", "quantity": 1 + line % 3, "price": 500 + 25 * line}
        for line in range(STACK_LINES)
    ]
    bodies = [
        {
            "redeemables": [{"object": "voucher", "id": code} for code in STACK],
            "customer": {"source_id": customer},
            "order": {"items": items},
        }
        for customer in _customers(customers)
    ]
    project = _project(stage, "stack", fill)
    return Load(project, "/v1/redemptions", bodies, _redeemed(len(STACK)), takes=True)


def qualify(tiers: int, *, best: bool = False) -> Callable[[Stage, int], Load]:
    """Of so many promotion tiers; about one in twenty matches a cart. best: the best deal first."""

    def prepare(stage: Stage, customers: int) -> Load:
        async def fill(client: httpx.AsyncClient, project: Project) -> None:
            await open_tiers(stage.database_url, project.project_id, client, tiers)

        chance = random.Random(7)
        bodies: list[dict[str, Any]] = []
        for customer in _customers(customers):
            cart = {
                "customer": {
                    "source_id": customer,
                    "metadata": {"group": f"group-{chance.randrange(GROUPS)}"},
                },
                "order": {"items": [_line(chance) for _ in range(CART_LINES)]},
                "scenario": "ALL",
                "options": {"sorting_rule": "BEST_DEAL"} if best else {},
            }
            bodies.append(cart)
        return Load(_project(stage, f"tiers-{tiers}", fill), "/v1/qualifications", bodies, _qualified)

    return prepare


def _line(chance: random.Random) -> dict[str, Any]:
    product = f"prod_{chance.randrange(PRODUCTS)}"
    return {
        "product_id": product,
        "quantity": chance.randrange(1, 4),
        "price": chance.randrange(100, 8_000),
    }


def _qualified(answer: httpx.Response) -> bool:
    return answer.status_code == 200 and isinstance(answer.json()["redeemables"]["data"], list)


# Codes for agents
# ---------------------------------------------------------------------------------------------------------


def mint(stage: Stage, customers: int) -> Load:
    """A new code for one customer, as a support agent asks for it."""

    async def fill(client: httpx.AsyncClient, _: Project) -> None:
        document = {
            "name": MINT,
            "type": "AUTO_UPDATE",
            "campaign_type": "DISCOUNT_COUPONS",
            "voucher": {
                "type": "DISCOUNT_VOUCHER",
                "discount": {"type": "AMOUNT", "amount_off": 500},
                "redemption": {"quantity": 1},
                "code_config": {"length": 12},
            },
        }
        await post(client, "/v1/campaigns", document)
        gate = asyncio.Semaphore(16)

        async def customer(name: str) -> None:
            async with gate:
                await post(client, "/v1/customers", {"source_id": name})

        await asyncio.gather(*map(customer, _customers(customers)))

    bodies: list[dict[str, Any]] = [
        {
            "campaign": MINT,
            "customer": {"source_id": customer},
            "extensions": {"holder_only": True, "reason": "late parcel", "agent": "kim"},
        }
        for customer in _customers(customers)
    ]
    return Load(
        _project(stage, "mint", fill),
        "/v1/publications",
        bodies,
        lambda answer: answer.status_code == 200 and bool(answer.json()["voucher"]["code"]),
    )


CASES: dict[str, Case] = {
    case.name: case
    for case in (
        Case("validate", validate, open_loop=True),
        Case("redeem", redeem, open_loop=True),
        Case("stack", stack, open_loop=True),
        Case("refuse_sold_out", refuse_sold_out),
        Case("refuse_unknown", refuse_unknown),
        Case("mint", mint, connections_max=AGENTS),
        Case("qualify_100", qualify(100)),
        Case("qualify_2000", qualify(2_000)),
        Case("qualify_20000", qualify(20_000)),
        Case("best_deal_100", qualify(100, best=True)),
        Case("best_deal_20000", qualify(20_000, best=True)),
    )
}


def proves(stage: Stage, load: Load, document: dict[str, Any]) -> None:
    """Ask once by hand. Raises: SystemExit when the answer is not what the row is about."""

    async def ask(client: httpx.AsyncClient) -> None:
        answer = await client.post(load.path, json=document)
        if not load.expected(answer):
            shown = json.dumps(answer.json())[:400]
            raise SystemExit(f"POST {load.path}: not what is to be measured: {answer.status_code} {shown}")

    stage.prepared(load.project, ask)
