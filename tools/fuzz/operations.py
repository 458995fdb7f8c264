"""The operations of a document, and requests for them: good ones, odd ones, broken ones."""

import random
import re
from typing import Any, NamedTuple
from urllib.parse import quote

from tools.fuzz import hostile
from tools.fuzz.examples import Examples
from tools.fuzz.pool import PARAMETERS, Pool
from tools.fuzz.shapes import enriched

GOOD = 0.5
"""Share of requests without a fault of their own."""
ONE_CODE = ("/client/v1/redeem", "/client/v1/validate")
PUBLISHES_BY_GET = "create-publication-1"
MEDIA = {"application/x-www-form-urlencoded", "multipart/form-data"}


class Operation(NamedTuple):
    """One row of the document. shape: of its body, "" for none or one without a name."""

    id: str
    method: str
    path: str
    parameters: list[str]
    query: list[str]
    shape: str
    media: str
    statuses: frozenset[int]
    schema: dict[str, Any]

    @property
    def side(self) -> str:
        return {"client": "client", "management": "management"}.get(self.path.split("/")[1], "server")


class Sent(NamedTuple):
    """A request as it went out. path_values: what stood in the path."""

    operation: Operation
    target: str
    headers: dict[str, str]
    body: bytes
    path_values: dict[str, str]
    good: bool


def operations_of(document: dict[str, Any]) -> list[Operation]:
    """Every operation, by id."""
    found = []
    for path, methods in document["paths"].items():
        for method, row in methods.items():
            content = row.get("requestBody", {}).get("content", {})
            media = next(iter(content), "")
            schema = content.get(media, {}).get("schema", {})
            found.append(
                Operation(
                    id=row["operationId"],
                    method=method.upper(),
                    path=path,
                    parameters=re.findall(r"\{(\w+)\}", path),
                    query=[p["name"] for p in row.get("parameters", ()) if p["in"] == "query"],
                    shape=schema.get("$ref", "").rpartition("/")[2],
                    media=media,
                    statuses=frozenset(int(status) for status in row["responses"]),
                    schema=schema,
                )
            )
    return sorted(found, key=lambda one: one.id)


class Requests:
    """Makes requests; `keys` are the headers of each side."""

    def __init__(
        self,
        pool: Pool,
        chance: random.Random,
        keys: dict[str, dict[str, str]],
        components: dict[str, Any],
    ) -> None:
        self.components = components
        self.pool = pool
        self.chance = chance
        self.keys = keys
        self.examples = Examples(pool, chance)

    def next(self, operation: Operation) -> Sent:
        """One request. Half of them are meant well, as far as is known what exists."""
        chance = self.chance
        good = chance.random() < GOOD
        values = self._path_values(operation, good=good)
        target = operation.path
        for name, value in values.items():
            target = target.replace(f"{{{name}}}", value)
        query = self._query(operation, good=good)
        headers = dict(self.keys[operation.side])
        body = self._body(operation, headers, good=good)
        if not good and chance.random() < 0.2:
            headers |= chance.choice(hostile.HEADERS)
        return Sent(operation, target + (f"?{query}" if query else ""), headers, body, values, good)

    def _path_values(self, operation: Operation, *, good: bool) -> dict[str, str]:
        names = operation.parameters
        if not names:
            return {}
        made_here = operation.method == "POST" and operation.path.endswith("/vouchers/{code}")
        promotion = operation.path.startswith("/v1/promotions/{campaignId}")
        kinds = {**PARAMETERS, "campaignId": "promotion"} if promotion else PARAMETERS
        known = self.pool.parameters(names, kinds, passing=operation.method == "DELETE")
        if known is None:
            known = dict.fromkeys(names, "nobody")
        if made_here and self.chance.random() < 0.8:
            known["code"] = self.examples.name("CODE")
        values = {name: quote(value, safe="") for name, value in known.items()}
        if not good and self.chance.random() < 0.3:
            values[self.chance.choice(names)] = self.chance.choice(hostile.PATH_PARTS)
        return values

    def _query(self, operation: Operation, *, good: bool) -> str:
        chance = self.chance
        if operation.id == PUBLISHES_BY_GET and chance.random() < 0.7:
            return f"customer[source_id]=ann&voucher={self.pool.pick('code') or ''}"
        if operation.path in ONE_CODE and chance.random() < 0.7:
            return f"code={quote(self.pool.pick('code') or '', safe='')}&amount=1000"
        if good or chance.random() < 0.3:
            return "limit=5" if "limit" in operation.query and chance.random() < 0.5 else ""
        parts = [chance.choice(hostile.QUERIES) for _ in range(chance.randint(1, 3))]
        for name in operation.query:
            if chance.random() < 0.3:
                parts.append(f"{name}={quote(str(hostile.value(chance)), safe='', errors='replace')[:3000]}")
        return "&".join(parts)

    def _body(self, operation: Operation, headers: dict[str, str], *, good: bool) -> bytes:
        chance = self.chance
        if not operation.media:
            return b""
        if operation.media in MEDIA:
            return self._form(operation, headers, good=good)
        headers["Content-Type"] = "application/json"
        example = self.examples.of(operation.shape, operation.id)
        if example is None:
            example = {}
        if good:
            return hostile.encoded(example)
        if chance.random() < 0.15:
            return chance.choice(hostile.RAW_BODIES)
        if chance.random() < 0.4:
            return hostile.encoded(enriched(example, operation.schema, self.components, chance))
        return hostile.encoded(hostile.mutated(example, chance))

    def _form(self, operation: Operation, headers: dict[str, str], *, good: bool) -> bytes:
        chance = self.chance
        if operation.media == "multipart/form-data":
            headers["Content-Type"] = "multipart/form-data; boundary=edge"
            # The boundary is lost in a third of the broken ones.
            rows = f"Code,Value\n{self.examples.name('CSV')},x\n" if good else str(hostile.value(chance))
            name = "file" if good or chance.random() < 0.5 else "other"
            part = (
                f'--edge\r\nContent-Disposition: form-data; name="{name}"; filename="a.csv"\r\n\r\n{rows}\r\n'
            )
            return (part + ("--edge--\r\n" if good or chance.random() < 0.7 else "")).encode(
                "utf-8", "replace"
            )
        headers["Content-Type"] = operation.media
        fields = {"grant_type": "client_credentials", "scope": "vouchers", "token": "nobody"}
        if not good:
            fields[chance.choice(list(fields))] = str(hostile.value(chance))
        return "&".join(f"{k}={quote(v, errors='replace')}" for k, v in fields.items()).encode()
