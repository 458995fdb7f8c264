"""Tokens of keys: how they are made, kept and verified. Only Argon2id hashes are stored (contract 1.2,
architecture decision 8).
"""

import asyncio
import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.http.errors import unavailable

TOKEN_BYTES = 32
VERIFICATIONS_AT_ONCE = 2
"""Each takes a core for some 15 ms and 19 MiB: two, so that a cold start after a deploy cannot take the
machine.
"""
VERIFICATIONS_QUEUED_MAX = 64

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's least recommended cost. Tokens are 256 random bits, so the hash protects a stolen table, not a weak
password.
"""


def new_token() -> str:
    """43 characters of URL-safe base 64."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_token(token: str) -> str:
    return _hasher.hash(token)


def token_check(token: str) -> str:
    """16 bits of the token's SHA-256, kept beside the hash: a wrong token is known for wrong without an
    Argon2 run (but for one in 65536), and whoever steals them still has 240 bits to guess.
    """
    return hashlib.sha256(token.encode()).hexdigest()[:4]


class TokenVerifier:
    """Verifies in a thread, few at a time. Belongs to one event loop."""

    def __init__(self) -> None:
        self._limit = asyncio.Semaphore(VERIFICATIONS_AT_ONCE)
        self._queued = 0

    async def verify(self, token_hash: str, check: str | None, token: str) -> bool:
        """Raises: ApiError 503 when too many wait."""
        if check is not None and not secrets.compare_digest(check, token_check(token)):
            return False
        if self._queued >= VERIFICATIONS_QUEUED_MAX:
            raise unavailable("Too many keys are being verified")
        self._queued += 1
        try:
            async with self._limit:
                return await asyncio.to_thread(_matches, token_hash, token)
        finally:
            self._queued -= 1


def _matches(token_hash: str, token: str) -> bool:
    try:
        return _hasher.verify(token_hash, token)
    except (VerificationError, InvalidHashError):
        return False
