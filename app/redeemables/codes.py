"""How codes are drawn: length, charset, prefix, postfix and pattern (behaviour 2.2), from the system's
randomness.

Pure: whether a code is free is for the database to say.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

ALPHANUMERIC = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
NAMED_CHARSETS = {"human": "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"}
"""`human` has no characters that look alike when read aloud or printed."""
LENGTH_DEFAULT = 8
LENGTH_MAX = 128
CODE_LENGTH_MAX = 256
"""Characters of a whole code, prefix and postfix included."""
CHARSET_MAX = 1024
_REFUSED = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""Control characters, and halves of pairs that no encoding can write."""
PLACE = "#"
"""Stands for one random character in a pattern."""


def random_characters(charset: str, count: int) -> str:
    """Independent characters of the charset, all equally likely, from the system's randomness.

    Numbers above the last multiple of the charset's size are drawn again: taking the remainder would favour
    the first characters.
    """
    size = len(charset)
    width = 1 if size <= 256 else 2
    limit = 256**width // size * size
    found: list[str] = []
    while len(found) < count:
        data = os.urandom(width * max(64, (count - len(found)) * 256**width // limit + 16))
        numbers = data if width == 1 else memoryview(data).cast("H")
        found += [charset[number % size] for number in numbers if number < limit]
    return "".join(found[:count])


class InvalidCodeConfig(ValueError):
    """The configuration names no codes. The message says which property is wrong."""


class CodeConfig(Struct, frozen=True):
    """Checked: `pattern` has a PLACE for each random character, `charset` no character twice."""

    pattern: str
    charset: str
    prefix: str = ""
    postfix: str = ""
    named_charset: str | None = None

    @property
    def keyspace(self) -> int:
        """How many different codes there are."""
        return int(len(self.charset) ** self.pattern.count(PLACE))

    def draw(self, count: int) -> list[str]:
        """So many codes, each one as likely as any other, whatever the others are: the same may come twice.

        The places of all codes are drawn together: asking the system for one character at a time takes ten
        times as long.
        """
        places = self.pattern.count(PLACE)
        drawn = random_characters(self.charset, count * places)
        if not self.pattern.strip(PLACE):
            prefix, postfix = self.prefix, self.postfix
            return [f"{prefix}{drawn[at : at + places]}{postfix}" for at in range(0, len(drawn), places)]
        return list(self._filled(drawn, places))

    def _filled(self, drawn: str, places: int) -> Iterator[str]:
        """The pattern with its runs of places taken from `drawn`, one code after the other."""
        parts = [part for part in re.split(f"({PLACE}+)", self.pattern) if part]
        for start in range(0, len(drawn), places):
            code, at = [self.prefix], start
            for part in parts:
                if part[0] != PLACE:
                    code.append(part)
                    continue
                code.append(drawn[at : at + len(part)])
                at += len(part)
            code.append(self.postfix)
            yield "".join(code)

    def wire(self) -> dict[str, Any]:
        """As answered: `pattern` is always there."""
        answer: dict[str, Any] = {
            "length": self.pattern.count(PLACE),
            "charset": self.named_charset or self.charset,
            "pattern": self.pattern,
        }
        if self.prefix:
            answer["prefix"] = self.prefix
        if self.postfix:
            answer["postfix"] = self.postfix
        return answer


def code_config(
    *,
    length: int | None = None,
    charset: str | None = None,
    prefix: str | None = None,
    postfix: str | None = None,
    pattern: str | None = None,
    default_charset: str | None = None,
) -> CodeConfig:
    """A configuration as sent; pattern overrides length, and `default_charset` is the project's.

    Raises: InvalidCodeConfig.
    """
    if length is not None and not 1 <= length <= LENGTH_MAX:
        raise InvalidCodeConfig(f"Property .code_config.length must be between 1 and {LENGTH_MAX}")
    named = charset if charset in NAMED_CHARSETS else None
    characters = NAMED_CHARSETS.get(charset or "", charset) or default_charset or ALPHANUMERIC
    if len(characters) > CHARSET_MAX:
        raise InvalidCodeConfig(f"Property .code_config.charset has more than {CHARSET_MAX} characters")
    characters = "".join(dict.fromkeys(characters))
    places = pattern or PLACE * (length or LENGTH_DEFAULT)
    if PLACE not in places:
        raise InvalidCodeConfig(f"Property .code_config.pattern must have at least one {PLACE}")
    config = CodeConfig(
        pattern=places, charset=characters, prefix=prefix or "", postfix=postfix or "", named_charset=named
    )
    if len(config.prefix) + len(places) + len(config.postfix) > CODE_LENGTH_MAX:
        raise InvalidCodeConfig(f"Codes must NOT have more than {CODE_LENGTH_MAX} characters")
    refusal = refused_characters(config.prefix + places.replace(PLACE, "") + config.postfix + characters)
    if refusal is not None:
        raise InvalidCodeConfig(refusal)
    return config


def code_config_of(stored: dict[str, Any] | None) -> CodeConfig:
    """What `CodeConfig.wire` gave, read back. {} is a configuration of defaults."""
    stored = stored or {}
    return code_config(
        charset=stored.get("charset"),
        prefix=stored.get("prefix"),
        postfix=stored.get("postfix"),
        pattern=stored.get("pattern"),
    )


def refused_characters(text: str) -> str | None:
    """Why a code may not hold these characters; None when it may."""
    found = _REFUSED.search(text)
    if found is None:
        return None
    if ord(found.group()) < 128:
        return "Codes must not hold control characters"
    return "Codes must be valid Unicode"
