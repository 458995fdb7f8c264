"""One head, and the migrations make exactly the schema of the models: on an empty SQLite database."""

import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.db import migrate
from app.db.database import Database
from app.db.revisions import heads


async def check(folder: Path) -> None:
    database = Database(f"sqlite:///{folder / 'empty.db'}")
    try:
        await migrate.upgrade(database)
        differences = await migrate.differences(database)
        if differences:
            raise SystemExit("the models differ from the migrations:\n" + "\n".join(differences))
    finally:
        await database.close()


def main() -> None:
    found = heads()
    if len(found) != 1:
        raise SystemExit(f"migrations must have one head, not {len(found)}: {', '.join(found)}")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder)))
    print(f"migrations: one head ({found[0]}), same schema as the models")


if __name__ == "__main__":
    main()
