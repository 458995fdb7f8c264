"""Publishing: one transaction gives codes to a customer; two at once never give the same one (D16)."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from app.api.call import Call
from app.api.lookup import campaign_named, project_of, voucher_named
from app.api.metadata_checks import check_metadata
from app.api.minting import require_mintable
from app.api.publications.minting import check_budget, check_confirmed, earlier_codes, value_of
from app.api.publications.picking import check_free, is_generic, pick
from app.api.publications.pressure import check_pressure
from app.api.publications.receiving import receiver_of
from app.api.publications.schemas import CODES_MAX, PublicationCreate, PublicationExtensions
from app.api.publications.wire import publication_wire
from app.api.publishing import CatalogueWrite
from app.api.vouchers.wire import voucher_wires
from app.db.models import (
    Campaign,
    CampaignMembership,
    Customer,
    Project,
    Publication,
    PublicationVoucher,
    Voucher,
)
from app.http.errors import ApiError, invalid_payload
from app.http.idempotency import RequestIdentity, request_identity
from app.http.wire import iso
from app.identifiers import characters_of, new_id, next_version
from app.redeemables.loading import zone_of
from rules.dates import add_duration, parse_duration

ATTEMPTS_MAX = 3
"""Each attempt that loses finds what the winner has made."""
DEFAULT_CHANNEL = "API"


async def publish(
    call: Call, body: PublicationCreate, *, join_once: bool | None = None, again: bool = True
) -> dict[str, Any]:
    """The publication. again: a customer who joined the campaign once gets that publication, else a refusal.

    Raises: ApiError 400 and 404 as published, 403 mint_budget_exceeded, 422 idempotency_key_reused.
    """
    if body.voucher is None and body.campaign_name is None:
        raise ApiError(400, "missing_vouchers", "Missing vouchers", "Either Campaign or Voucher is required")
    if body.count > CODES_MAX:
        raise invalid_payload(f"Property .campaign.count must be <= {CODES_MAX}")
    if body.source_id is not None and body.count > 1:
        raise ApiError(
            400, "too_many_vouchers_requested", "Too many vouchers requested", "Only up to 1 can be published"
        )
    # The receiver is made by a write of its own; the key answers for the publication's.
    claim, call.claim = call.claim, None
    customer_id = await receiver_of(call, body.customer)
    call.claim = claim
    identity = request_identity(
        call.headers, call.principal.key_id, call.route.method, call.route.path, call.query.raw, call.raw_body
    )
    for attempt in range(ATTEMPTS_MAX):
        try:
            async with call.write() as write:
                work = _Publishing(call, write, body, customer_id, identity)
                return write.answer(await work.do(join_once=join_once, again=again))
        except IntegrityError:
            if attempt == ATTEMPTS_MAX - 1:
                raise
    raise AssertionError("the loop returns or raises")


class _Publishing:
    """One publication inside its transaction."""

    def __init__(
        self,
        call: Call,
        write: CatalogueWrite,
        body: PublicationCreate,
        customer_id: str,
        identity: RequestIdentity | None,
    ) -> None:
        self.call, self.write, self.session = call, write, write.session
        self.body, self.customer_id, self.identity = body, customer_id, identity
        self.now = call.engine.now()
        self.extensions = body.extensions or PublicationExtensions()
        self.publication_id = _publication_id(call.project_id, identity)

    async def do(self, *, join_once: bool | None, again: bool) -> dict[str, Any]:
        project = await project_of(self.session, self.call.project_id)
        first = await self._first_answer()
        if first is not None:
            return await self._wire(project, first)
        await self._check_source_id()
        await check_metadata(self.session, self.call.project_id, "publication", self.body.metadata)
        campaign, chosen = await self._named()
        require_mintable(self.call.principal, campaign, self.body.count)
        if campaign is not None and campaign.type != "STANDALONE":
            joined = await self._join(campaign)
            wanted = bool(campaign.body.get("join_once")) if join_once is None else join_once
            if joined is not None and wanted:
                return await self._joined_before(project, joined, again=again)
        earlier = await earlier_codes(self.session, campaign, self.customer_id, self.now)
        await check_pressure(
            self.session, project, self.customer_id, campaign, chosen, self.body.count, self.now
        )
        check_confirmed(campaign, earlier, confirmed=bool(self.extensions.confirmed))
        if chosen is not None:
            check_free(chosen, campaign, self.now)
            rows = [chosen]
        else:
            assert campaign is not None  # a request without either was refused
            rows = await pick(self.write, project, campaign, self.body.count, self.now)
        value = sum(value_of(row, campaign) for row in rows)
        key_id = self.call.principal.key_id
        await check_budget(self.session, project, key_id, len(rows), value, self.now)
        for row in rows:
            self._hand_out(row, campaign, zone_of(project.timezone))
        publication = self._row(rows, campaign, value, earlier)
        self.session.add(publication)
        self.session.add_all(
            PublicationVoucher(
                project_id=project.id, publication_id=publication.id, n=number, voucher_id=row.id
            )
            for number, row in enumerate(rows)
        )
        await self.session.flush()
        return await self._wire(project, publication)

    async def _first_answer(self) -> Publication | None:
        """What the same Idempotency-Key has made before."""
        if self.identity is None:
            return None
        row = await self.session.get(Publication, (self.call.project_id, self.publication_id))
        if row is not None and row.body.get("fingerprint") != self.identity.fingerprint:
            raise ApiError(
                422,
                "idempotency_key_reused",
                "Idempotency key reused",
                "The same Idempotency-Key was used with another body",
            )
        return row

    async def _check_source_id(self) -> None:
        if self.body.source_id is None:
            return
        taken = await self.session.scalar(
            select(Publication.id).where(
                Publication.project_id == self.call.project_id, Publication.source_id == self.body.source_id
            )
        )
        if taken is not None:
            raise ApiError(
                400,
                "duplicate_source_id",
                "Duplicate source_id",
                f"Publication with source_id: '{self.body.source_id}' already exists",
            )

    async def _named(self) -> tuple[Campaign | None, Voucher | None]:
        """A voucher wins over a campaign that is named beside it."""
        project_id = self.call.project_id
        if self.body.voucher is not None:
            voucher, campaign = await voucher_named(self.session, project_id, self.body.voucher, lock=True)
            return campaign, voucher
        return await campaign_named(self.session, project_id, self.body.campaign_name or ""), None

    async def _join(self, campaign: Campaign) -> str | None:
        """The publication by which the customer is in the campaign already; None: this one is the first.
        Whoever comes at the same moment waits here for the first to commit.
        """
        values = {
            "project_id": campaign.project_id,
            "campaign_id": campaign.id,
            "customer_id": self.customer_id,
            "publication_id": self.publication_id,
        }
        insert = postgresql.insert if self.session.get_bind().dialect.name == "postgresql" else sqlite.insert
        made = await self.session.scalar(
            insert(CampaignMembership)
            .values(values)
            .on_conflict_do_nothing(index_elements=["project_id", "campaign_id", "customer_id"])
            .returning(CampaignMembership.publication_id)
        )
        if made is not None:
            return None
        return await self.session.scalar(
            select(CampaignMembership.publication_id).where(
                CampaignMembership.project_id == campaign.project_id,
                CampaignMembership.campaign_id == campaign.id,
                CampaignMembership.customer_id == self.customer_id,
            )
        )

    async def _joined_before(self, project: Project, publication_id: str, *, again: bool) -> dict[str, Any]:
        row = await self.session.get(Publication, (project.id, publication_id))
        if not again or row is None:
            raise ApiError(
                400,
                "voucher_cannot_be_published",
                "Voucher cannot be published",
                "Voucher cannot be published. Customer already joined program.",
            )
        return await self._wire(project, row)

    def _hand_out(self, row: Voucher, campaign: Campaign | None, zone: ZoneInfo) -> None:
        row.publish_count += 1
        if not is_generic(row, campaign):
            row.holder_id = self.customer_id
            _begin_activity(row, campaign, self.now, zone)
            if self.extensions.holder_only:
                extensions = {**(row.body.get("extensions") or {}), "holder_only": True}
                row.body = {**row.body, "extensions": extensions}
        row.updated_at = self.now
        row.version = next_version(row.version)
        self.write.voucher(row.id)

    def _row(
        self, rows: list[Voucher], campaign: Campaign | None, value: int, earlier: list[dict[str, Any]]
    ) -> Publication:
        first = rows[0]
        document: dict[str, Any] = {
            "metadata": self.body.metadata or {},
            "codes": [row.code for row in rows],
            "voucher_ids": [row.id for row in rows],
            "campaign": campaign.name if campaign is not None else None,
        }
        if self.identity is not None:
            document["fingerprint"] = self.identity.fingerprint
        if self.extensions.holder_only:
            document["holder_only"] = True
        if earlier:
            document["warnings"] = [
                {"key": "recently_published", **one, "created_at": iso(one["created_at"])} for one in earlier
            ]
        return Publication(
            project_id=self.call.project_id,
            id=self.publication_id,
            created_at=self.now,
            campaign_id=first.campaign_id,
            voucher_id=first.id,
            voucher_code=first.code,
            voucher_type=first.type,
            is_referral_code=first.is_referral_code,
            customer_id=self.customer_id,
            source_id=self.body.source_id,
            channel=self.body.channel or DEFAULT_CHANNEL,
            result="SUCCESS",
            actor_key_id=self.call.principal.key_id,
            codes=len(rows),
            value=value,
            reason=self.extensions.reason,
            agent=self.extensions.agent,
            body=document,
        )

    async def _wire(self, project: Project, row: Publication) -> dict[str, Any]:
        """The channel is API in the answer to whoever publishes: official clients take no other word."""
        customer = await self.session.get(Customer, (project.id, row.customer_id))
        voucher = None
        if row.codes == 1:
            pair = await voucher_named(self.session, project.id, row.voucher_id)
            public_url = self.call.engine.settings.public_url
            voucher = (await voucher_wires(self.session, project, [pair], public_url))[0]
        return publication_wire(row, customer, voucher) | {"channel": DEFAULT_CHANNEL}


def _publication_id(project_id: str, identity: RequestIdentity | None) -> str:
    """With an Idempotency-Key its digest, so that the primary key keeps the promise."""
    if identity is None:
        return new_id("pub_")
    return "pub_" + characters_of(int(identity.scope_hash, 16))


def _begin_activity(row: Voucher, campaign: Campaign | None, now: datetime, zone: ZoneInfo) -> None:
    """From now (or the campaign's start) for as long as the campaign says, in wall-clock time of the
    project; it takes the place of the campaign's own end.
    """
    text = campaign.body.get("activity_duration_after_publishing") if campaign is not None else None
    span = parse_duration(text)
    if span is None or campaign is None:
        return
    start = max(now, campaign.start_date) if campaign.start_date is not None else now
    try:
        end = add_duration(start.astimezone(zone).replace(tzinfo=None), span)
    except OverflowError:
        return
    row.start_date, row.expiration_date = start, end.replace(tzinfo=zone).astimezone(UTC)
