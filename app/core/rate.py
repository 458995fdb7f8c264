"""What the token bucket and the budget of guesses answered."""

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


class Guess(NamedTuple):
    """blocked_milliseconds: 0 when the budget is not spent. remaining: whole failures. blocks: so far."""

    blocked_milliseconds: int
    remaining: int
    blocks: int

    @classmethod
    def parse(cls, reply: Any) -> Self:
        """Of the reply to RedemptionCore.guess_command within a read. An error reply raises it."""
        if isinstance(reply, Exception):
            raise reply
        return cls(reply[0], reply[1], reply[2])
