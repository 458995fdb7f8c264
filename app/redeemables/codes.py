"""How codes are drawn: length, charset, prefix, postfix and pattern (behaviour 2.2), from the system's
randomness.

Pure: whether a code is free is for the database to say.
"""

import secrets
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
PLACE = "#"
"""Stands for one random character in a pattern."""


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

    def draw(self) -> str:
        """A code, every one as likely as any other."""
        body = "".join(secrets.choice(self.charset) if place == PLACE else place for place in self.pattern)
        return f"{self.prefix}{body}{self.postfix}"

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
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        return "Codes must not hold control characters"
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        return "Codes must be valid Unicode"
    return None
