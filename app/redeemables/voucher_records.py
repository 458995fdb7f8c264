"""Records of the vouchers that a request names: as the core has them, else from SQL."""

from collections.abc import Sequence

from app.core.keys import Partition
from app.core.records import VoucherRecord, decode_voucher
from app.redeemables.catalogue import Catalogue


async def voucher_records(
    catalogue: Catalogue,
    partition: Partition,
    wanted: Sequence[str],
    raw: Sequence[bytes | None],
    *,
    evenly: bool = False,
) -> dict[str, VoucherRecord]:
    """By what was asked for: a folded code, or a v_ id. evenly: at the same cost whatever is there."""
    found: dict[str, VoucherRecord] = {}
    missing: list[str] = []
    for folded, value in zip(wanted, raw, strict=True):
        if value is not None:
            record = decode_voucher(value)
            if not record.deleted:
                found[folded] = record
        elif evenly or not catalogue.is_unknown(partition.project_id, folded):
            missing.append(folded)
    if evenly and wanted:
        hydrated = await catalogue.hydrate_vouchers(partition, wanted, evenly=True, stored=found)
        found = {
            name: record for name, record in hydrated.items() if name in wanted and not record.deleted
        } | found
    elif missing:
        hydrated = await catalogue.hydrate_vouchers(partition, missing)
        found.update(
            {name: record for name, record in hydrated.items() if name in missing and not record.deleted}
        )
    return found
