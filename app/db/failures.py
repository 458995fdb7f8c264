"""Which errors of a database pass by themselves: it is away, full, locked or busy, and nothing was wrong with
the statement.
"""

from typing import Any

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_STATES = ("08", "25006", "40", "53", "55P03", "57", "58")
"""SQLSTATE classes: connection lost, read-only after a failover, conflict with another transaction, resources
or connections exhausted, lock not available, the server is starting or stopping or gave the statement up,
errors of the system beneath.
"""


def passes(error: Exception) -> bool:
    """Whether the same statement may succeed later."""
    if isinstance(error, (OperationalError, InterfaceError, PoolTimeout, OSError)):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    # Drivers raise their own errors while they connect; those are known by their SQLSTATE.
    origin: Any = getattr(error, "orig", error)
    state = getattr(origin, "sqlstate", None)
    return isinstance(state, str) and state.startswith(_STATES)
