"""What the database takes is told table by table, on both kinds."""

from app.db.database import Database
from app.ledger.size import measure


async def test_every_table_is_weighed_with_its_indexes(any_database: Database) -> None:
    """Nothing is divided by the redemptions that there are not."""
    found = await measure(any_database)
    names = {table.name for table in found.tables}
    assert {"ledger_events", "ledger_postings", "redemptions", "orders"} <= names
    assert all(table.bytes > 0 for table in found.tables)
    assert (found.redemptions, found.bytes_per_redemption, found.year_bytes) == (0, 0.0, 0.0)
