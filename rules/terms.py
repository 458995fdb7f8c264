"""`extensions` of campaigns, tiers, vouchers and the project: margin, place, currency, groups, messages."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from rules.documents import object_of, one_of
from rules.geo import Geo
from rules.margin import Margin
from rules.pressure import offer_limits
from rules.programs import RuleError

KEY: Final = "invalid_payload"
GROUP_MODES: Final = ("first", "best")


class Terms:
    """The compiled extensions of one owner."""

    __slots__ = (
        "best_per_item",
        "currency",
        "geo",
        "group",
        "group_mode",
        "holder_only",
        "margin",
        "messages",
        "pressure",
        "share_order",
    )

    def __init__(self, document: Mapping[str, Any], key: str) -> None:
        where = ".extensions"
        margin, geo = document.get("margin"), document.get("geo")
        self.margin = Margin(margin, key, f"{where}.margin") if margin is not None else None
        self.geo = Geo(geo, key, f"{where}.geo") if geo is not None else None
        currency = document.get("currency")
        if currency is not None and (
            not isinstance(currency, str) or len(currency) != 3 or not currency.isalpha()
        ):
            raise RuleError(key, f"Property {where}.currency must be a currency code of three letters")
        self.currency = currency.upper() if currency is not None else None
        self.group: str | None = None
        self.group_mode = "first"
        group = document.get("group")
        if group is not None:
            self._read_group(group, key, f"{where}.group")
        self.messages = self._messages(document.get("messages"), key, f"{where}.messages")
        for name in ("auto_apply", "holder_only"):
            if document.get(name) not in (None, True, False):
                raise RuleError(key, f"Property {where}.{name} must be boolean")
        self.holder_only = document.get("holder_only") is True
        self.best_per_item = document.get("item_discounts") == "BEST"
        pressure = document.get("offer_pressure")
        self.pressure = offer_limits(pressure, key, f"{where}.offer_pressure") if pressure is not None else ()
        self.share_order = document.get("share_order_discounts") is True

    def _read_group(self, group: Any, key: str, where: str) -> None:
        body = {"name": group} if isinstance(group, str) else object_of(group, key, where)
        name = body.get("name")
        if not isinstance(name, str) or not name or len(name) > 200:
            raise RuleError(key, f"Property {where} should have required property 'name'")
        self.group = name
        self.group_mode = one_of(body.get("mode") or "first", GROUP_MODES, key, f"{where}.mode")

    @staticmethod
    def _messages(value: Any, key: str, where: str) -> Mapping[str, Mapping[str, str]]:
        """`{"<refusal key>": {"en": "...", "de": "..."}}` or `{"<refusal key>": "..."}`."""
        if value is None:
            return {}
        found: dict[str, Mapping[str, str]] = {}
        for name, texts in object_of(value, key, where).items():
            by_language = {"": texts} if isinstance(texts, str) else object_of(texts, key, f"{where}.{name}")
            if not all(isinstance(text, str) and len(text) <= 1000 for text in by_language.values()):
                raise RuleError(key, f"Property {where}.{name} must be string")
            found[str(name)] = {str(language).lower(): text for language, text in by_language.items()}
        return found


def compile_extensions(document: Mapping[str, Any]) -> Terms:
    """Compile the `extensions` of a campaign, tier, voucher or project; what others own in there is left
    alone.

    Raises:
        RuleError: a part that this engine knows is malformed.
    """
    return Terms(object_of(document, KEY, ".extensions"), KEY)


NO_TERMS: Final = Terms({}, KEY)


class _Held:
    """Lets the cache go by identity: the same mapping object is compiled once while it lives."""

    __slots__ = ("document",)

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.document is self.document

    def __hash__(self) -> int:
        return id(self.document)


@lru_cache(maxsize=4096)
def _compiled(held: _Held) -> Terms:
    try:
        return compile_extensions(held.document)
    except RuleError:
        # Refused when it was written; what slipped through binds nobody.
        return NO_TERMS


def terms_of(document: Mapping[str, Any]) -> Terms:
    """The compiled extensions of a mapping that is already stored; never raises."""
    if not document:
        return NO_TERMS
    return _compiled(_Held(document))
