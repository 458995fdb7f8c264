"""The `logic` of a rule set: numbers, `and`, `or`, parentheses. Parsed once into a small tree; depth and
length are bounded.
"""

import re
from typing import Final

from rules.programs import RuleError

LENGTH_MAX: Final = 2000
DEPTH_MAX: Final = 50
TOKEN = re.compile(r"\s*(?:(\d{1,6})|(and|or)\b|([()]))", re.IGNORECASE)

Tree = int | tuple[str, tuple["Tree", ...]]
"""The number of a rule, or ("and"|"or", branches)."""


class _Parser:
    def __init__(self, tokens: list[str], key: str, where: str) -> None:
        self.tokens = tokens
        self.position = 0
        self.key = key
        self.where = where

    def fail(self) -> RuleError:
        return RuleError(self.key, f"Property {self.where}.logic is not a logical expression")

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def junction(self, word: str, depth: int) -> Tree:
        if depth > DEPTH_MAX:
            raise self.fail()
        branches = [self.branch(word, depth)]
        while self.peek() == word:
            self.position += 1
            branches.append(self.branch(word, depth))
        return branches[0] if len(branches) == 1 else (word, tuple(branches))

    def branch(self, word: str, depth: int) -> Tree:
        return self.junction("and", depth) if word == "or" else self.leaf(depth)

    def leaf(self, depth: int) -> Tree:
        word = self.peek()
        self.position += 1
        if word == "(":
            inner = self.junction("or", depth + 1)
            if self.peek() != ")":
                raise self.fail()
            self.position += 1
            return inner
        if not word.isdigit():
            raise self.fail()
        return int(word)


def parse_logic(text: str, key: str, where: str) -> Tree | None:
    """The tree of an expression, None for an empty one. `and` binds tighter than `or`."""
    if len(text) > LENGTH_MAX:
        raise RuleError(key, f"Property {where}.logic must NOT have more than {LENGTH_MAX} characters")
    tokens: list[str] = []
    position = 0
    stripped = text.strip()
    while position < len(stripped):
        found = TOKEN.match(stripped, position)
        if found is None:
            raise RuleError(key, f"Property {where}.logic is not a logical expression")
        tokens.append((found[1] or found[2] or found[3]).lower())
        position = found.end()
    if not tokens:
        return None
    parser = _Parser(tokens, key, where)
    tree = parser.junction("or", 0)
    if parser.position != len(tokens):
        raise parser.fail()
    return tree


def numbers_of(tree: Tree) -> list[int]:
    """The rule numbers of a tree in order of appearance."""
    if isinstance(tree, int):
        return [tree]
    return [number for branch in tree[1] for number in numbers_of(branch)]


def is_plain(tree: Tree) -> bool:
    """Is it one rule, or rules that must all hold?"""
    return isinstance(tree, int) or (tree[0] == "and" and all(isinstance(branch, int) for branch in tree[1]))
