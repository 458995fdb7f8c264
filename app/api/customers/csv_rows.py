"""Files of customers as rows of an import, as `app.jobs.customer_rows.row_of` reads them."""

from typing import Final

from app.api.csv_files import Layout
from app.redeemables.customers import ADDRESS, PROFILE

CUSTOMERS: Final = Layout(
    fields={
        "id": "",
        "source_id": "source_id",
        "birthday": "birthdate",
        **{name: name for name in PROFILE},
        **{f"address_{part}": f"address.{part}" for part in ADDRESS},
    },
    required=("source_id",),
    key="source_id",
)
