"""A remembered voucher made ready to be decided on: from its packed record and the programs that the process
has at this moment.

It is what gathering makes of the same record, so the same versions guard it.
"""

from app.core.keys import Partition
from app.core.records import VoucherRecord
from app.redeemables.candidates import candidate_of, facts_of_units
from app.redeemables.catalogue import Catalogue
from app.redeemables.memory import Remembered, Together, voucher_checks
from app.redeemables.programs import CampaignProgram
from app.redeemables.request import RedeemableRequest, StackRequest
from app.redeemables.summaries import summary_needs
from rules.charges import looks_at_counters
from rules.facts import Candidate, Facts

PRODUCTS = "prod"
"""Guard of all products of a project: an order's lines are described by them."""


def together_of(request: StackRequest) -> Together:
    redeemables = request.redeemables
    if len(redeemables) == 1:
        return ((redeemables[0].object, redeemables[0].id),)
    return tuple([(one.object, one.id) for one in redeemables])


def is_recallable(candidate: Candidate) -> bool:
    """Whether nothing was read of it but what the script compares by version."""
    return not (looks_at_counters(candidate) or candidate.absent)


def is_plain(redeemable: RedeemableRequest) -> bool:
    return redeemable.gift is None and redeemable.reward is None


async def opened(catalogue: Catalogue, partition: Partition, request: StackRequest) -> Remembered | None:
    """Of a single voucher whose record is remembered; kept, as who asks twice may ask again. None where a
    program is not in the process, or asks for more than its versions by now.
    """
    if len(request.redeemables) != 1:
        return None
    redeemable = request.redeemables[0]
    if redeemable.kind != "voucher" or not is_plain(redeemable):
        return None
    record = catalogue.memory.packed(partition.project_id, redeemable.id)
    remembered = None if record is None else await _made(catalogue, partition, redeemable, record)
    if remembered is not None:
        catalogue.memory.remember(together_of(request), remembered)
    return remembered


async def _made(
    catalogue: Catalogue, partition: Partition, redeemable: RedeemableRequest, record: VoucherRecord
) -> Remembered | None:
    project_id = partition.project_id
    project, keys = catalogue.known_project(project_id), catalogue.core.keys(partition)
    if project is None or keys is None:
        return None
    campaigns: dict[str, CampaignProgram] = {}
    guards = {"s": project.version}
    if record.campaign_id is not None:
        campaign = catalogue.known_campaign(project_id, record.campaign_id)
        if campaign is None:
            return None
        campaigns[campaign.id] = campaign
        guards.update(campaign.guards)
    generation = catalogue.memory.generation(project_id)
    guards[PRODUCTS] = catalogue.products.version(project_id)
    candidate, own_guards = await candidate_of(catalogue, project, redeemable, record, campaigns, {})
    if not is_recallable(candidate) or summary_needs((candidate,)):
        catalogue.memory.leave(project_id, redeemable.id)
        return None
    records = {project.fold(record.code): record}
    return Remembered(
        generation=generation,
        project=project,
        keys=keys,
        facts=Facts(
            candidates=(candidate,),
            stacking=project.stacking,
            categories=project.categories,
            project_id=project_id,
            currency=project.currency,
            project_extensions=project.settings.get("extensions") or {},
            catalogue=await facts_of_units(catalogue.products, project_id, (candidate,)),
        ),
        guards={**guards, **own_guards},
        records=records,
        checks=voucher_checks(keys, project, records),
        campaigns=campaigns,
        products_version=guards[PRODUCTS],
    )
