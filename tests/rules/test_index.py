"""The index of offers by what they require: never less than what applies."""

from rules.compile import RuleError
from rules.facts import Facts, Line, OrderFacts
from rules.index import Postings, requirement_of
from rules.qualification import SCENARIOS, qualify
from tests.rules.making import MOMENT, ROOMY, amount, rule, tier
from tests.rules.randomly import COLLECTION, SEGMENT, Maker

KNOWN = {"collections": {COLLECTION.id: COLLECTION}, "segments": {SEGMENT.id: SEGMENT}}


def test_the_index_knows_what_a_scenario_leaves_out() -> None:
    """Whatever qualifies is possible, in every scenario, and what rules ask for counts only where they are
    looked at.
    """
    maker = Maker(seed=5, noise=0)
    offers = []
    while len(offers) < 150:
        try:
            offers.append(tier(amount(5), rules=[rule(maker.rule_set(), **KNOWN)]))
        except RuleError:
            continue
    for name, scenario in SCENARIOS.items():
        postings = Postings()
        for slot, offer in enumerate(offers):
            compiled = offer.rules[0].program
            postings.add(slot, requirement_of(compiled, scenario.omitted))
        shown = looked = 0
        for seed in range(40):
            facts, moment = Maker(seed, noise=0).request()
            plain = Facts(
                candidates=(),
                order=facts.order,
                customer=facts.customer,
                metadata=facts.metadata,
                stacking=ROOMY,
            )
            possible = postings.possible(plain, moment, {SEGMENT.id: SEGMENT.program})
            fitting = {
                slot
                for slot, offer in enumerate(offers)
                if qualify(plain, moment, offer, scenario) is not None
            }
            assert fitting <= possible, name
            shown, looked = shown + len(fitting), looked + len(possible)
        assert 0 < shown <= looked, name
        assert name == "AUDIENCE_ONLY" or looked < 40 * len(offers), name


def test_an_offer_that_was_taken_out_of_the_index_is_not_found() -> None:
    """Under whatever it was posted; the others stay."""
    wanted = [
        {"name": "order.items.any", "conditions": {"$is": [{"object": "products_collection", "id": "pc_1"}]}},
        {"name": "order.items.any", "conditions": {"$is": [{"object": "product", "id": "a"}]}},
        {"name": "order.amount", "conditions": {"$is": [100, 300]}},
        {"name": "order.amount", "conditions": {"$more_than": [50]}},
        {"name": "order.metadata", "property": "till", "conditions": {"$is": ["north"]}},
        {"name": "order.items.count", "conditions": {"$more_than": [0]}},
    ]
    postings = Postings()
    requirements = [requirement_of(rule({"rules": {"1": one}}, **KNOWN).program) for one in wanted]
    for slot, requirement in enumerate(requirements):
        postings.add(slot, requirement)
    line = Line(index=0, product_id="a", quantity=1, price=300)
    facts = Facts(candidates=(), order=OrderFacts(lines=(line,), metadata={"till": "north"}), stacking=ROOMY)
    left = set(range(len(wanted)))
    assert postings.possible(facts, MOMENT, {}) == left
    for slot, requirement in enumerate(requirements):
        postings.remove(slot, requirement)
        left.discard(slot)
        assert postings.possible(facts, MOMENT, {}) == left
