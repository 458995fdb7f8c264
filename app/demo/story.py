"""The story as data. Prices in cents; `source_id` is what the shop itself calls a thing."""

from typing import Any

COLLECTIONS: dict[str, tuple[tuple[str, str, int], ...]] = {
    "Coffee": (
        ("espresso-beans", "Espresso beans 250 g", 1450),
        ("house-blend", "House blend 250 g", 1250),
        ("ethiopia-yirgacheffe", "Ethiopia Yirgacheffe 250 g", 1690),
        ("colombia-huila", "Colombia Huila 250 g", 1590),
        ("decaf-beans", "Decaf beans 250 g", 1390),
        ("cold-brew", "Cold brew bottle 0.5 l", 590),
        ("espresso-kilo", "Espresso beans 1 kg", 4900),
        ("sampler", "Roaster's sampler 4 x 80 g", 1990),
    ),
    "Bakery": (
        ("sourdough", "Sourdough loaf", 520),
        ("rye-bread", "Rye bread", 480),
        ("croissant", "Butter croissant", 240),
        ("cinnamon-roll", "Cinnamon roll", 310),
        ("almond-cake", "Almond cake", 2800),
        ("lemon-tart", "Lemon tart", 2600),
        ("birthday-cake", "Birthday cake", 4200),
        ("cookies", "Box of cookies", 890),
    ),
    "Brewing gear": (
        ("moka-pot", "Moka pot, 4 cups", 3490),
        ("french-press", "French press 1 l", 2990),
        ("pour-over", "Pour-over set", 3890),
        ("hand-grinder", "Hand grinder", 7900),
        ("kettle", "Gooseneck kettle", 8900),
        ("scale", "Barista scale", 4500),
        ("filters", "Paper filters, 100", 550),
        ("milk-frother", "Milk frother", 2400),
    ),
    "Gifts": (
        ("enamel-mug", "Enamel mug", 1200),
        ("travel-mug", "Travel mug", 2450),
        ("tote-bag", "Tote bag", 900),
        ("tea-towel", "Tea towel", 780),
        ("coffee-book", "The coffee book", 3200),
        ("gift-basket", "Gift basket", 5900),
    ),
}
"""30 products in 4 collections."""

CUSTOMERS: tuple[dict[str, Any], ...] = (
    {
        "source_id": "ada",
        "name": "Ada Ohm",
        "email": "ada@example.com",
        "address": {"city": "Hamburg", "country": "DE"},
    },
    {
        "source_id": "ben",
        "name": "Ben Kirsch",
        "email": "ben@example.com",
        "address": {"city": "Berlin", "country": "DE"},
    },
    {
        "source_id": "carol",
        "name": "Carol Voss",
        "email": "carol@example.com",
        "address": {"city": "Lyon", "country": "FR"},
    },
    {
        "source_id": "dan",
        "name": "Dan Brook",
        "email": "dan@example.com",
        "address": {"city": "Leeds", "country": "GB"},
    },
    {
        "source_id": "eva",
        "name": "Eva Lind",
        "email": "eva@example.com",
        "address": {"city": "Malmö", "country": "SE"},
    },
    {"source_id": "finn", "name": "Finn Aho", "email": "finn@example.com", "metadata": {"newsletter": True}},
    {"source_id": "gita", "name": "Gita Rao", "email": "gita@example.com", "metadata": {"newsletter": True}},
    {"source_id": "hugo", "name": "Hugo Sá", "email": "hugo@example.com"},
)

SEGMENTS: dict[str, tuple[str, ...]] = {"Regulars": ("ada", "ben", "eva")}
"""Static segments: name and the customers' source ids."""

RULES: dict[str, dict[str, Any]] = {
    "Carts from 20.00": {
        "rules": {"1": {"name": "order.amount", "conditions": {"$more_than_or_equal": [2000]}}, "logic": "1"},
        "error": {"message": "Add a little more: this offer starts at 20.00"},
    },
    "Carts from 60.00": {
        "rules": {"1": {"name": "order.amount", "conditions": {"$more_than_or_equal": [6000]}}, "logic": "1"},
    },
    "Regulars only": {
        "rules": {
            "1": {
                "name": "customer.segment",
                "conditions": {"$is": ["segment:Regulars"]},
                "error": {"message": "This code is for our regulars"},
            },
            "logic": "1",
        },
    },
    "Once for each customer": {
        "rules": {
            "1": {"name": "redemption.count.per_customer", "conditions": {"$less_than_or_equal": [1]}},
            "logic": "1",
        },
        "error": {"message": "You have used this one already"},
    },
    "Bakery only": {
        "applicable_to": {"included": [{"object": "products_collection", "id": "collection:Bakery"}]},
    },
    "Bags of coffee": {
        "applicable_to": {"included": [{"object": "products_collection", "id": "collection:Coffee"}]},
    },
}
"""Validation rules by name. `segment:`, `collection:` and `product:` stand for the id of the thing of that
name."""


def _public(name: str, code: str, discount: dict[str, Any], why: str, **more: Any) -> dict[str, Any]:
    """A campaign with one code that everybody knows."""
    quantity = more.pop("quantity", None)
    return {
        "name": name,
        "description": why,
        "type": "STANDALONE",
        "campaign_type": "DISCOUNT_COUPONS",
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": discount,
            "code": code,
            "redemption": {"quantity": quantity},
        },
        **more,
    }


CAMPAIGNS: tuple[dict[str, Any], ...] = (
    _public(
        "Welcome",
        "WELCOME10",
        {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER", "amount_limit": 2000},
        "Ten percent off the first look around, 20.00 at most",
        validation_rules=["rule:Carts from 20.00"],
    ),
    _public(
        "First 500",
        "FIRST500",
        {"type": "AMOUNT", "amount_off": 500, "effect": "APPLY_TO_ORDER"},
        "Printed on the window: 5.00 off for the first 500 orders, and not one more",
        quantity=500,
    ),
    _public(
        "Regulars",
        "REGULARS20",
        {"type": "PERCENT", "percent_off": 20, "effect": "APPLY_TO_ORDER"},
        "A thank-you to a segment",
        validation_rules=["rule:Regulars only"],
    ),
    _public(
        "One more bag",
        "ONEMOREBAG",
        {"type": "UNIT", "unit_off": 1, "unit_type": "product:house-blend", "effect": "ADD_NEW_ITEMS"},
        "From 60.00 a bag of house blend comes along",
        validation_rules=["rule:Carts from 60.00"],
    ),
    _public(
        "Once is enough",
        "ONCE15",
        {"type": "PERCENT", "percent_off": 15, "effect": "APPLY_TO_ORDER"},
        "Public, but each customer takes it once",
        validation_rules=["rule:Once for each customer"],
    ),
    _public(
        "Cake week",
        "CAKEWEEK",
        {"type": "PERCENT", "percent_off": 25, "effect": "APPLY_TO_ITEMS"},
        "A quarter off everything from the oven, nothing else",
        validation_rules=["rule:Bakery only"],
    ),
    _public(
        "Bag by bag",
        "BAG1",
        {"type": "AMOUNT", "amount_off": 100, "effect": "APPLY_TO_ITEMS_BY_QUANTITY"},
        "1.00 off each bag of coffee",
        validation_rules=["rule:Bags of coffee"],
    ),
    _public(
        "Happy hours",
        "HAPPY",
        {"type": "PERCENT", "percent_off": 12, "effect": "APPLY_TO_ORDER"},
        "Weekdays from five to seven",
        validity_hours={
            "daily": [
                {"start_time": "17:00", "expiration_time": "19:00", "days_of_week": [1, 2, 3, 4, 5]},
            ]
        },
    ),
    _public(
        "Summer sale",
        "SUMMER25",
        {"type": "PERCENT", "percent_off": 25, "effect": "APPLY_TO_ORDER"},
        "Over since August: ask for it and see what a refusal looks like",
        start_date="2025-06-01T00:00:00Z",
        expiration_date="2025-08-31T21:59:59Z",
    ),
    {
        "name": "Sorry about that",
        "description": "Unique codes that the support desk hands out, 10.00 each, good once",
        "type": "AUTO_UPDATE",
        "campaign_type": "DISCOUNT_COUPONS",
        "vouchers_count": 20,
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": {"type": "AMOUNT", "amount_off": 1000, "effect": "APPLY_TO_ORDER"},
            "code_config": {"pattern": "SORRY-######"},
            "redemption": {"quantity": 1},
        },
    },
    {
        "name": "Gift cards",
        "description": "50.00 on a card, spent in parts",
        "type": "AUTO_UPDATE",
        "campaign_type": "GIFT_VOUCHERS",
        "vouchers_count": 10,
        "voucher": {
            "type": "GIFT_VOUCHER",
            "gift": {"amount": 5000},
            "code_config": {"pattern": "GIFT-####-####"},
            "redemption": {"quantity": None},
        },
    },
    {
        "name": "The fuller the basket",
        "description": "No code to type: tiers that the checkout validates by itself",
        "campaign_type": "PROMOTION",
        "promotion": {
            "tiers": [
                {
                    "name": "5.00 off from 60.00",
                    "banner": "5.00 off",
                    "action": {"discount": {"type": "AMOUNT", "amount_off": 500, "effect": "APPLY_TO_ORDER"}},
                    "validation_rules": ["rule:Carts from 60.00"],
                },
                {
                    "name": "A tote bag for everybody",
                    "banner": "Have a bag",
                    "action": {
                        "discount": {
                            "type": "UNIT",
                            "unit_off": 1,
                            "unit_type": "product:tote-bag",
                            "effect": "ADD_MISSING_ITEMS",
                        }
                    },
                },
            ]
        },
    },
)
"""12 campaigns. `rule:` stands for the id of the rule of that name."""
