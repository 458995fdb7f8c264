"""What a shopper reads: in the language asked for or the shop's own words; key and details stay."""

from typing import Any

import httpx
import pytest

from rules.reasons import Reason
from rules.sentences import SENTENCES
from tests.support.shop import amount_off, created, public_code, redeem, rule, single_voucher, stack


def used_up(api: httpx.Client, **more: Any) -> str:
    code = str(single_voucher(api, amount_off(100), quantity=1, **more)["code"])
    redeem(api, code)
    return code


def told(api: httpx.Client, code: str, language: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """(error of a redemption, result of a validation)."""
    headers = {} if language is None else {"Accept-Language": language}
    error = api.post("/v1/redemptions", headers=headers, json=stack(code)).json()
    answer = created(api.post("/v1/validations", headers=headers, json=stack(code)))
    return error, answer["inapplicable_redeemables"][0]["result"]


@pytest.mark.parametrize("language", [None, "en", "ru", "uk", "ro", "de", "fr, ro;q=0.8", "uk-UA,ru;q=0.5"])
def test_the_sentence_is_in_the_language_asked_for(api: httpx.Client, language: str | None) -> None:
    """Nothing changes for a caller who asks for none."""
    error, result = told(api, used_up(api), language)
    expected = "quantity exceeded" if language is None else None
    if expected is None:
        best = {"fr, ro;q=0.8": "ro", "uk-UA,ru;q=0.5": "uk"}.get(language or "", language or "")
        expected = SENTENCES[Reason.QUANTITY_EXCEEDED][best]
    assert (error["key"], error["message"]) == ("quantity_exceeded", expected)
    assert (result["error"]["key"], result["error"]["message"]) == ("quantity_exceeded", expected)
    assert result["details"] == {"key": "quantity_exceeded", "message": expected}


@pytest.mark.parametrize(
    ("messages", "language", "expected"),
    [
        ({"quantity_exceeded": "All gone!"}, None, "All gone!"),
        ({"quantity_exceeded": "All gone!"}, "de", "All gone!"),
        ({"quantity_exceeded": {"de": "Leider weg!", "en": "Sorry!"}}, "de-AT", "Leider weg!"),
        ({"quantity_exceeded": {"de": "Leider weg!", "en": "Sorry!"}}, "ru", "Sorry!"),
        ({"quantity_exceeded": {"de": "Leider weg!"}}, None, "quantity exceeded"),
        ({"voucher_expired": "Too late!"}, None, "quantity exceeded"),
    ],
)
def test_the_shop_may_say_it_in_its_own_words(
    api: httpx.Client, messages: dict[str, Any], language: str | None, expected: str
) -> None:
    """`extensions.messages` of the voucher by key, for all languages or by language."""
    error, result = told(api, used_up(api, extensions={"messages": messages}), language)
    assert error["message"] == result["error"]["message"] == expected
    assert error["key"] == "quantity_exceeded"


def test_a_rules_own_message_stays_what_it_is(api: httpx.Client) -> None:
    """It goes where the contract puts it, whatever the language."""
    rule_id = rule(api, "order.amount", {"$more_than": [99_999]}, error={"message": "Buy more"})
    code, _ = public_code(api, amount_off(100), validation_rules=[rule_id])
    error, result = told(api, code, "de")
    assert error["error"] == {"message": "Buy more"}
    assert result["details"] == {"key": "order_rules_violated", "message": "Buy more"}


def test_skipped_redeemables_speak_the_language_too(api: httpx.Client) -> None:
    """Each result of an answer has its sentence, also those of a redemption that took others."""
    codes = [public_code(api, amount_off(10), extensions={"group": "g"})[0] for _ in range(2)]
    done = created(api.post("/v1/redemptions", headers={"Accept-Language": "de"}, json=stack(*codes)))
    details = done["skipped_redeemables"][0]["result"]["details"]
    assert details["key"] == "exclusive_group_taken"
    assert details["message"] == "Stattdessen gilt ein anderes Angebot in diesem Warenkorb."
