"""Codes of a campaign, drawn some hundreds or thousands at a time.

Each slice inserts codes and moves the action's `done` in one transaction, so after a kill the next slice goes
on with exactly what is missing. The records of new codes are not published: a code that nobody has seen is
read from SQL when it is first used (D5).
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.bulk import AlikeRows, can_copy
from app.db.models import AsyncAction, Campaign, Project, Voucher
from app.engine import Engine
from app.jobs.progress import advance, fail, finish
from app.jobs.publications import note_reused_codes
from app.redeemables.codes import CodeConfig, code_config_of
from app.redeemables.issuing import (
    BATCH_MAX,
    alike_vouchers,
    batch_rows,
    copy_vouchers,
    draw_batch,
    inherited,
    insert_unless_taken,
)

TYPE = "CAMPAIGN.VOUCHERS_GENERATE"
DRY_SLICES_MAX = 40
"""Slices of 500 draws without one free code: fewer than one code in 20 000 is left."""


def generation_payload(
    campaign_id: str,
    count: int,
    *,
    code_config: dict[str, Any] | None = None,
    columns: dict[str, Any] | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """`columns` and `body`: what the codes have of their own; dates as ISO texts."""
    own = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in (columns or {}).items()
    }
    return {
        "campaign_id": campaign_id,
        "count": count,
        "code_config": code_config,
        "columns": own,
        "body": body or {},
    }


async def step(engine: Engine, session: AsyncSession, action: AsyncAction) -> None:
    """At most `batch_rows` codes."""
    now = engine.now()
    payload, total = action.payload, int(action.payload["count"])
    done = int(action.state.get("done", 0))
    campaign = await session.scalar(
        select(Campaign)
        .where(Campaign.project_id == action.project_id, Campaign.id == payload["campaign_id"])
        .with_for_update()
    )
    project = await session.get(Project, action.project_id)
    if campaign is None or project is None or campaign.deleted_at is not None:
        fail(action, now, f"Generated {done} vouchers; the campaign was deleted.")
        return
    shared = campaign.body.get("voucher") or {}
    config = code_config_of(payload.get("code_config") or shared.get("code_config"))
    batch = _Batch(session, project, campaign, config, payload, now)
    made_codes: dict[str, str] = {}
    if not action.state.get("crowded"):
        made_codes = await batch.insert_roomy(min(batch_rows(session), total - done))
        if not made_codes:
            action.state = {**action.state, "crowded": True}
    if not made_codes:
        made_codes = await batch.insert_crowded(min(BATCH_MAX, total - done))
    await note_reused_codes(engine, session, action, made_codes)
    made = len(made_codes)
    done += made
    campaign.vouchers_count += made
    advance(action, done, total)
    if done >= total:
        finish(action, now, f"Generated {done} vouchers.")
        await _settle_campaign(session, action, campaign, "DONE")
        return
    dry = 0 if made else int(action.state.get("dry", 0)) + 1
    action.state = {**action.state, "dry": dry}
    if dry >= DRY_SLICES_MAX:
        fail(action, now, f"Generated {done} of {total} vouchers: no free codes are left in the pattern.")
        await _settle_campaign(session, action, campaign, "FAILED")


class _Batch:
    """New codes of one campaign. Both ways return id by folded code."""

    def __init__(
        self,
        session: AsyncSession,
        project: Project,
        campaign: Campaign,
        config: CodeConfig,
        payload: dict[str, Any],
        now: datetime,
    ) -> None:
        self._session, self._project, self._config, self._now = session, project, config, now
        terms = inherited(campaign)
        self._body = {**terms.pop("body"), **payload.get("body", {})}
        self._columns = {**terms, **own_columns(payload)}

    def _rows(self, codes: Mapping[str, str]) -> AlikeRows:
        return alike_vouchers(self._project, codes, now=self._now, body=self._body, **self._columns)

    async def insert_roomy(self, wanted: int) -> dict[str, str]:
        """As many as are wanted, where nearly every drawn code is free; none when one was taken."""
        if not can_copy(self._session):
            return {}
        drawn = draw_batch(self._project, self._config, wanted)
        if not drawn or len(drawn) != wanted:
            return {}
        rows = self._rows(drawn)
        if not await copy_vouchers(self._session, rows):
            return {}
        return {folded: identity for identity, _, folded in rows.own}

    async def insert_crowded(self, wanted: int) -> dict[str, str]:
        """Up to `wanted`. More are drawn, so that a nearly used keyspace is still used up."""
        project = self._project
        drawn = draw_batch(project, self._config, BATCH_MAX)
        taken = await self._session.scalars(
            select(Voucher.folded_code).where(
                Voucher.project_id == project.id, Voucher.folded_code.in_(list(drawn))
            )
        )
        for folded_code in taken:
            del drawn[folded_code]
        rows = self._rows(dict(islice(drawn.items(), wanted)))
        made = set(await insert_unless_taken(self._session, rows.documents()))
        return {folded: identity for identity, _, folded in rows.own if identity in made}


def own_columns(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload's columns with their dates read back."""
    columns = dict(payload.get("columns") or {})
    for name in ("start_date", "expiration_date"):
        if columns.get(name) is not None:
            columns[name] = datetime.fromisoformat(columns[name])
    return columns


async def _settle_campaign(
    session: AsyncSession, action: AsyncAction, campaign: Campaign, status: str
) -> None:
    """The campaign is generating for as long as any of its generations is open."""
    campaign.creation_status = "DONE"
    others = await session.scalars(
        select(AsyncAction.payload).where(
            AsyncAction.project_id == action.project_id,
            AsyncAction.type == TYPE,
            AsyncAction.status.in_(("ENQUEUED", "IN_PROGRESS")),
            AsyncAction.id != action.id,
        )
    )
    busy = any(payload.get("campaign_id") == campaign.id for payload in others)
    campaign.vouchers_generation_status = "IN_PROGRESS" if busy else status


async def give_up(session: AsyncSession, action: AsyncAction) -> None:
    """After repeated unexpected failures: the campaign says so."""
    campaign = await session.get(Campaign, (action.project_id, action.payload["campaign_id"]))
    if campaign is not None:
        await _settle_campaign(session, action, campaign, "FAILED")
