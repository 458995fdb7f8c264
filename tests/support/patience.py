"""A client that does what a 503 with Retry-After asks of it: reads the same again. A test that reads after a
kill would otherwise fail on an answer that the contract promises.
"""

import time
from typing import Final

import httpx

READS_MAX: Final = 60
PAUSE_SECONDS: Final = 0.25
"""Shorter than Retry-After says: nobody else is spared by waiting in a test."""


class PatientTransport(httpx.HTTPTransport):
    """Sends GETs again while they are answered 503 with Retry-After; every other method once."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The first answer that is not such a 503, or the last of 60."""
        response = super().handle_request(request)
        if request.method != "GET":
            return response
        for _ in range(READS_MAX):
            if response.status_code != 503 or "Retry-After" not in response.headers:
                break
            response.close()
            time.sleep(PAUSE_SECONDS)
            response = super().handle_request(request)
        return response
