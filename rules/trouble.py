"""Why a discount cannot be computed."""

from rules.reasons import Reason


class Trouble:
    """A reason without its redeemable. A plain class: asking a Struct for its type is ten times as dear."""

    __slots__ = ("details", "reason")

    def __init__(self, reason: Reason, details: str = "") -> None:
        self.reason = reason
        self.details = details
