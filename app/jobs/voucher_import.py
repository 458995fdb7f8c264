"""Import of vouchers: each row is imported or refused alone, and none is ever half there.

A slice takes a piece of the input (several, where that is quick), inserts what is free and moves the action's
progress in one transaction, so after a kill the next slice goes on with exactly the rows that are left. A
file of single vouchers may also name codes that exist: those are updated.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import AsyncAction, Campaign, Project, Voucher
from app.engine import Engine
from app.identifiers import next_version
from app.jobs.inputs import PIECE_ROWS, forget_inputs, take_input
from app.jobs.progress import SliceDelayed, advance, fail, finish
from app.jobs.publications import all_published, note_reused_codes, note_vouchers
from app.jobs.voucher_rows import (
    RowReader,
    RowRefused,
    VoucherRow,
    check_window,
    instant_of,
    own_body,
    own_columns,
    row_of,
)
from app.redeemables.documents import overlaid
from app.redeemables.issuing import batch_rows, fold, insert_free, mixed_vouchers
from app.redeemables.metadata_schemas import load_metadata_schemas

TO_CAMPAIGN = "CAMPAIGN.VOUCHERS_IMPORT"
TO_CAMPAIGN_CSV = "CAMPAIGN.VOUCHERS_IMPORT_CSV"
SINGLE = "VOUCHERS.IMPORT"
SINGLE_CSV = "VOUCHERS.IMPORT_CSV"
TYPES = (TO_CAMPAIGN, TO_CAMPAIGN_CSV, SINGLE, SINGLE_CSV)
FAILURES_SHOWN_MAX = 1_000
"""Refused rows that the result lists one by one; all of them are counted."""
TAKEN = "A voucher with this code already exists"


def import_payload(count: int, *, campaign_id: str | None = None) -> dict[str, Any]:
    """count: rows of the whole input."""
    return {"campaign_id": campaign_id, "count": count}


async def step(engine: Engine, session: AsyncSession, action: AsyncAction) -> None:
    """One piece; after the last one the action is finished when all that it changed is published."""
    now = engine.now()
    project = await session.get(Project, action.project_id)
    assert project is not None  # whoever started the action belongs to it
    campaign, campaign_id = None, action.payload.get("campaign_id")
    if campaign_id is not None:
        campaign = await session.scalar(
            select(Campaign)
            .where(Campaign.project_id == action.project_id, Campaign.id == campaign_id)
            .with_for_update()
        )
        if campaign is None or campaign.deleted_at is not None:
            await forget_inputs(session, action)
            fail(action, now, "The campaign was deleted.")
            return
    # Rows that exist are locked and changed one by one, while redemptions of them wait to be projected.
    count = batch_rows(session) // PIECE_ROWS if action.state.get("roomy") else 1
    rows = await take_input(session, action, count)
    if rows is None:
        if not await all_published(session, action):
            raise SliceDelayed("changed vouchers are not published yet")
        _finish(action, now)
        return
    reader = RowReader(campaign, await load_metadata_schemas(session, project.id))
    await _Piece(engine, session, action, project, reader, now).do(rows)


def _finish(action: AsyncAction, now: datetime) -> None:
    state = action.state
    done, refused = int(state.get("imported", 0)), int(state.get("refused", 0))
    action.state = {**state, "done": done}
    finish(
        action,
        now,
        f"{done} voucher(s) imported successfully, {refused} failed.",
        failed_count=refused,
        failed=list(state.get("failed", ())),
    )


class _Piece:
    """One piece of the input on its way into the table."""

    def __init__(
        self,
        engine: Engine,
        session: AsyncSession,
        action: AsyncAction,
        project: Project,
        reader: RowReader,
        now: datetime,
    ) -> None:
        self.engine, self.session, self.action = engine, session, action
        self.project, self.campaign, self.now = project, reader.campaign, now
        self.reader = reader
        self.failed: list[dict[str, Any]] = []

    async def do(self, documents: Sequence[Mapping[str, Any]]) -> None:
        codes: dict[str, str] = {}
        terms: dict[str, dict[str, Any]] = {}
        sources: dict[str, Mapping[str, Any]] = {}
        for document in documents:
            try:
                code, columns = self.reader.read(document)
                folded = fold(self.project, code)
                if folded in codes:
                    raise RowRefused(TAKEN)
                codes[folded], terms[folded], sources[folded] = code, columns, document
            except RowRefused as refused:
                self._refuse(document, str(refused))
        rows = mixed_vouchers(self.project, codes, terms, now=self.now)
        made = set(await insert_free(self.session, rows))
        fresh = {own[2]: own[0] for own in rows.own if own[0] in made}
        taken = codes.keys() - fresh.keys()
        updated = await self._update(taken, sources) if taken else 0
        if self.campaign is not None:
            self.campaign.vouchers_count += len(made)
        await note_reused_codes(self.engine, self.session, self.action, fresh)
        self._advance(len(documents), len(made) + updated, roomy=not taken)

    def _refuse(self, document: Mapping[str, Any], reason: str) -> None:
        entry: dict[str, Any] = {"code": document.get("code") or "", "reason": reason}
        if "row" in document:
            entry["row"] = document["row"]
        self.failed.append(entry)

    async def _update(self, taken: set[str], sources: Mapping[str, Mapping[str, Any]]) -> int:
        """Codes that exist: a file of single vouchers updates single vouchers, everything else is refused."""
        found: dict[str, Voucher] = {}
        if self.action.type == SINGLE_CSV:
            rows = await self.session.scalars(
                select(Voucher)
                .where(
                    Voucher.project_id == self.project.id,
                    Voucher.folded_code.in_(taken),
                    Voucher.campaign_id.is_(None),
                    Voucher.deleted_at.is_(None),
                )
                .with_for_update()
            )
            found = {row.folded_code: row for row in rows}
        changed: list[str] = []
        for folded in sorted(taken):
            try:
                self._overlay(found.get(folded), row_of(sources[folded]))
                changed.append(found[folded].id)
            except RowRefused as refused:
                self._refuse(sources[folded], str(refused))
        await note_vouchers(self.engine, self.session, self.action, changed)
        return len(changed)

    def _overlay(self, row: Voucher | None, sent: VoucherRow) -> None:
        if row is None:
            raise RowRefused(TAKEN)
        if sent.type is not None and sent.type != row.type:
            raise RowRefused("It is not possible to change the voucher's type")
        body = dict(row.body)
        if sent.discount is not None:
            discount = self.reader.discount(sent.discount)
            if discount.get("type") != (body.get("discount") or {}).get("type"):
                raise RowRefused("It is not possible to change Voucher discount type")
            body["discount"] = discount
        merged = own_body(sent, {})
        if "metadata" in merged:
            merged["metadata"] = overlaid(body.get("metadata") or {}, merged["metadata"])
            self.reader.check_metadata(merged["metadata"])
        body |= merged
        start_date = instant_of(sent.start_date, "start_date") or row.start_date
        expiration_date = instant_of(sent.expiration_date, "expiration_date") or row.expiration_date
        check_window(start_date, expiration_date, body)
        columns = own_columns(sent)
        columns.pop("redeemed_base", None)  # what was redeemed is told by the ledger
        if sent.active is None:
            columns.pop("active")
        if sent.category_id is None:
            columns.pop("category_id")
        for name, value in columns.items():
            setattr(row, name, value)
        row.start_date, row.expiration_date, row.body = start_date, expiration_date, body
        row.updated_at = self.now
        row.version = next_version(row.version)

    def _advance(self, seen: int, imported: int, *, roomy: bool) -> None:
        """roomy: every code was free, so those of the next pieces probably are."""
        state = self.action.state
        shown = list(state.get("failed", ()))
        self.action.state = {
            **state,
            "imported": int(state.get("imported", 0)) + imported,
            "refused": int(state.get("refused", 0)) + len(self.failed),
            "failed": (shown + self.failed)[:FAILURES_SHOWN_MAX],
            "roomy": roomy,
        }
        advance(self.action, int(state.get("done", 0)) + seen, int(self.action.payload["count"]))
