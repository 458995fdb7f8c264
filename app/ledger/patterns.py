"""Patterns of SCAN."""


def literal_pattern(text: str) -> str:
    """The text as it stands, with the characters escaped that a pattern gives a meaning to."""
    return "".join("\\" + character if character in "*?[]\\" else character for character in text)
