"""Formula text to tokens. Length and number of tokens are bounded."""

import re
from typing import Final, NamedTuple

LENGTH_MAX: Final = 5000
TOKENS_MAX: Final = 2000

PATTERN = re.compile(
    r"""\s*(?:
    (?P<number>\d{1,30}(?:\.\d{1,30})?)
    | "(?P<text>(?:[^"\\]|\\.){0,2000})"
    | (?P<name>[A-Za-z_][A-Za-z0-9_.]{0,99})
    | (?P<sign><=|>=|!=|<>|==|[-+*/%×÷<>=();−])
    )""",
    re.VERBOSE | re.DOTALL,
)
SIGNS: Final = {"×": "*", "÷": "/", "−": "-", "<>": "!=", "==": "="}
ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Token(NamedTuple):
    """`kind` is number, text, name, sign or end."""

    kind: str
    value: str


END: Final = Token("end", "")


class FormulaError(Exception):
    """The text is not a formula."""


def tokens_of(text: str) -> list[Token]:
    """The tokens of a formula; raises FormulaError."""
    if len(text) > LENGTH_MAX:
        raise FormulaError(f"must NOT have more than {LENGTH_MAX} characters")
    found: list[Token] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = PATTERN.match(text, position)
        if match is None:
            raise FormulaError(f"is not a formula at position {position}")
        position = match.end()
        kind = match.lastgroup or "end"
        value = match[kind]
        if kind == "text":
            value = ESCAPE.sub(r"\1", value)
        elif kind == "sign":
            value = SIGNS.get(value, value)
        elif kind == "name" and value in ("x", "X"):
            kind, value = "sign", "*"
        found.append(Token(kind, value))
        if len(found) > TOKENS_MAX:
            raise FormulaError(f"must NOT have more than {TOKENS_MAX} parts")
    return found
