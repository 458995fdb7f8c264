"""The query string in every encoding that official clients use (contract 1.6, 1.7).

One tree is made of all of them: `created_at[before]=x`, `[created_at][before]=x`, `ids[0]=a&ids[1]=b`,
`ids[]=a`, `ids=a,b` and the text `ids=['a', 'b']` that Python's str() makes of a list.
"""

import ast
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote_plus

from msgspec import Struct

from app.http.errors import ApiError, invalid_query

NULLS = ("", "None")
"""How the official clients write null: JavaScript's sends nothing, Python's what str() makes of it."""
LENGTH_MAX = 16_384
"""Bytes of a query string: longer than any filter of 100 ids, shorter than what costs time to parse."""
PARAMETERS_MAX = 256
DEPTH_MAX = 8
VALUES_MAX = 1_000
INTEGER_DIGITS_MAX = 12
LIMIT_DEFAULT = 10
LIMIT_MAX = 100
PAGE_MAX = 100

_NAME_PARTS = re.compile(r"[^\[\]]+")
_INTEGER = re.compile(rf"-?[0-9]{{1,{INTEGER_DIGITS_MAX}}}")
FIRST = datetime(1, 1, 3, tzinfo=UTC)
LAST = datetime(9999, 12, 29, tzinfo=UTC)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
    r"\s*(Z|z|[+ -]\d{2}:?(?:\d{2})?)?"
)

Tree = dict[str, Any]


class Order(Struct, frozen=True):
    """The column a list is sorted by."""

    field: str
    descending: bool


class Paging(Struct, frozen=True):
    """One page of an offset list. `limit` rows after skipping `offset`."""

    page: int
    limit: int
    order: Order

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.limit


class Between(Struct, frozen=True):
    """An open interval of instants in UTC; None: unbounded."""

    after: datetime | None = None
    before: datetime | None = None

    @property
    def bounded(self) -> bool:
        return self.after is not None or self.before is not None


class Condition(Struct, frozen=True):
    """filters[field][conditions][operator]: the operator keeps its dollar sign."""

    field: str
    operator: str
    values: tuple[str, ...]


class Filters(Struct, frozen=True):
    """A list's filters: all conditions joined by `junction`, "and" or "or"."""

    conditions: tuple[Condition, ...] = ()
    junction: str = "and"

    def __bool__(self) -> bool:
        return bool(self.conditions)


class Query:
    """Typed access to a query string. Every accessor raises ApiError 400 invalid_query_params for what it
    cannot read.
    """

    __slots__ = ("_tree", "raw")

    def __init__(self, raw: bytes = b"") -> None:
        self.raw = raw
        self._tree: Tree | None = {} if not raw else None

    @property
    def tree(self) -> Tree:
        """Name to text, or to a tree for bracketed names; array indices are keys as text."""
        if self._tree is None:
            self._tree = parse_query(self.raw)
        return self._tree

    def has(self, name: str) -> bool:
        return name in self.tree

    def text(self, name: str) -> str | None:
        """None when absent or empty: clients send an empty value for null."""
        value = self.tree.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise invalid_query(f"Query .{name} must be string")
        return value

    def integer(self, name: str, *, low: int = 0, high: int = 10**INTEGER_DIGITS_MAX) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value):
            raise invalid_query(f"Query .{name} must be integer")
        number = int(value)
        if number < low:
            raise invalid_query(f"Query .{name} must be >= {low}")
        if number > high:
            raise invalid_query(f"Query .{name} must be <= {high}")
        return number

    def flag(self, name: str) -> bool | None:
        value = self.text(name)
        if value is None:
            return None
        lowered = value.lower()
        if lowered in ("true", "1"):
            return True
        if lowered in ("false", "0"):
            return False
        raise invalid_query(f"Query .{name} must be boolean")

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        value = self.text(name)
        if value is not None and value not in allowed:
            raise invalid_query(
                f"Query .{name} must be equal to one of the allowed values: {', '.join(allowed)}"
            )
        return value

    def texts(self, name: str) -> tuple[str, ...] | None:
        """An array in any of its encodings; None when the parameter is absent."""
        if name not in self.tree:
            return None
        return values_of(self.tree[name], name)

    def instant(self, name: str) -> datetime | None:
        """A date (its first moment in UTC) or a date-time."""
        value = self.text(name)
        return None if value is None else parse_instant(value, name)

    def between(self, name: str) -> Between:
        """name[after] and name[before]."""
        value = self.tree.get(name)
        if value is None or value == "":
            return Between()
        if not isinstance(value, dict):
            raise invalid_query(f"Query .{name} must be object")
        bounds: dict[str, datetime] = {}
        for key, text in value.items():
            if key in ("after", "before") and text != "":
                bounds[key] = parse_instant(text, f"{name}.{key}")
        return Between(**bounds)

    @property
    def page(self) -> int:
        return self.integer("page", low=1, high=PAGE_MAX) or 1

    @property
    def limit(self) -> int:
        return self.integer("limit", low=1, high=LIMIT_MAX) or LIMIT_DEFAULT

    def order(self, allowed: Sequence[str], default: str) -> Order:
        """allowed: field names without sign; default may carry a "-" for descending."""
        value = self.text("order") or default
        descending = value.startswith("-")
        field = value[1:] if descending else value
        if field not in allowed:
            names = ", ".join(f"{sign}{name}" for name in allowed for sign in ("", "-"))
            raise invalid_query(f"Query .order must be equal to one of the allowed values: {names}")
        return Order(field, descending)

    def paging(
        self,
        order: Sequence[str] = ("created_at", "updated_at"),
        default: str = "-created_at",
        *,
        page_max: int = PAGE_MAX,
        limit_default: int = LIMIT_DEFAULT,
        limit_max: int = LIMIT_MAX,
    ) -> Paging:
        """page, limit and order of an offset list."""
        return Paging(
            page=self.integer("page", low=1, high=page_max) or 1,
            limit=self.integer("limit", low=1, high=limit_max) or limit_default,
            order=self.order(order, default),
        )

    def filters(self) -> Filters:
        """filters[<field>][conditions][<operator>][<i>] and filters[junction]."""
        tree = self.tree.get("filters")
        if tree is None or tree == "":
            return Filters()
        if not isinstance(tree, dict):
            raise invalid_query("Query .filters must be object")
        conditions: list[Condition] = []
        junction = "and"
        for field, value in tree.items():
            if field == "junction":
                junction = str(value).lower()
                if junction not in ("and", "or"):
                    raise invalid_query(
                        "Query .filters.junction must be equal to one of the allowed values: and, or"
                    )
                continue
            if value in NULLS:
                continue
            operators = value.get("conditions") if isinstance(value, dict) else None
            if not isinstance(operators, dict):
                raise invalid_query(f"Query .filters.{field} should have required property 'conditions'")
            for operator, operands in operators.items():
                where = f"filters.{field}.conditions.{operator}"
                conditions.append(Condition(field, operator, values_of(operands, where)))
        return Filters(tuple(conditions), junction)


def parse_query(raw: bytes) -> Tree:
    """The tree of a query string.

    Raises: ApiError 400 query_too_large or invalid_query_params.
    """
    if len(raw) > LENGTH_MAX:
        raise ApiError(
            400, "query_too_large", "Query too large", f"Query string is longer than {LENGTH_MAX} bytes"
        )
    try:
        pairs = [pair.partition("=") for pair in raw.decode("ascii").split("&") if pair]
        decoded = [
            (unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict"))
            for name, _, value in pairs
        ]
    except UnicodeDecodeError:
        raise invalid_query("Query string is not valid UTF-8") from None
    if len(decoded) > PARAMETERS_MAX:
        raise invalid_query(f"Query has more than {PARAMETERS_MAX} parameters")
    tree: Tree = {}
    for name, value in decoded:
        if "\0" in name or "\0" in value:
            raise invalid_query("Query must not contain the character U+0000")
        _put(tree, name, value)
    return tree


def _put(tree: Tree, name: str, value: str) -> None:
    parts = _NAME_PARTS.findall(name)
    if not parts:
        return
    if len(parts) > DEPTH_MAX:
        raise invalid_query(f"Query .{parts[0]} is nested deeper than {DEPTH_MAX}")
    node = tree
    for part in parts[:-1]:
        child = node.get(part)
        if not isinstance(child, dict):
            # A scalar and a tree under one name: the tree wins, as in the parser that the service's clients
            # were written for.
            child = node[part] = {}
        node = child
    last = parts[-1]
    if name.endswith("[]"):
        array = node.get(last)
        if not isinstance(array, dict):
            array = node[last] = {}
        array[str(len(array))] = value
    elif isinstance(node.get(last), str) and len(parts) == 1:
        node[last] = {"0": node[last], "1": value}
    elif isinstance(node.get(last), dict):
        node[last][str(len(node[last]))] = value
    else:
        node[last] = value


def values_of(node: Any, where: str) -> tuple[str, ...]:
    """The texts of an array node: indexed tree, Python's str() of a list, JSON array, or a comma-separated
    text.
    """
    if isinstance(node, dict):
        if not all(isinstance(value, str) for value in node.values()):
            raise invalid_query(f"Query .{where} must be array of strings")
        keys = sorted(node, key=lambda key: (len(key), key))
        values = tuple(node[key] for key in keys)
    else:
        values = _listed(str(node), where)
    if len(values) > VALUES_MAX:
        raise invalid_query(f"Query .{where} must NOT have more than {VALUES_MAX} items")
    return values


def _listed(text: str, where: str) -> tuple[str, ...]:
    stripped = text.strip()
    if stripped.startswith("[") and stripped.endswith("]"):
        try:
            literal = ast.literal_eval(stripped)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            raise invalid_query(f"Query .{where} must be array") from None
        if not isinstance(literal, list) or not all(
            isinstance(value, (str, int, float)) for value in literal
        ):
            raise invalid_query(f"Query .{where} must be array of strings")
        return tuple(_plain(value) for value in literal)
    if stripped == "":
        return ()
    return tuple(part.strip() for part in stripped.split(","))


def _plain(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def parse_instant(value: Any, where: str) -> datetime:
    """An ISO 8601 date or date-time; without a zone it is UTC. A "+" of the zone may have arrived as a space.

    Raises: ApiError 400 invalid_query_params.
    """
    if not isinstance(value, str):
        raise invalid_query(f"Query .{where} must be string")
    try:
        if _DATE.fullmatch(value):
            return _with_neighbours(datetime.fromisoformat(value).replace(tzinfo=UTC))
        match = _INSTANT.fullmatch(value)
        if match is None:
            raise ValueError
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        microsecond = int((fraction or "0")[:6].ljust(6, "0"))
        instant = datetime(
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute),
            int(second or 0),
            microsecond,
            _zone(zone),
        )
        return _with_neighbours(instant.astimezone(UTC))
    except (ValueError, OverflowError):
        raise invalid_query(f'Query .{where} must match format "date-time"') from None


def _with_neighbours(instant: datetime) -> datetime:
    """Who asks from the beginning of time to its end gets it but for two days, so that a day, an hour or a
    millisecond can be added to either.
    """
    return min(max(instant, FIRST), LAST)


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    sign = -1 if text[0] == "-" else 1
    digits = text[1:].replace(":", "").ljust(4, "0")
    return timezone(sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))
