"""The lane of one webhook: what it is owed, in order per object, several objects at once.

A lane waits for nobody and nobody waits for it. Where a receiver is down, the lane tries one delivery at a
time until one arrives, so that a backlog is neither hammered at it nor worn out against it.
"""

import asyncio
import secrets
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import structlog
from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.chain import Actor, audited
from app.db.models import Webhook, WebhookAttempt, WebhookDelivery, WebhookEvent
from app.db.noted import be_quiet
from app.engine import Engine
from app.http.wire import iso
from app.identifiers import next_version
from app.webhooks.addresses import networks_of
from app.webhooks.envelope import envelope, headers, sendout_id
from app.webhooks.schedule import next_attempt, seconds_of
from app.webhooks.sending import CONNECTIONS_MAX, GONE, Outcome, Target

BATCH_MAX: Final = 100
BATCH_SECONDS: Final = 2.0
"""After which what was tried is recorded: a kill makes a slow receiver hear little twice."""
STREAK_MAX: Final = CONNECTIONS_MAX
"""Failures in a row, without a success, after which the rest of a batch is left untried."""
PROBE_SECONDS: Final = 60.0
"""Between two attempts at a receiver that is down."""
BUSY: Final = frozenset({408, 429})
_DELIVERIES: Final[Any] = WebhookDelivery.__table__
_ATTEMPTS: Final[Any] = WebhookAttempt.__table__

log = structlog.get_logger("vouchsafe.webhooks")
_random = secrets.SystemRandom()


class Due(NamedTuple):
    """One delivery with its event."""

    n: int
    event_id: str
    object_key: str
    attempts: int
    first_at: datetime | None
    kind: str
    at: datetime
    body: bytes


class Tried(NamedTuple):
    due: Due
    at: datetime
    outcome: Outcome


class Lane:
    """Lives for as long as its webhook has something to be told."""

    def __init__(
        self,
        engine: Engine,
        project_id: str,
        webhook_id: str,
        context: ssl.SSLContext,
        is_leader: Callable[[], bool],
    ) -> None:
        self._engine = engine
        self._is_leader = is_leader
        self.used = 0.0
        """When it last had something to do, by the loop's clock."""
        self._project_id = project_id
        self._webhook_id = webhook_id
        self._context = context
        self._target: Target | None = None
        self._schedule = seconds_of(engine.settings.webhook_retry_seconds)
        self._streak = 0
        self._is_down = False
        self._rests_until = 0.0

    @property
    def is_resting(self) -> bool:
        return asyncio.get_running_loop().time() < self._rests_until

    def rest(self) -> None:
        """For a second: after a failure of our own, or when there was nothing to do after all."""
        self._rests_until = asyncio.get_running_loop().time() + 1.0

    async def close(self) -> None:
        if self._target is not None:
            await self._target.close()
            self._target = None

    async def run(self) -> None:
        """Until nothing is due, or the receiver is down."""
        has_begun = False
        while self._is_leader() and not self.is_resting:
            self.used = asyncio.get_running_loop().time()
            webhook, due = await self._take()
            if webhook is None or not due:
                if not has_begun:
                    self.rest()  # Everything that is due waits behind something that failed.
                return
            has_begun = True
            await self._aim(webhook.target_url)
            tried = await self._deliver(webhook, due)
            if not tried:
                return
            self._judge(tried)
            await self._settle(webhook, tried)

    async def _take(self) -> tuple[Webhook | None, list[Due]]:
        """What is due, oldest first; nothing of an object whose last attempt failed and waits."""
        now = datetime.now(UTC)
        row, event = WebhookDelivery, WebhookEvent
        owed = (row.project_id == self._project_id, row.webhook_id == self._webhook_id)
        waiting = select(row.object_key).where(*owed, row.next_at > now)
        async with self._engine.db.reading() as session:
            webhook = await session.get(Webhook, (self._project_id, self._webhook_id))
            if webhook is None or not webhook.active:
                return None, []
            found = await session.execute(
                select(
                    row.n, row.event_id, row.object_key, row.attempts, row.first_at,
                    event.type, event.at, event.body,
                )
                .join(event, (event.project_id == row.project_id) & (event.id == row.event_id))
                .where(*owed, row.next_at <= now, row.object_key.not_in(waiting))
                .order_by(row.n)
                .limit(1 if self._is_down else BATCH_MAX)
            )  # fmt: skip
            return webhook, [Due(*one) for one in found]

    async def _aim(self, url: str) -> None:
        if self._target is None or self._target.url != url:
            await self.close()
            allowed = networks_of(self._engine.settings.webhook_networks)
            self._target = Target(url, allowed, self._context)

    async def _deliver(self, webhook: Webhook, due: Sequence[Due]) -> list[Tried]:
        """Each object's in their order, until one fails; what was tried."""
        by_object: dict[str, deque[Due]] = {}
        for one in due:
            by_object.setdefault(one.object_key, deque()).append(one)
        chains = deque(by_object.values())
        tried: list[Tried] = []
        clock = asyncio.get_running_loop().time
        until = clock() + BATCH_SECONDS

        def goes_on() -> bool:
            return self._streak < STREAK_MAX and clock() < until and self._is_leader()

        async def work() -> None:
            while chains and goes_on():
                chain = chains.popleft()
                while chain and goes_on():
                    at = datetime.now(UTC)
                    outcome = await self._post(webhook, chain[0], at)
                    tried.append(Tried(chain.popleft(), at, outcome))
                    if not outcome.is_success:
                        self._streak += 1
                        break
                    self._streak = 0

        await asyncio.gather(*(work() for _ in range(min(CONNECTIONS_MAX, len(chains)))))
        return tried

    async def _post(self, webhook: Webhook, due: Due, now: datetime) -> Outcome:
        assert self._target is not None
        body = envelope(webhook, due.event_id, due.kind, iso(due.at) or "", due.body)
        return await self._target.post(
            body, headers(webhook, sendout_id(webhook.id, due.event_id), now, body)
        )

    def _judge(self, tried: Sequence[Tried]) -> None:
        """Down is who does not answer, or says so. A refusal of one event says nothing of the next."""
        self._streak = 0
        outcomes = [one.outcome for one in tried]
        self._is_down = bool(outcomes) and all(_is_away(outcome) for outcome in outcomes)
        if self._is_down:
            rest = min(PROBE_SECONDS, self._schedule[0]) * _random.uniform(1.0, 1.1)
            asked = max(outcome.retry_after for outcome in outcomes)
            self._rests_until = asyncio.get_running_loop().time() + max(rest, min(asked, 3600.0))

    async def _settle(self, webhook: Webhook, tried: Sequence[Tried]) -> None:
        """One transaction: what arrived goes, what did not waits, and all is on record."""
        last = next((one for one in tried if self._is_last(one)), None)
        if last is not None:
            reason = "gone" if last.outcome.status == GONE else "retries_exhausted"
            await self._record(tried, webhook)
            await disable(self._engine, self._project_id, self._webhook_id, reason)
        else:
            await self._record(tried, webhook)

    def _is_last(self, one: Tried) -> bool:
        if one.outcome.is_success:
            return False
        return one.outcome.status == GONE or one.due.attempts >= len(self._schedule)

    async def _record(self, tried: Sequence[Tried], webhook: Webhook) -> None:
        arrived = [one.due.n for one in tried if one.outcome.is_success]
        missed = [one for one in tried if not one.outcome.is_success]
        async with self._engine.db.writing() as session:
            be_quiet(session)
            if arrived:
                await session.execute(delete(WebhookDelivery).where(WebhookDelivery.n.in_(arrived)))
            if missed:
                await self._postpone(session, missed)
            connection = await session.connection()
            await connection.execute(insert(_ATTEMPTS), [self._attempt(one) for one in tried])
            since = webhook.failing_since
            if bool(missed) != (since is not None):
                await session.execute(
                    update(Webhook)
                    .where(Webhook.project_id == self._project_id, Webhook.id == self._webhook_id)
                    .values(failing_since=missed[0].at if missed else None)
                )

    async def _postpone(self, session: AsyncSession, missed: Sequence[Tried]) -> None:
        rows = []
        for one in missed:
            first_at = one.due.first_at or one.at
            attempts = one.due.attempts + 1
            now = datetime.now(UTC)
            due = next_attempt(self._schedule, attempts, first_at, now, one.outcome.retry_after)
            rows.append(
                {
                    "b_n": one.due.n,
                    "attempts": attempts,
                    "first_at": first_at,
                    "next_at": due or now + timedelta(seconds=self._schedule[-1]),
                }
            )
        statement = (
            update(_DELIVERIES)
            .where(_DELIVERIES.c.n == bindparam("b_n"))
            .values({name: bindparam(name) for name in ("attempts", "first_at", "next_at")})
        )
        await (await session.connection()).execute(statement, rows)

    def _attempt(self, one: Tried) -> dict[str, Any]:
        return {
            "project_id": self._project_id,
            "webhook_id": self._webhook_id,
            "event_id": one.due.event_id,
            "event_type": one.due.kind,
            "attempt": one.due.attempts + 1,
            "at": one.at,
            "milliseconds": one.outcome.milliseconds,
            "status": one.outcome.status,
            "error": one.outcome.error,
        }


def _is_away(outcome: Outcome) -> bool:
    return outcome.status is None or outcome.status >= 500 or outcome.status in BUSY


async def disable(engine: Engine, project_id: str, webhook_id: str, reason: str) -> None:
    """The engine gives up on a webhook: it says so, in its object and in the audit. What it is still owed is
    in the events, to be told again from `undelivered_since` on.
    """
    actor = Actor(kind="rule", id=webhook_id, operation="disable-webhook")
    async with audited(engine.db, project_id, actor) as session:
        row = await session.get(Webhook, (project_id, webhook_id), with_for_update=True)
        if row is None or not row.active:
            return
        since = await session.scalar(
            select(func.min(WebhookEvent.at))
            .join(
                WebhookDelivery,
                (WebhookDelivery.project_id == WebhookEvent.project_id)
                & (WebhookDelivery.event_id == WebhookEvent.id),
            )
            .where(WebhookDelivery.project_id == project_id, WebhookDelivery.webhook_id == webhook_id)
        )
        now = datetime.now(UTC)
        row.active = False
        row.disabled = {"reason": reason, "at": iso(now), "undelivered_since": iso(since)}
        row.updated_at = now
        row.version = next_version(row.version)
        await session.execute(
            delete(WebhookDelivery).where(
                WebhookDelivery.project_id == project_id, WebhookDelivery.webhook_id == webhook_id
            )
        )
    log.warning("webhook disabled", project=project_id, webhook=webhook_id, reason=reason)
