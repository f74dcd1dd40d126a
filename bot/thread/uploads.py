"""What goes up beside a message: a file, without which it does not go; a plot, which says what its words say."""

import asyncio
import logging
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from slack_sdk.errors import SlackApiError

from bot import render
from bot.operation import Series
from bot.render.message import Message
from bot.store.pool import DATABASE_AWAY

log = logging.getLogger("tandem.thread")
PLOT_WITHIN = 6.0  # seconds


class Uploads:
    """Files and plots of one poster's messages."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._draws = ThreadPoolExecutor(1, "plots")

    async def beside(self, channel: str, thread: str, message: Message, there: Collection[str]) -> None:
        """Sends up what the message brings along. `there`: names of what stands in that thread already."""
        if message.file and message.file.name not in there:
            named = {"filename": message.file.name, "content": message.file.text}
            await self.client.files_upload_v2(channel=channel, thread_ts=thread, **named)
        name = f"r{message.run}.png"
        if message.series and name not in there:
            try:
                async with asyncio.timeout(PLOT_WITHIN):
                    await self._plot(channel, thread, name, message.series)
            except (SlackApiError, *DATABASE_AWAY) as error:
                log.warning("Slack took no plot", extra={"run": message.run, "error": type(error).__name__})
            except Exception as error:
                log.exception("a plot could not be drawn", extra={"error": type(error).__name__})

    async def _plot(self, channel: str, thread: str, name: str, series: Series) -> None:
        # It takes a tenth of a second, so in a thread; always in the same one, for each keeps the memory that it took.
        picture = await asyncio.get_running_loop().run_in_executor(self._draws, render.plot, series)
        if picture:
            await self.client.files_upload_v2(
                channel=channel, thread_ts=thread, filename=name, content=picture,
                title=series.title[:100], alt_txt=render.described(series),
            )  # fmt: skip
