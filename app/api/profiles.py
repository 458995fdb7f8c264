"""What a request says of its customer is stored behind it, by the projection of its event. Where it says
anything new, its answer waits for that, so that whoever decides next, on any worker, decides by it.
"""

from typing import Final

import structlog

from app.api.call import Call
from app.core.watermarks import PROJECTED

WAIT_SECONDS: Final = 2.0
"""As long as a read waits for the projection. What was taken is answered then all the same."""

log = structlog.get_logger("vouchsafe.profiles")


async def profile_stored(call: Call, event_id: str) -> None:
    """After an event that `changes_profile`."""
    if not await call.engine.core.watermarks.wait(call.partition, PROJECTED, event_id, WAIT_SECONDS):
        log.warning("a profile is stored later than its request is answered", event_id=event_id)
