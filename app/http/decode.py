"""Bodies are decoded once, strictly, by a decoder that is made once per type. What msgspec says becomes the
contract's sentence.
"""

import re
from array import array
from decimal import Decimal
from functools import cache
from itertools import accumulate
from typing import Any

import msgspec

from app.http.errors import ApiError, invalid_payload

DEPTH_MAX = 32
"""Levels of arrays and objects. The deepest published request has 9; metadata has two more."""
NUMBER_MAX = 2**53
"""Numbers beyond it are not exact in the clients' language nor in Lua (D21)."""
EXPONENT_MAX = 100
DIGITS_MAX = 34

VALUES_MAX = 1_000_000
"""Arrays, objects and commas of a body: what is decoded takes some hundred bytes for each."""
WIDE_BYTES = 1_000_000
"""A shorter body cannot have more."""

# Possessive, and an unfinished string goes to the end: no body is read twice.
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.|\\\Z)*+(?:"|\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_CHUNK = 65_536
_LIKENESS = {**dict.fromkeys(b"0123456789", ord("0")), **dict.fromkeys(b"eE", ord("e"))}
_LIKENESS |= dict.fromkeys(b"+-", ord("+"))
_NUMBERS = bytes(_LIKENESS.get(byte, ord(" ")) for byte in range(256))
"""Every digit as 0, an e as e, a sign as +, all else as a blank: a body is searched in a third of a pattern's
time.
"""
_MANY_DIGITS = b"0" * 16
_PATH = re.compile(r"^(?P<what>.*?)(?: - at `(?P<key>key in )?\$(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.+)`$")
_GOT = re.compile(r"Expected `(.+)`, got `(.+)`$")
_LENGTH = re.compile(r"Expected `(\w+)` of length (>=|<=|==) (\d+)$")
_RANGE = re.compile(r"Expected `\w+(?: \| \w+)*` (>=|<=|>|<) (-?[\d.]+)$")
_PATTERN = re.compile(r"Expected `str` matching regex '(.*)'$")

_TYPE_NAMES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "decimal": "number",
    "bool": "boolean",
    "array": "array",
    "object": "object",
    "null": "null",
    "datetime": "date-time",
    "date": "date",
    "bytes": "string",
}


class _TooBig(ValueError):
    """A number outside the bounds of D21."""


def _exact(text: str) -> Decimal:
    """A JSON fraction, exact (D21).

    Raises: _TooBig for what no amount, percentage or metadata value needs.
    """
    number = Decimal(text)
    _, digits, exponent = number.as_tuple()
    if len(digits) > DIGITS_MAX or not isinstance(exponent, int) or abs(exponent) > EXPONENT_MAX:
        raise _TooBig
    if abs(number) > NUMBER_MAX:
        raise _TooBig
    return number


@cache
def decoder_for(shape: Any) -> msgspec.json.Decoder[Any]:
    """The one decoder of a type: strict, fractions exact. Bounded by the number of request shapes in the
    code.
    """
    return msgspec.json.Decoder(shape, strict=True, float_hook=_exact)


def decode_body(shape: Any, raw: bytes, *, required: bool = True) -> Any:
    """A request's body as `shape` (a Struct, a union, a builtin). None when the route takes no body.

    An empty body is read as {}: the answer then names the first property that is missing. Where the body is
    not required and {} does not fit, None is returned.

    Raises: ApiError 400 invalid_payload.
    """
    if shape is None:
        return None
    if not raw or raw.isspace():
        try:
            return decoder_for(shape).decode(b"{}")
        except msgspec.ValidationError as error:
            if not required:
                return None
            raise invalid_payload(sentence(str(error))) from None
    return decode_json(raw, decoder_for(shape))


def decode_json(raw: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    """Decode with the bounds that the type alone cannot give: depth, size of numbers, characters no database
    takes.

    Raises: ApiError 400 invalid_payload.
    """
    try:
        check_bounds(raw)
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise invalid_payload(sentence(str(error))) from None
    except msgspec.DecodeError as error:
        raise invalid_payload(f"Payload is not valid JSON: {error}") from None
    except UnicodeDecodeError:
        raise invalid_payload("Payload is not valid UTF-8") from None
    except RecursionError:
        raise invalid_payload(f"Payload must NOT be nested deeper than {DEPTH_MAX}") from None
    except _TooBig:
        raise invalid_payload(f"Payload has a number beyond {NUMBER_MAX}") from None


def check_bounds(raw: bytes) -> None:
    """Cheap looks at the bytes; a thorough one only where the cheap one cannot tell.

    Raises: ApiError 400 invalid_payload; _TooBig; what msgspec raises for bytes that are not JSON.
    """
    if len(raw) > WIDE_BYTES and raw.count(b"{") + raw.count(b"[") + raw.count(b",") > VALUES_MAX:
        raise invalid_payload(f"Payload must NOT have more than {VALUES_MAX} values")
    if raw.count(b"{") + raw.count(b"[") > DEPTH_MAX and _deeper_than(raw, DEPTH_MAX):
        raise invalid_payload(f"Payload must NOT be nested deeper than {DEPTH_MAX}")
    numbers = raw.translate(_NUMBERS)
    if (
        _MANY_DIGITS in numbers
        or b"0e00" in numbers  # an exponent of two digits
        or b"0e+00" in numbers
        or b"\\u0000" in raw
    ):
        _inspect(decoder_for(Any).decode(raw))


def _deeper_than(raw: bytes, levels: int) -> bool:
    """Strings out, then brackets counted up and down: all in C, chunk by chunk up to the first that is too
    deep.
    """
    brackets = _STRINGS.sub(b"", raw).translate(_STEPS, _NOT_BRACKETS)
    depth = 0
    for start in range(0, len(brackets), _CHUNK):
        steps = array("b", brackets[start : start + _CHUNK])
        if max(accumulate(steps, initial=depth)) > levels:
            return True
        depth += sum(steps)
    return False


def _inspect(node: Any) -> None:
    pending = [node]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending.extend(value)
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, str):
            if "\0" in value:
                raise invalid_payload("Payload must NOT contain the character U+0000")
        elif isinstance(value, int) and abs(value) > NUMBER_MAX:
            raise _TooBig


def sentence(message: str) -> str:
    """What msgspec says, in the contract's words: `Property .redeemables[1].id must be string`."""
    match = _PATH.match(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    subject = f"Property {path}" if path else "Payload"
    if missing := _MISSING.match(what):
        return f"{subject} should have required property '{missing[1]}'"
    if got := _GOT.match(what):
        return f"{subject} must be {_type_names(got[1])}"
    if length := _LENGTH.match(what):
        return f"{subject} must {_length_words(length[1], length[2], int(length[3]))}"
    if bounds := _RANGE.match(what):
        return f"{subject} must be {bounds[1]} {bounds[2]}"
    if pattern := _PATTERN.match(what):
        return f'{subject} must match pattern "{pattern[1]}"'
    if what.startswith("Invalid enum value"):
        return f"{subject} must be equal to one of the allowed values"
    if what.startswith(("Invalid RFC3339 encoded datetime", "Expected `datetime`")):
        return f'{subject} must match format "date-time"'
    if what.startswith("Invalid RFC3339 encoded date"):
        return f'{subject} must match format "date"'
    return f"{subject}: {what}"


def _type_names(expected: str) -> str:
    names: list[str] = []
    for name in expected.split(" | "):
        translated = _TYPE_NAMES.get(name, name)
        if translated != "null" and translated not in names:
            names.append(translated)
    return ",".join(names) or "null"


def _length_words(kind: str, comparison: str, bound: int) -> str:
    noun = {"array": "items", "object": "properties"}.get(kind, "characters")
    if comparison == ">=":
        return f"NOT have fewer than {bound} {noun}"
    if comparison == "<=":
        return f"NOT have more than {bound} {noun}"
    return f"have exactly {bound} {noun}"


def payload_too_large(limit_bytes: int) -> ApiError:
    """The contract's 413 has neither key nor details."""
    return ApiError(413, "", f"Payload content length greater than maximum allowed: {limit_bytes}")
