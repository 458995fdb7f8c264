"""A voucher that is remembered as its packed record alone (app.redeemables.opening)."""

from datetime import UTC, datetime

from app.db.models import Campaign
from app.identifiers import new_id, next_version
from app.redeemables.catalogue import Catalogue
from app.redeemables.foresight import Foreseen, Foresights
from app.redeemables.gather import Gathered, gather
from app.redeemables.memory import OPEN_MAX
from app.redeemables.read_trip import Asked
from app.redeemables.recall import forget, recall, remember
from app.redeemables.request import GiftRequest, RedeemableRequest, StackRequest
from rules.facts import Candidate, CounterName
from tests.ledger.shop import Shop

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def request_of(*codes: str) -> StackRequest:
    return StackRequest(redeemables=[RedeemableRequest(id=code, object="voucher") for code in codes])


class Worker:
    """One process of a shop that has a campaign of two codes."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.catalogue = Catalogue(shop.core, shop.db)
        self.asked = Asked(partition=shop.partition, key_id="key", access=("access", None))
        self.campaign_id = new_id("camp_")

    async def open(self) -> "Worker":
        async with self.shop.db.writing() as session:
            session.add(
                Campaign(
                    project_id=self.shop.partition.project_id,
                    id=self.campaign_id,
                    name="Spring",
                    type="AUTO_UPDATE",
                    campaign_type="DISCOUNT_COUPONS",
                    vouchers_count=2,
                    vouchers_generation_status="DONE",
                    active=True,
                    version=next_version(),
                    created_at=NOW,
                    body={"voucher": {"discount": {"type": "PERCENT", "percent_off": 10}}},
                )
            )
        for voucher_id in ("v_one", "v_two"):
            await self.shop.add_voucher(voucher_id, campaign_id=self.campaign_id, quantity=1)
        return self

    async def meet(self, request: StackRequest) -> Gathered:
        """Read all of it and remember it, as a taking does."""
        gathered = await gather(self.shop.core, self.catalogue, self.asked, request, NOW)
        remember(self.catalogue, self.asked, request, gathered, taken=True)
        return gathered

    async def recalled(self, request: StackRequest) -> Gathered | None:
        return await recall(self.catalogue, self.asked, request)

    def is_open(self, code: str) -> bool:
        project_id = self.shop.partition.project_id
        return self.catalogue.memory.redeemables(project_id, (("voucher", code),)) is not None


async def test_what_is_made_of_a_record_is_what_was_gathered(shop: Shop) -> None:
    """The same candidate under the same versions; ready only from the second time on."""
    worker = await Worker(shop).open()
    gathered = await worker.meet(request_of("V_ONE"))
    assert gathered.facts.candidates[0].campaign_id == worker.campaign_id
    assert not worker.is_open("V_ONE")
    recalled = await worker.recalled(request_of("V_ONE"))
    assert recalled is not None
    assert recalled.facts.candidates == gathered.facts.candidates
    assert recalled.guards == {**gathered.guards, "prod": 0}
    assert list(recalled.records.values()) == list(gathered.records.values())
    assert recalled.campaigns == gathered.campaigns
    assert worker.is_open("V_ONE")
    assert await worker.recalled(request_of("V_TWO")) is None


async def test_a_record_is_decided_on_with_the_catalogue_of_the_moment(shop: Shop) -> None:
    """What was forgotten of the catalogue is read, and not taken from what the voucher was met with."""
    worker = await Worker(shop).open()
    project_id, guard = shop.partition.project_id, f"c:{worker.campaign_id}"
    await worker.meet(request_of("V_ONE"))
    before = await worker.recalled(request_of("V_ONE"))
    worker.catalogue.invalidate(project_id, guard)
    assert await worker.recalled(request_of("V_ONE")) is None
    async with shop.db.writing() as session:
        campaign = await session.get_one(Campaign, (project_id, worker.campaign_id))
        campaign.name, campaign.version = "Summer", next_version(campaign.version)
    await worker.meet(request_of("V_TWO"))
    after = await worker.recalled(request_of("V_ONE"))
    assert before is not None
    assert after is not None
    assert after.facts.candidates[0].campaign_name == "Summer"
    assert after.guards[guard] > before.guards[guard]


async def test_what_was_found_changed_is_forgotten_packed_and_open(shop: Shop) -> None:
    """Else the next request would be decided on the old record again, and again be refused by the script."""
    worker = await Worker(shop).open()
    request = request_of("V_ONE")
    await worker.meet(request)
    assert await worker.recalled(request) is not None
    forget(worker.catalogue, worker.asked, request)
    assert await worker.recalled(request) is None


async def test_what_one_request_says_of_a_voucher_is_not_kept(shop: Shop) -> None:
    """Credits that one asks for, and other kinds of redeemables of the same name, are not the voucher."""
    worker = await Worker(shop).open()
    await worker.meet(request_of("V_ONE"))
    asking = request_of("V_ONE")
    asking.redeemables[0].gift = GiftRequest(credits=5)
    assert await worker.recalled(asking) is None
    asking.redeemables[0] = RedeemableRequest(id="V_ONE", object="promotion_tier")
    assert await worker.recalled(asking) is None
    recalled = await worker.recalled(request_of("V_ONE"))
    assert recalled is not None
    assert recalled.facts.candidates[0].credits is None


async def test_projects_do_not_share_what_they_remember(shop: Shop) -> None:
    """P9: the same code in another project is another code."""
    worker = await Worker(shop).open()
    await worker.meet(request_of("V_ONE"))
    memory, project_id = worker.catalogue.memory, shop.partition.project_id
    assert memory.packed(project_id, "V_ONE") is not None
    assert memory.packed(f"{project_id}x", "V_ONE") is None
    assert memory.packed(project_id[:-1], "V_ONE") is None


def test_vouchers_of_a_campaign_foresee_the_same_but_for_their_own_counters() -> None:
    """A code that was never validated is looked at as the one before it was."""
    foresights = Foresights()
    names = (CounterName("voucher", "v_1"), CounterName("campaign", "camp_1", customer="\0"))
    first, other, foreign = (
        Candidate(object="voucher", requested_id=code, id=voucher_id, campaign_id=campaign_id)
        for code, voucher_id, campaign_id in (
            ("ONE", "v_1", "camp_1"),
            ("TWO", "v_2", "camp_1"),
            ("THREE", "v_3", "camp_2"),
        )
    )
    foresights.put("proj_1", (first,), Foreseen(guards=("s",), counters=names))
    for number in range(OPEN_MAX):
        alone = Candidate(object="voucher", requested_id=f"{number}", id=f"v_n{number}")
        foresights.put("proj_1", (alone,), Foreseen(guards=(), counters=()))
    assert foresights.of("proj_1", ("ONE",)) is None
    assert foresights.of("proj_1", ("ONE",), (first,)) == Foreseen(guards=("s",), counters=names)
    told = foresights.of("proj_1", ("TWO",), (other,))
    assert told == Foreseen(guards=("s",), counters=(CounterName("voucher", "v_2"), names[1]))
    assert foresights.of("proj_1", ("TWO",)) == told
    assert foresights.of("proj_1", ("THREE",), (foreign,)) is None
    assert foresights.of("proj_2", ("ONE",), (first,)) is None
