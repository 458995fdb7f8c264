"""Values after a schema of the document: properties that no example has, plausible or not."""

import random
from typing import Any

from tools.fuzz import hostile

DEPTH_MAX = 4
WORDS = ("PERCENT", "APPLY_TO_ITEMS", "P1D", "2030-01-01T00:00:00Z", "10:00", "a", "prod_x", "# #", "EUR")


def value_of(
    schema: dict[str, Any], components: dict[str, Any], chance: random.Random, depth: int = 0
) -> Any:
    """Something of this schema, or now and then something else."""
    if depth > DEPTH_MAX or chance.random() < 0.15:
        return hostile.value(chance)
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return value_of(chance.choice(schema["anyOf"]), components, chance, depth)
    if "enum" in schema:
        return chance.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return _object(schema, components, chance, depth)
    if kind == "array":
        items = schema.get("items") or {}
        return [value_of(items, components, chance, depth + 1) for _ in range(chance.choice((0, 1, 1, 3)))]
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        return chance.choice((low, low + 1, schema.get("maximum", 7), 3, 12))
    if kind == "boolean":
        return chance.random() < 0.5
    if kind == "null":
        return None
    return chance.choice(WORDS)


def _object(schema: dict[str, Any], components: dict[str, Any], chance: random.Random, depth: int) -> Any:
    properties = schema.get("properties", {})
    if not properties:
        return {
            "a": value_of({"type": "string"}, components, chance, depth + 1),
            "1": {"name": "order.amount"},
        }
    required = set(schema.get("required", ()))
    return {
        name: value_of(part, components, chance, depth + 1)
        for name, part in properties.items()
        if name in required or chance.random() < 0.25
    }


def enriched(body: Any, schema: dict[str, Any], components: dict[str, Any], chance: random.Random) -> Any:
    """The example with one to three properties that the schema has; or all of it after the schema."""
    if not isinstance(body, dict) or chance.random() < 0.2:
        return value_of(schema, components, chance)
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    properties = list(schema.get("properties", {}).items())
    added = chance.sample(properties, min(len(properties), chance.randint(1, 3)))
    return body | {name: value_of(part, components, chance) for name, part in added}
