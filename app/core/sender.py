"""Sends until there is an answer or the budget is spent. All that passes here is safe to send twice."""

import asyncio
from collections.abc import Sequence
from typing import Any

from app.core.client import Client, ReplyError, Saturated
from app.core.cluster import ClusterClient
from app.core.connection import Command, Unanswered, Unsent
from app.core.outcome import CoreUnavailable

READ_SECONDS = 3.0
RESEND_PAUSE_SECONDS = 0.002
AWAY_PAUSE_SECONDS = 0.02

_AWAY = ("LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN")
_NOT_NOW = (
    *_AWAY,
    "READONLY",
    "NOREPLICAS",
    "BUSY ",
    "MISCONF",
    "OOM ",
)
"""Errors of a server that cannot write now. The server gives them before a script's first write."""


class CoreError(Exception):
    """The script or a command failed in a way that no input may cause: a bug, answered 500 with an alarm."""


class Sender:
    """Turns lost connections into resends, and what is left of them into CoreUnavailable."""

    def __init__(self, client: Client | ClusterClient, resend_seconds: float) -> None:
        self._client = client
        self._resend_seconds = resend_seconds

    async def script(
        self, command: Command, *, effect: bool = True, unknown: bool = False
    ) -> tuple[list[Any], bool]:
        """The reply of an EVALSHA, and whether an earlier sending may have had its effect.

        effect: the script writes. unknown: a sending before this call was not answered.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._resend_seconds
        while True:
            try:
                reply = await self._client.call(command)
            except Saturated as error:
                raise CoreUnavailable(str(error), unknown=unknown) from error
            except Unsent as error:
                reason = str(error)
            except Unanswered as error:
                reason, unknown = str(error), effect
            else:
                if not isinstance(reply, ReplyError):
                    return reply, unknown
                reason = str(reply)
                if not reason.startswith("NOSCRIPT"):
                    if reason.startswith("READONLY"):
                        # It follows another server now: the next connection finds out which.
                        self._client.drop("the server became a replica")
                    raise _refusal(reason, unknown)
                await self._load_scripts(unknown)
            if not await self._again(until):
                raise CoreUnavailable(reason, unknown=unknown)

    async def pipeline(self, commands: Sequence[Command], tag: str = "") -> list[Any]:
        """The replies of all commands, error replies as exceptions in their places.

        tag: of the partition whose server is asked what names no key.
        """
        if not commands:
            return []
        loop = asyncio.get_running_loop()
        until = loop.time() + READ_SECONDS
        while True:
            try:
                reply = await self._client.pipeline(commands, tag=tag)
            except Saturated as error:
                raise CoreUnavailable(str(error)) from error
            except (Unsent, Unanswered) as error:
                if not await self._again(until):
                    raise CoreUnavailable(str(error)) from error
                continue
            replies: list[Any] = [reply] if len(commands) == 1 else reply
            errors = [str(one) for one in replies if type(one) is ReplyError]
            if not errors:
                return replies
            away = next((reason for reason in errors if reason.startswith(_AWAY)), "")
            if away:
                # Of no command in particular: the server is not there yet, or not there any more.
                await asyncio.sleep(AWAY_PAUSE_SECONDS)
                if not await self._again(until):
                    raise CoreUnavailable(away)
                continue
            missing = [n for n, one in enumerate(replies) if type(one) is ReplyError and _no_script(one)]
            if missing and loop.time() < until:
                await self._load_scripts(False)
                for n, one in zip(
                    missing, await self.pipeline([commands[n] for n in missing], tag), strict=True
                ):
                    replies[n] = one
            return replies

    async def everywhere(self, commands: Sequence[Command]) -> list[list[Any]]:
        """The replies of every server that holds data. Raises: CoreUnavailable when one does not answer."""
        try:
            return await self._client.everywhere(commands)
        except (Unsent, Unanswered) as error:
            raise CoreUnavailable(str(error)) from error

    async def _again(self, until: float) -> bool:
        """Whether there is a connection, and time left to send again. Always lets the loop turn."""
        await asyncio.sleep(RESEND_PAUSE_SECONDS)
        remaining = until - asyncio.get_running_loop().time()
        return remaining > 0 and await self._client.ready(remaining)

    async def _load_scripts(self, unknown: bool) -> None:
        try:
            await self._client.load_scripts()
        except (Unsent, Unanswered) as error:
            raise CoreUnavailable(str(error), unknown=unknown) from error


def raise_first_error(replies: Sequence[Any]) -> None:
    """For reads of which no part may fail."""
    for reply in replies:
        if isinstance(reply, ReplyError):
            raise _refusal(str(reply), False)


def _no_script(error: Exception) -> bool:
    return str(error).startswith("NOSCRIPT")


def _refusal(reason: str, unknown: bool) -> Exception:
    if reason.startswith(_NOT_NOW) or "OOM command" in reason or "MISCONF" in reason:
        return CoreUnavailable(reason, unknown=unknown)
    return CoreError(reason)
