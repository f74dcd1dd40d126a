"""A click that rests on Slack's word of who clicked: where that is old, Slack is asked, and it is counted again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from bot.store.pool import NotRecorded, Uncertain

WITHIN = 1.0  # seconds; Slack wants its answer in three
Verb = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Freshener(Protocol):
    """Reads accounts, (team, user) each, and groups, by their keys in config, from Slack now."""

    async def refresh(self, accounts: Sequence[tuple[str, str]], groups: Sequence[str] = ()) -> None: ...
    def wake(self) -> None: ...


class Confirmation:
    """`committed` is called after every commit; a click waits `within` seconds for Slack's word at most."""

    def __init__(self, freshener: Freshener, committed: Callable[[], None], within: float = WITHIN) -> None:
        self.freshener, self.committed, self.within = freshener, committed, within

    async def counted(self, verb: Verb, word: dict[str, Any]) -> dict[str, Any]:
        """What comes of a word that counts only while Slack was read lately. Raises what the verb raises at first.

        It is recorded before Slack is asked, so that nothing that follows may take long or fail.
        """
        first = answer = await self.of_the_fit(verb, word)
        self.committed()
        if not answer.get("stale"):
            return answer
        await self._read(word, first.get("late", ()))
        with suppress(NotRecorded, Uncertain):
            answer = await verb(word)
        self.committed()
        if answer.get("stale"):
            self.freshener.wake()
        return answer if answer["code"] == "answered" else answer | {"code": first["code"]}

    async def of_the_fit(self, verb: Verb, word: dict[str, Any]) -> dict[str, Any]:
        """A verb that an account deactivated in Slack, a guest or a bot has no part in; Slack is asked again first."""
        answer = await verb(word)
        if answer["code"] != "unfit":
            return answer
        await self._read(word)
        return await verb(word)

    async def _read(self, word: Mapping[str, Any], groups: Sequence[str] = ()) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.within):
                await self.freshener.refresh([(word["team"], word["user"])], groups)
