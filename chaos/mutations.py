"""Safeguards taken out one at a time, in a copy: the programme must notice each, or it would notice nothing.

What cannot be shown this way is an fsync that lies: SIGKILL keeps what the kernel has, so only a loss of
power would tell. That the script's fence is needed is shown on one server that restarts
(tests/core/test_publish.py): a run of the programme meets the moment only now and then.
"""

import shutil
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("app", "rules", "migrations", "chaos", "tests/support", "alembic.ini", "pyproject.toml")


class Mutation(Struct, frozen=True):
    """In `file`, `safe` (which stands there once) becomes `unsafe`; `cell` must then be failed.

    crash_point: where the ledger's writer dies besides, so that the safeguard is needed in every run and not
    only when a kill happens to meet the moment; `<name>:<n>`, every n-th pass.
    """

    name: str
    file: str
    safe: str
    unsafe: str
    cell: str
    crash_point: str = ""


MUTATIONS = (
    Mutation(
        "no replay check",
        "app/core/lua/apply.lua",
        "if writes then\n  local applied",
        "if false then\n  local applied",
        "W9xF5@journal",
    ),
    Mutation(
        "no limit check",
        "app/core/lua/apply.lua",
        "refused = after >= INTEGER_LIMIT or (cap and after + held > cap)",
        "refused = after >= INTEGER_LIMIT",
        "W3xF12@journal",
    ),
    Mutation(
        "trimmed before the commit",
        "app/jobs/outbox.py",
        "            try:\n                moved = await ledger_entries(self.db, partition, cursor, entries)",
        "            try:\n                await self.core.trim(partition, entries[-1].event_id)\n"
        "                moved = await ledger_entries(self.db, partition, cursor, entries)",
        "W2xF3@journal",
        "drain-before-commit:5",
    ),
    Mutation(
        "holds that expire by themselves",
        "app/redeemables/sessions.py",
        "Put(key=hash_key, field=voucher_id, value=encode_lock(lock)),",
        "Put(key=hash_key, field=voucher_id, value=encode_lock(lock), ttl_seconds=1),",
        "W7xF12@journal",
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
    file = target / mutation.file
    text = file.read_text()
    if text.count(mutation.safe) != 1:
        raise LookupError(f"{mutation.name}: the safeguard does not stand once in {mutation.file}")
    file.write_text(text.replace(mutation.safe, mutation.unsafe))
    return target
