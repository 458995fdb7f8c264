"""Safeguards taken out one at a time, in a copy: the programme must notice each, or it would notice nothing.

What cannot be shown this way is an fsync that lies: SIGKILL keeps what the kernel has, so only a loss of
power would tell.
"""

import shutil
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("app", "rules", "migrations", "chaos", "tests/support", "alembic.ini", "pyproject.toml")


class Change(Struct, frozen=True):
    """In `file`, `safe` (which stands there once) becomes `unsafe`."""

    file: str
    safe: str
    unsafe: str


class Mutation(Struct, frozen=True):
    """A safeguard that is missing wherever it stands; `cell` must then be failed.

    crash_point: where the ledger's writer dies besides, so that the safeguard is needed in every run and not
    only when a kill happens to meet the moment; `<name>:<n>`, every n-th pass.
    """

    name: str
    cell: str
    changes: tuple[Change, ...]
    crash_point: str = ""


MUTATIONS = (
    Mutation(
        "no replay check",
        "W9xF5@journal",
        (
            Change(
                "app/core/lua/apply.lua",
                "if writes then\n  local applied",
                "if false then\n  local applied",
            ),
        ),
    ),
    Mutation(
        "no fence",
        "W2xF2@journal",
        # It stands in both: without a record that it may publish, a worker does not come as far as taking.
        (
            Change(
                "app/core/lua/apply.lua",
                "\n  or not find(call('INFO', 'replication'), 'master_replid:' .. certificate, 1, true)",
                "",
            ),
            Change(
                "app/core/lua/publish.lua",
                "\n    or not find(call('INFO', 'replication'), 'master_replid:' .. meta[1], 1, true)",
                "",
            ),
        ),
        # SQL has ended the epoch and Redis was not told: only the fence keeps workers from going on in it.
        "recovery-after-epoch:2",
    ),
    Mutation(
        "no limit check",
        "W3xF12@journal",
        (
            Change(
                "app/core/lua/apply.lua",
                "refused = after >= INTEGER_LIMIT or (cap and after + held > cap)",
                "refused = after >= INTEGER_LIMIT",
            ),
            Change(
                "app/core/lua/apply.lua",
                "refused = after >= INTEGER_LIMIT or (cap and held + after > cap)",
                "refused = after >= INTEGER_LIMIT",
            ),
        ),
    ),
    Mutation(
        "trimmed before the commit",
        "W2xF3@journal",
        (
            Change(
                "app/jobs/outbox.py",
                "            try:\n"
                "                moved = await ledger_entries(self.db, partition, cursor, entries)",
                "            try:\n"
                "                await self.core.trim(partition, entries[-1].event_id)\n"
                "                moved = await ledger_entries(self.db, partition, cursor, entries)",
            ),
        ),
        "drain-before-commit:5",
    ),
    Mutation(
        "holds that expire by themselves",
        "W7xF12@journal",
        (
            Change(
                "app/redeemables/sessions.py",
                "Put(key=hash_key, field=voucher_id, value=encode_lock(lock)),",
                "Put(key=hash_key, field=voucher_id, value=encode_lock(lock), ttl_seconds=1),",
            ),
        ),
    ),
)


def mutated_copy(mutation: Mutation, target: Path) -> Path:
    """The programme and the engine in `target`, without that safeguard."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    for change in mutation.changes:
        file = target / change.file
        text = file.read_text()
        if text.count(change.safe) != 1:
            raise LookupError(f"{mutation.name}: the safeguard does not stand once in {change.file}")
        file.write_text(text.replace(change.safe, change.unsafe))
    return target
