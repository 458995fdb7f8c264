"""Codes added to a campaign that exists: one at once, or many as an async action."""

from typing import Any

from app.api.call import Call
from app.api.campaigns.definition import checked_code, checked_code_config
from app.api.campaigns.schemas import CampaignVouchersCreate
from app.api.campaigns.service import check_keyspace, checked_count, start_generation
from app.api.lookup import campaign_named, project_of
from app.api.minting import require_mintable, require_no_budget, require_plain
from app.api.terms import Dates, apply_windows, refusal
from app.api.vouchers.service import default_charset_of, issue, own_parts
from app.api.vouchers.wire import voucher_wires
from app.db.models import Campaign, Project
from app.http.errors import invalid_payload
from app.jobs.generation import generation_payload
from app.redeemables.codes import CodeConfig, code_config_of


async def add_codes(
    call: Call, id_or_name: str, body: CampaignVouchersCreate, count: int
) -> tuple[int, dict[str, Any]]:
    """(200, voucher) for one code, (202, async action) for more.

    Raises: ApiError 400 invalid_campaign for a campaign whose codes cannot be drawn.
    """
    if checked_count(count) < 1:
        raise invalid_payload("Property .vouchers_count must be >= 1")
    require_plain(call.principal, body)
    now = call.engine.now()
    async with call.write() as write:
        project = await project_of(write.session, call.project_id)
        campaign = await campaign_named(write.session, call.project_id, id_or_name, lock=True)
        require_mintable(call.principal, campaign, count)
        await require_no_budget(write.session, call.principal)
        _check_draws(campaign)
        own = await own_parts(write, body)
        config = _config_of(project, campaign, body)
        if count == 1:
            voucher = await issue(write, project, campaign, own, now, code=None, config=config)
            await write.session.refresh(campaign)
            pairs = [(voucher, campaign)]
            wires = await voucher_wires(write.session, project, pairs, call.engine.settings.public_url)
            return 200, write.answer(wires[0])
        check_keyspace(config, campaign.vouchers_count, count)
        dates, document = Dates(), dict(own.body)
        apply_windows(dates, own.windows, document)
        columns = {
            **own.columns,
            "start_date": dates.start_date,
            "expiration_date": dates.expiration_date,
        }
        payload = generation_payload(
            campaign.id, count, code_config=config.wire(), columns=columns, body=document
        )
        action_id = start_generation(call, write, campaign, payload, now)
        return 202, write.answer({"async_action_id": action_id}, 202)


async def add_code(call: Call, id_or_name: str, code: str, body: CampaignVouchersCreate) -> dict[str, Any]:
    """A code that somebody chose.

    Raises: ApiError 409 when the project has it already.
    """
    checked_code(code)
    now = call.engine.now()
    async with call.write() as write:
        project = await project_of(write.session, call.project_id)
        campaign = await campaign_named(write.session, call.project_id, id_or_name, lock=True)
        await require_no_budget(write.session, call.principal)
        _check_draws(campaign)
        own = await own_parts(write, body)
        voucher = await issue(write, project, campaign, own, now, code=code)
        pairs = [(voucher, campaign)]
        wires = await voucher_wires(write.session, project, pairs, call.engine.settings.public_url)
        return write.answer(wires[0])


def _check_draws(campaign: Campaign) -> None:
    if campaign.campaign_type == "PROMOTION":
        raise refusal("invalid_campaign", "A PROMOTION campaign has no vouchers.")
    if campaign.type == "STANDALONE":
        raise refusal("invalid_campaign", "You can not generate vouchers for STANDALONE type campaign.")


def _config_of(project: Project, campaign: Campaign, body: CampaignVouchersCreate) -> CodeConfig:
    if body.code_config is not None:
        return checked_code_config(body.code_config, default_charset_of(project))
    return code_config_of((campaign.body.get("voucher") or {}).get("code_config"))
