"""Why a discount cannot be computed."""

from msgspec import Struct

from rules.reasons import Reason


class Trouble(Struct, frozen=True):
    """A reason without its redeemable."""

    reason: Reason
    details: str = ""
