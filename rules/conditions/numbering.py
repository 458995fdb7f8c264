"""Rules are numbered from "1" and joined by `logic`: reading both, for rule sets and for sub-rules."""

from collections.abc import Mapping
from typing import Any, Final

from rules.logic import Tree, numbers_of, parse_logic
from rules.programs import RuleError

KEY: Final = "invalid_validation_rules"
RULES_MAX: Final = 200


def numbered(rules: Mapping[str, Any], where: str) -> dict[int, Any]:
    """The bodies under "1", "2", …"""
    found = {}
    for name, body in rules.items():
        if name == "logic":
            continue
        if not name.isascii() or not name.isdigit() or len(name) > 6:
            raise RuleError(KEY, f"Property {where} must be numbered from 1")
        found[int(name)] = body
    if len(found) > RULES_MAX:
        raise RuleError(KEY, f"Property {where} must NOT have more than {RULES_MAX} rules")
    return dict(sorted(found.items()))


def read_tree(rules: Mapping[str, Any], known: Mapping[int, Any], where: str) -> Tree | None:
    """The logic of numbered rules; every number must exist."""
    text = rules.get("logic")
    if text is not None and not isinstance(text, str):
        raise RuleError(KEY, f"Property {where}.logic must be string")
    tree = parse_logic(text or "", KEY, where)
    if tree is not None:
        for number in numbers_of(tree):
            if number not in known:
                raise RuleError(KEY, f"Property {where}.logic names rule {number}, which does not exist")
    return tree
