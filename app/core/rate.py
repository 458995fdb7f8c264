"""What the token bucket answered."""

from typing import Any, NamedTuple, Self


class Rate(NamedTuple):
    """remaining: whole tokens left. retry_after_milliseconds: until the cost is there; 0 when allowed."""

    allowed: bool
    remaining: int
    retry_after_milliseconds: int

    @classmethod
    def parse(cls, reply: Any) -> Self:
        """Of the reply to RedemptionCore.rate_command within a read. An error reply raises it."""
        if isinstance(reply, Exception):
            raise reply
        return cls(reply[0] == 1, reply[1], reply[2])
