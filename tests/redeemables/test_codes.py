"""How codes are drawn: in the alphabet, in the pattern, every one as likely as any other."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.redeemables.codes import (
    ALPHANUMERIC,
    NAMED_CHARSETS,
    PLACE,
    InvalidCodeConfig,
    code_config,
    code_config_of,
)

DRAWS = 20_000
CHARACTERS = st.text(
    st.characters(
        min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cc"], exclude_characters=PLACE
    ),
    max_size=20,
)


@given(
    charset=st.none() | st.just("human") | CHARACTERS.filter(bool),
    prefix=CHARACTERS,
    postfix=CHARACTERS,
    pattern=st.none() | CHARACTERS.map(lambda text: f"{text}{PLACE}-{PLACE}"),
    length=st.none() | st.integers(1, 40),
)
def test_a_code_is_in_its_pattern_and_its_alphabet(charset, prefix, postfix, pattern, length):
    """Prefix, postfix and fixed characters stay; every place has a character of the charset; stored it is
    the same.
    """
    config = code_config(charset=charset, prefix=prefix, postfix=postfix, pattern=pattern, length=length)
    alphabet = NAMED_CHARSETS.get(charset or "", charset) or ALPHANUMERIC
    assert code_config_of(config.wire()) == config
    codes = config.draw(3)
    assert len(codes) == 3
    for code in codes:
        assert code.startswith(prefix)
        assert code.endswith(postfix)
        body = code[len(prefix) : len(code) - len(postfix)]
        places = pattern or PLACE * (length or 8)
        assert len(body) == len(places)
        for place, character in zip(places, body, strict=True):
            assert character in alphabet if place == PLACE else character == place


WIDE = "".join(chr(0x4E00 + number) for number in range(300))
"""More characters than a byte counts."""


@pytest.mark.parametrize("charset", ["human", "0123456789", "ABCDEFG", WIDE, None])
def test_every_character_is_as_likely_as_any_other(charset):
    """Chi-square over all places: within six standard deviations, which chance passes once in a thousand
    million.
    """
    config = code_config(charset=charset, length=4)
    alphabet = config.charset
    codes = config.draw(DRAWS)
    for place in range(4):
        counts = Counter(code[place] for code in codes)
        assert set(counts) <= set(alphabet)
        expected = DRAWS / len(alphabet)
        chi_square = sum((counts[character] - expected) ** 2 / expected for character in alphabet)
        freedom = len(alphabet) - 1
        assert abs(chi_square - freedom) < 6 * math.sqrt(2 * freedom)


def test_the_human_charset_has_no_look_alikes():
    """Nothing that is misread or misheard: no 0 and O, no 1, I and l."""
    assert not set(NAMED_CHARSETS["human"]) & set("01IOl")
    assert code_config(charset="human").wire()["charset"] == "human"


def test_a_character_named_twice_is_no_likelier():
    """And what names no codes is refused."""
    assert code_config(charset="AAB").charset == "AB"
    assert code_config(charset="AB", pattern="X-##").keyspace == 4
    for wrong in (
        {"pattern": "fixed"},
        {"length": 0},
        {"length": 10_000},
        {"charset": "\x00"},
        {"prefix": "\n"},
    ):
        with pytest.raises(InvalidCodeConfig):
            code_config(**wrong)
