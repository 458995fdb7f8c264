"""Whether a chain is whole: numbers without a gap, hashes that follow from one another, an end that is the
noted one.
"""

from typing import Any, Final

from msgspec import Struct
from sqlalchemy import select

from app.audit.chain import GENESIS, detail_digest, entries_of, entry_hash
from app.db.database import Database
from app.db.models import AuditDetail, AuditEntry, AuditHead

CHUNK: Final = 1_000


class Verdict(Struct, kw_only=True):
    """Of one chain. broken_at: number of the first entry that does not fit; None: sound."""

    project_id: str
    entries: int = 0
    head: str = ""
    """Hexadecimal hash of the last entry: noted elsewhere, it proves later that nothing before it changed."""
    erased: int = 0
    """Entries whose values were erased: the chain does not need them."""
    broken_at: int | None = None
    reason: str = ""


async def chains(db: Database) -> list[str]:
    """Project ids, "" for the organisation's."""
    async with db.reading() as session:
        return list(await session.scalars(select(AuditHead.project_id).order_by(AuditHead.project_id)))


async def verify_chain(db: Database, project_id: str, expected: dict[int, str] | None = None) -> Verdict:
    """Read the whole chain, a thousand entries at a time. expected: hashes noted earlier, by number."""
    verdict = Verdict(project_id=project_id)
    previous = GENESIS
    wanted = dict(expected or {})
    async with db.reading() as session:
        while verdict.broken_at is None:
            rows = list(
                await session.scalars(
                    select(AuditEntry)
                    .where(AuditEntry.project_id == project_id, AuditEntry.seq > verdict.entries)
                    .order_by(AuditEntry.seq)
                    .limit(CHUNK)
                )
            )
            if not rows:
                break
            details = await session.execute(
                select(AuditDetail.seq, AuditDetail.salt, AuditDetail.body).where(
                    AuditDetail.project_id == project_id,
                    AuditDetail.seq.between(rows[0].seq, rows[-1].seq),
                )
            )
            digests = {seq: detail_digest(salt, body) for seq, salt, body in details}
            for entry in entries_of(rows):
                reason = _fault(entry, verdict.entries + 1, previous, digests, wanted)
                if reason:
                    verdict.broken_at, verdict.reason = verdict.entries + 1, reason
                    break
                verdict.entries += 1
                verdict.erased += entry["detail_digest"] is not None and entry["seq"] not in digests
                previous = bytes(entry["hash"])
            session.expunge_all()
        head = await session.get(AuditHead, project_id)
    verdict.head = previous.hex()
    if verdict.broken_at is None:
        _compare_end(verdict, head, wanted)
    return verdict


def _fault(
    entry: dict[str, Any], number: int, previous: bytes, digests: dict[int, bytes], wanted: dict[int, str]
) -> str:
    if entry["seq"] != number:
        return "an entry is missing"
    if entry["previous_hash"] != previous:
        return "it does not follow from the entry before it"
    if entry_hash(entry) != entry["hash"]:
        return "it was changed"
    if number in digests and entry["detail_digest"] != digests[number]:
        return "its values were changed"
    noted = wanted.get(number)
    if noted is not None and noted.lower() != bytes(entry["hash"]).hex():
        return "it is not the entry that was noted"
    return ""


def _compare_end(verdict: Verdict, head: AuditHead | None, wanted: dict[int, str]) -> None:
    noted = max(wanted, default=0)
    if head is not None and (head.seq, head.hash.hex()) != (verdict.entries, verdict.head):
        verdict.broken_at, verdict.reason = verdict.entries + 1, "entries at the end are missing"
    elif head is None and verdict.entries:
        verdict.broken_at, verdict.reason = verdict.entries, "the end of the chain is not noted"
    elif noted > verdict.entries:
        verdict.broken_at, verdict.reason = verdict.entries + 1, "entries that were noted are missing"
