"""Where messages stand, as Slack says it: a link that does not come in time is left out, and nothing waits for it."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from slack_sdk.errors import SlackApiError

WITHIN = 3.0  # seconds for one
KEPT = 1000


class Links:
    """The same message is asked for once."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._known: dict[tuple[str, str], str] = {}
        self.asked: set[asyncio.Task[str]] = set()

    async def of(self, channel: str | None, ts: str | None) -> str:
        """Empty where Slack gives none now."""
        if not channel or not ts:
            return ""
        if (known := self._known.get((channel, ts))) is not None:
            return known
        try:
            async with asyncio.timeout(WITHIN):
                found = await self.client.chat_getPermalink(channel=channel, message_ts=ts)
        except (SlackApiError, OSError, TimeoutError):
            return ""
        if len(self._known) >= KEPT:
            self._known.clear()
        return self._known.setdefault((channel, ts), str(found["permalink"]))

    async def many(self, places: Collection[tuple[str, str]], within: float) -> Mapping[tuple[str, str], str]:
        """Those that come within so many seconds; the others are known the next time."""
        asked = [asyncio.create_task(self.of(*place)) for place in places if place not in self._known]
        self.asked.update(asked)
        for task in asked:
            task.add_done_callback(self.asked.discard)
        if asked:
            await asyncio.wait(asked, timeout=within)
        return {place: self._known[place] for place in places if place in self._known}
