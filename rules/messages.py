"""What a shopper reads when something cannot be applied: one sentence per reason and language.

Keys and details of refusals never change; this sentence may be replaced by `extensions.messages` of the
redeemable or the project, `{"<key>": {"<language>": "<sentence>"}}` or `{"<key>": "<sentence>"}`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from rules.reasons import REASONS, Reason
from rules.sentences import SENTENCES
from rules.terms import terms_of

LANGUAGES: Final = ("en", "ru", "uk", "ro", "de")
HEADER_MAX: Final = 500


@lru_cache(maxsize=1024)
def preferred_languages(accept_language: str | None) -> tuple[str, ...]:
    """The primary languages of an `Accept-Language` header, best first; malformed parts are passed over."""
    weighed = []
    for position, part in enumerate((accept_language or "")[:HEADER_MAX].split(",")):
        name, _, parameters = part.strip().partition(";")
        language = name.strip().split("-")[0].lower()
        if not language.isalpha():
            continue
        weight = 1.0
        for parameter in parameters.split(";"):
            key, _, value = parameter.strip().partition("=")
            if key == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        if 0 < weight <= 1:
            weighed.append((-weight, position, language))
    return tuple(dict.fromkeys(language for _, _, language in sorted(weighed)))


def replaced_message(
    reason: Reason, accept_language: str | None, *extensions: Mapping[str, Any]
) -> str | None:
    """What takes the place of the wire's own message: the shop's own sentence, else ours in a language that
    was asked for. None when neither is there: the message stays as the contract has it.
    """
    if accept_language and preferred_languages(accept_language):
        return sentence(reason, accept_language, *extensions)
    return _own_sentence(REASONS[reason].key, (), extensions)


def sentence(reason: Reason, accept_language: str | None, *extensions: Mapping[str, Any]) -> str:
    """The shopper's sentence in the best language there is, English where there is none.

    `extensions` are those of the redeemable, its campaign and the project, the closest first.
    """
    languages = preferred_languages(accept_language)
    own = _own_sentence(REASONS[reason].key, languages, extensions)
    if own is not None:
        return own
    texts = SENTENCES[reason]
    for language in languages:
        if language in texts:
            return texts[language]
    return texts["en"]


def _own_sentence(
    key: str, languages: tuple[str, ...], extensions: tuple[Mapping[str, Any], ...]
) -> str | None:
    for document in extensions:
        texts = terms_of(document).messages.get(key) if document else None
        if texts is None:
            continue
        for language in (*languages, "", "en"):
            if language in texts:
                return texts[language]
    return None
