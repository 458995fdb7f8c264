"""A client that does what a 503 with Retry-After asks of it: sends the same again. A test that reads after a
kill, or on a busy machine, would otherwise fail on an answer that the contract promises.
"""

import time
from typing import Final

import httpx

READS_MAX: Final = 60
PAUSE_SECONDS: Final = 0.25
"""Shorter than Retry-After says: nobody else is spared by waiting in a test."""


BEHIND: Final = "2"
"""Retry-After of a request that waited in vain for the projections of what came before: nothing was done."""


class PatientTransport(httpx.HTTPTransport):
    """Sends GETs again while they are answered 503 with Retry-After; every other method only when the
    projections were behind, for else it may have had its effect.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The first answer that is not such a 503, or the last of 60."""
        if request.method != "GET":
            request.read()  # So that it can be sent again.
        response = super().handle_request(request)
        for _ in range(READS_MAX):
            if response.status_code != 503 or "Retry-After" not in response.headers:
                break
            if request.method != "GET" and response.headers["Retry-After"] != BEHIND:
                break
            response.close()
            time.sleep(PAUSE_SECONDS)
            response = super().handle_request(request)
        return response
