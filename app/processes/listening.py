"""The socket that all web workers share: bound once by the parent, so a restarted worker never has to wait
for the port.
"""

import errno
import socket
import time

import structlog

BACKLOG = 4096
"""Connections that wait while workers restart. The kernel lowers it to net.core.somaxconn."""
PORT_WAIT_SECONDS_MAX = 15.0
"""After a kill -9 of the parent, its workers still finish their requests and hold the port meanwhile."""

log = structlog.get_logger("vouchsafe.processes")


class PortTaken(Exception):
    """Something else listens there."""


def bind(host: str, port: int) -> socket.socket:
    """A listening, inheritable socket. Port 0 picks a free one.

    Raises: PortTaken after PORT_WAIT_SECONDS_MAX; OSError for an address that is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    deadline = time.monotonic() + PORT_WAIT_SECONDS_MAX
    waiting = False
    while True:
        try:
            listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise
            if time.monotonic() > deadline:
                raise PortTaken(f"{host}:{port} is in use by another program") from problem
            if not waiting:
                log.info("waiting for the port", host=host, port=port, seconds_max=PORT_WAIT_SECONDS_MAX)
                waiting = True
            time.sleep(0.1)
            continue
        listener.set_inheritable(True)
        return listener
