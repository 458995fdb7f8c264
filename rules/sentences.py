"""The sentences themselves: reason by reason, in English, Russian, Ukrainian, Romanian and German."""

from collections.abc import Mapping
from typing import Final

from rules.reasons import Reason


def _in(en: str, ru: str, uk: str, ro: str, de: str) -> Mapping[str, str]:
    return {"en": en, "ru": ru, "uk": uk, "ro": ro, "de": de}


_SWITCHED_OFF = _in(
    "This code is switched off.",
    "Этот код отключён.",
    "Цей код вимкнено.",
    "Acest cod este dezactivat.",
    "Dieser Code ist abgeschaltet.",
)
_NOT_NOW = _in(
    "This offer is not valid at this time.",
    "Сейчас это предложение не действует.",
    "Зараз ця пропозиція не діє.",
    "Această ofertă nu este valabilă în acest moment.",
    "Dieses Angebot gilt zu dieser Zeit nicht.",
)
_NO_ORDER = _in(
    "Put something into the cart first.",
    "Сначала добавьте что-нибудь в корзину.",
    "Спершу додайте щось до кошика.",
    "Adăugați mai întâi ceva în coș.",
    "Legen Sie zuerst etwas in den Warenkorb.",
)
_OTHER_BETTER = _in(
    "Another offer in this cart is used instead.",
    "В этой корзине применено другое предложение.",
    "У цьому кошику застосовано іншу пропозицію.",
    "În acest coș se aplică o altă ofertă.",
    "Stattdessen gilt ein anderes Angebot in diesem Warenkorb.",
)
_TOO_MANY = _in(
    "No more offers can be combined in this cart.",
    "Больше предложений в этой корзине объединить нельзя.",
    "Більше пропозицій у цьому кошику поєднати не можна.",
    "În acest coș nu se mai pot combina alte oferte.",
    "In diesem Warenkorb lassen sich keine weiteren Angebote verbinden.",
)

SENTENCES: Final[Mapping[Reason, Mapping[str, str]]] = {
    Reason.NOT_FOUND: _in(
        "We do not know this code.",
        "Такого кода нет.",
        "Такого коду немає.",
        "Nu cunoaștem acest cod.",
        "Diesen Code kennen wir nicht.",
    ),
    Reason.VOUCHER_DISABLED: _SWITCHED_OFF,
    Reason.CAMPAIGN_DISABLED: _SWITCHED_OFF,
    Reason.PROMOTION_INACTIVE: _in(
        "This promotion is not running.",
        "Эта акция не проводится.",
        "Ця акція не проводиться.",
        "Această promoție nu este activă.",
        "Diese Aktion läuft nicht.",
    ),
    Reason.VOUCHER_NOT_ACTIVE: _in(
        "This code is not valid yet.",
        "Этот код ещё не действует.",
        "Цей код ще не діє.",
        "Acest cod nu este încă valabil.",
        "Dieser Code gilt noch nicht.",
    ),
    Reason.VOUCHER_EXPIRED: _in(
        "This code has expired.",
        "Срок действия этого кода истёк.",
        "Термін дії цього коду минув.",
        "Acest cod a expirat.",
        "Dieser Code ist abgelaufen.",
    ),
    Reason.VOUCHER_NOT_ACTIVE_NOW: _NOT_NOW,
    Reason.PROMOTION_NOT_ACTIVE_NOW: _NOT_NOW,
    Reason.QUANTITY_EXCEEDED: _in(
        "This code has been used as often as it may be.",
        "Этот код уже использован предельное число раз.",
        "Цей код уже використано граничну кількість разів.",
        "Acest cod a fost folosit de numărul maxim de ori.",
        "Dieser Code wurde schon so oft eingelöst, wie er darf.",
    ),
    Reason.GIFT_AMOUNT_EXCEEDED: _in(
        "There is not enough money on the gift card.",
        "На подарочной карте недостаточно средств.",
        "На подарунковій картці недостатньо коштів.",
        "Pe cardul cadou nu sunt suficienți bani.",
        "Das Guthaben der Geschenkkarte reicht nicht.",
    ),
    Reason.LOYALTY_CARD_POINTS_EXCEEDED: _in(
        "There are not enough points on the card.",
        "На карте недостаточно баллов.",
        "На картці недостатньо балів.",
        "Pe card nu sunt suficiente puncte.",
        "Auf der Karte sind nicht genug Punkte.",
    ),
    Reason.MISSING_REWARD: _in(
        "Choose a reward first.",
        "Сначала выберите награду.",
        "Спершу оберіть винагороду.",
        "Alegeți mai întâi o recompensă.",
        "Wählen Sie zuerst eine Prämie.",
    ),
    Reason.INVALID_CUSTOMER: _in(
        "This card belongs to somebody else.",
        "Эта карта принадлежит другому покупателю.",
        "Ця картка належить іншому покупцеві.",
        "Acest card aparține altei persoane.",
        "Diese Karte gehört jemand anderem.",
    ),
    Reason.REFERRER_NOT_PERMITTED: _in(
        "You cannot use your own referral code.",
        "Нельзя воспользоваться собственным кодом приглашения.",
        "Не можна скористатися власним кодом запрошення.",
        "Nu vă puteți folosi propriul cod de recomandare.",
        "Den eigenen Empfehlungscode können Sie nicht einlösen.",
    ),
    Reason.MISSING_CUSTOMER: _in(
        "Sign in to use this offer.",
        "Войдите, чтобы воспользоваться предложением.",
        "Увійдіть, щоб скористатися пропозицією.",
        "Autentificați-vă pentru a folosi oferta.",
        "Melden Sie sich an, um das Angebot zu nutzen.",
    ),
    Reason.MISSING_ORDER: _NO_ORDER,
    Reason.MISSING_AMOUNT: _NO_ORDER,
    Reason.MISSING_ORDER_ITEMS: _NO_ORDER,
    Reason.MISSING_ORDER_ITEMS_AMOUNT: _in(
        "Nothing in the cart can be paid with it.",
        "В корзине нет товаров, к которым это применимо.",
        "У кошику немає товарів, до яких це можна застосувати.",
        "În coș nu există produse la care se poate aplica.",
        "Im Warenkorb ist nichts, wofür das gilt.",
    ),
    Reason.CURRENCY_MISMATCH: _in(
        "This offer is good in another currency.",
        "Это предложение действует в другой валюте.",
        "Ця пропозиція діє в іншій валюті.",
        "Această ofertă este valabilă în altă monedă.",
        "Dieses Angebot gilt in einer anderen Währung.",
    ),
    Reason.MISSING_LOCATION: _in(
        "Tell us your address to use this offer.",
        "Укажите адрес, чтобы воспользоваться предложением.",
        "Укажіть адресу, щоб скористатися пропозицією.",
        "Indicați adresa pentru a folosi oferta.",
        "Geben Sie Ihre Adresse an, um das Angebot zu nutzen.",
    ),
    Reason.LOCATION_NOT_PERMITTED: _in(
        "This offer is not available where you are.",
        "В вашем регионе это предложение не действует.",
        "У вашому регіоні ця пропозиція не діє.",
        "Această ofertă nu este disponibilă în zona dumneavoastră.",
        "Dieses Angebot gilt nicht an Ihrem Ort.",
    ),
    Reason.MISSING_COST: _in(
        "This offer cannot be applied to the cart.",
        "Это предложение нельзя применить к корзине.",
        "Цю пропозицію не можна застосувати до кошика.",
        "Această ofertă nu se poate aplica la coș.",
        "Dieses Angebot lässt sich auf den Warenkorb nicht anwenden.",
    ),
    Reason.CUSTOMER_RULES_VIOLATED: _in(
        "This offer is for other customers.",
        "Это предложение для других покупателей.",
        "Ця пропозиція для інших покупців.",
        "Această ofertă este pentru alți clienți.",
        "Dieses Angebot gilt für andere Kunden.",
    ),
    Reason.ORDER_RULES_VIOLATED: _in(
        "The cart does not meet the terms of this offer.",
        "Корзина не отвечает условиям предложения.",
        "Кошик не відповідає умовам пропозиції.",
        "Coșul nu îndeplinește condițiile ofertei.",
        "Der Warenkorb erfüllt die Bedingungen nicht.",
    ),
    Reason.REDEMPTION_RULES_VIOLATED: _in(
        "The terms of this offer are not met.",
        "Условия предложения не выполнены.",
        "Умови пропозиції не виконано.",
        "Condițiile ofertei nu sunt îndeplinite.",
        "Die Bedingungen des Angebots sind nicht erfüllt.",
    ),
    Reason.INVALID_PRODUCT: _in(
        "The product of this offer is not available.",
        "Товар из предложения недоступен.",
        "Товар із пропозиції недоступний.",
        "Produsul ofertei nu este disponibil.",
        "Das Produkt des Angebots ist nicht verfügbar.",
    ),
    Reason.MARGIN_FLOOR_REACHED: _in(
        "No further discount is possible on these items.",
        "На эти товары больше скидок нет.",
        "На ці товари більше знижок немає.",
        "La aceste produse nu se mai pot aplica reduceri.",
        "Auf diese Artikel ist kein weiterer Rabatt möglich.",
    ),
    Reason.INCOMPLETE_BUNDLE: _in(
        "Some products of the set are missing in the cart.",
        "В корзине не хватает товаров из набора.",
        "У кошику бракує товарів із набору.",
        "Din coș lipsesc produse ale setului.",
        "Im Warenkorb fehlen Produkte des Sets.",
    ),
    Reason.APPLICABLE_REDEEMABLES_LIMIT: _TOO_MANY,
    Reason.APPLICABLE_PER_CATEGORY_LIMIT: _TOO_MANY,
    Reason.APPLICABLE_EXCLUSIVE_LIMIT: _TOO_MANY,
    Reason.APPLICABLE_EXCLUSIVE_PER_CATEGORY_LIMIT: _TOO_MANY,
    Reason.EXCLUSION_RULES_NOT_MET: _in(
        "This offer cannot be combined with another one in the cart.",
        "Это предложение нельзя объединить с другим в корзине.",
        "Цю пропозицію не можна поєднати з іншою в кошику.",
        "Această ofertă nu se poate combina cu alta din coș.",
        "Dieses Angebot lässt sich mit einem anderen im Warenkorb nicht verbinden.",
    ),
    Reason.PRECEDING_VALIDATION_FAILED: _in(
        "Another offer in this cart could not be applied.",
        "Другое предложение в корзине не применилось.",
        "Інша пропозиція в кошику не застосувалася.",
        "O altă ofertă din coș nu a putut fi aplicată.",
        "Ein anderes Angebot im Warenkorb ließ sich nicht anwenden.",
    ),
    Reason.NO_EFFECT: _in(
        "This offer changes nothing in the cart.",
        "Это предложение ничего не меняет в корзине.",
        "Ця пропозиція нічого не змінює в кошику.",
        "Această ofertă nu schimbă nimic în coș.",
        "Dieses Angebot ändert am Warenkorb nichts.",
    ),
    Reason.EXCLUSIVE_GROUP_TAKEN: _OTHER_BETTER,
    Reason.NOT_BEST_OF_GROUP: _OTHER_BETTER,
}
