"""Where else a run is told: in the channels and threads that its plan names, and in the thread that it was begun in."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError

from bot import render
from bot.model import Event, Record, run_of
from bot.render.message import Message, Names
from bot.store.letterbox import Letter, Letterbox
from bot.thread import sent
from bot.thread.links import Links
from bot.view import RunView

log = logging.getLogger("tandem.thread")

Ours = Callable[[str, str | None, RunView], Awaitable[sent.Ours]]
Post = Callable[[Letter, RunView, Message, str | None], Awaitable[tuple[str, str]]]


class Place(Record):
    """A channel, or a thread in it."""

    key: str  # the channel's key, or the name of the run whose thread it is
    channel: str
    thread: str | None = None


class Elsewhere:
    """Tells what matters of a run outside its own thread, each event once in each place."""

    def __init__(
        self, box: Letterbox, client: Any, places: Mapping[str, str], hold: timedelta, ours: Ours, post: Post
    ) -> None:
        """`places`: channels by key. `ours` finds our own messages in a place; `post` sends to the run's own thread."""
        self.box, self.client, self.places, self.hold = box, client, places, hold
        self._ours, self._post, self.links = ours, post, Links(client)

    async def named(self, view: RunView, names: Names) -> Names:
        """The names, with the link to the thread that the run was begun in."""
        if view.within is None or not (link := await self.links.of(view.within.channel, view.within.ts)):
            return names
        return names.model_copy(update={"links": {view.within.tag: link}})

    async def tell(self, letter: Letter, view: RunView, events: Sequence[Event], names: Names) -> None:
        """Before the thread's cursor passes these events. Raises what Slack says, but of a place that takes none."""
        keys = dict.fromkeys((*(view.plan.tells if view.plan else ()), *([view.within.tag] if view.within else [])))
        if not keys or view.look_only:
            return
        if link := await self.links.of(letter.channel, letter.root_ts):
            names = names.model_copy(update={"links": {**names.links, view.tag: link}})
        for event in events:
            for key in keys:
                await self._tell(letter, view, event, key, names)

    async def _tell(self, letter: Letter, view: RunView, event: Event, key: str, names: Names) -> None:
        message = render.elsewhere(view, event, names, thread=run_of(key) is not None)
        if message is None:
            return
        place = await self._place(key)
        if place is None:
            if run_of(key) is None:
                await self._untold(letter, view, key, "not_named")
            return
        if place.thread is None and place.channel == letter.channel:
            return
        if await self.box.told_elsewhere(message.run, place.channel, message.kind, event.seq):
            return
        if refused := await self._send(letter, view, place, message):
            await self._untold(letter, view, key, refused)

    async def _place(self, key: str) -> Place | None:
        """None where config names no such channel, or that run has no thread."""
        if (run := run_of(key)) is None:
            channel = self.places.get(key)
            return Place(key=key, channel=channel) if channel else None
        found = await self.box.thread_of(run)
        return Place(key=key, channel=found[0], thread=found[1]) if found else None

    async def _send(self, letter: Letter, view: RunView, place: Place, message: Message) -> str:
        """Found where an earlier try may have sent it, or sent. Slack's word where the place takes no messages."""
        try:
            found = await self._ours(place.channel, place.thread, view) if letter.trouble == message.kind else []
            what = (message.run, message.kind, message.from_seq)
            ts = next((ts for p, ts in found if (p["run"], p["kind"], p["from_seq"]) == what), None)
            if ts is None:
                await self.box.sending(letter, message.kind, self.hold)
                answer = await self.client.chat_postMessage(
                    channel=place.channel, thread_ts=place.thread, metadata=message.metadata, **message.content
                )
                ts = str(answer["ts"])
        except SlackApiError as error:
            if not (code := sent.for_good(error)):
                raise
            return code
        await self.box.elsewhere(message.run, place.channel, ts, message.kind, message.from_seq)
        return ""

    async def _untold(self, letter: Letter, view: RunView, key: str, refused: str) -> None:
        """Said once in the run's own thread; it holds up nothing."""
        message = render.untold(view, key, refused)
        if await self.box.said(view.id, message.kind):
            return
        log.warning("a place that a run is told in takes no messages", extra={"run": view.id})
        channel = letter.channel or ""
        found = await self._ours(channel, letter.root_ts, view) if letter.trouble == message.kind else []
        ts = next((ts for p, ts in found if (p["run"], p["kind"]) == (view.id, message.kind)), None)
        if ts is None:
            channel, ts = await self._post(letter, view, message, letter.root_ts)
        await self.box.says(view.id, message.kind, channel, ts)
