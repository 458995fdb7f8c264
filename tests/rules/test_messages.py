"""The shopper's sentence: every reason in every language, the header's wish, the owner's own words."""

import pytest

from rules.messages import LANGUAGES, preferred_languages, sentence
from rules.reasons import REASONS, Reason
from rules.sentences import SENTENCES


def test_every_reason_speaks_every_language() -> None:
    """No reason is silent, no sentence is empty or copied from English."""
    assert set(SENTENCES) == set(Reason)
    for texts in SENTENCES.values():
        assert set(texts) == set(LANGUAGES)
        assert len(set(texts.values())) == len(LANGUAGES)
        assert all(text.endswith(".") for text in texts.values())


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, ()),
        ("de-AT,de;q=0.9,en;q=0.8", ("de", "en")),
        ("en;q=0.1, uk", ("uk", "en")),
        ("fr;q=2, *;q=0.5, ;;, ro;q=x", ()),
        ("x" * 10_000, ("x" * 500,)),
    ],
)
def test_the_header_is_read_as_browsers_write_it(header, expected) -> None:
    """Best first; what is malformed is passed over."""
    assert preferred_languages(header) == expected


def test_the_best_language_there_is() -> None:
    """A language nobody translated falls to the next one, then to English."""
    reason = Reason.VOUCHER_EXPIRED
    assert sentence(reason, "fr,ro;q=0.5") == SENTENCES[reason]["ro"]
    assert sentence(reason, "fr") == SENTENCES[reason]["en"]


def test_an_owner_may_use_his_own_words() -> None:
    """The closest extension wins; the key stays."""
    own = {"messages": {"voucher_expired": {"de": "Leider vorbei.", "en": "Too late."}}}
    project = {"messages": {"voucher_expired": "Gone.", "not_found": "What code?"}}
    assert sentence(Reason.VOUCHER_EXPIRED, "de", own, project) == "Leider vorbei."
    assert sentence(Reason.VOUCHER_EXPIRED, "fr", own, project) == "Too late."
    assert sentence(Reason.NOT_FOUND, "de", own, project) == "What code?"
    assert sentence(Reason.NOT_FOUND, "de", {"messages": "junk"}) == SENTENCES[Reason.NOT_FOUND]["de"]
    assert REASONS[Reason.VOUCHER_EXPIRED].key == "voucher_expired"
