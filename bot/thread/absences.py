"""Who goes away and who stands in for them are told by a direct message when that begins or ends by itself."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError

from bot import render
from bot.render.message import Message, Names
from bot.store.absences import AbsenceNotes, Note
from bot.store.pool import DATABASE_AWAY
from bot.thread import sent
from bot.thread.places import keep_busy

log = logging.getLogger("tandem.absences")
HOLD = timedelta(minutes=1)  # how long one poster keeps a note to itself: longer than its three calls may take
QUIET = timedelta(minutes=10)  # until it is looked again whether somebody may be called
PLACES = 2


class AbsenceTeller:
    """Tells each of the two once. Any number of replicas; a note is one's at a time."""

    def __init__(self, notes: AbsenceNotes, client: Any, names: Callable[[], Names]) -> None:
        self.notes, self.client, self.names = notes, client, names
        self._due = asyncio.Event()

    def wake(self) -> None:
        """The time may have come for something."""
        self._due.set()

    async def run(self, bot_id: Callable[[], str]) -> None:
        """Until cancelled. `bot_id` tells our own messages from others."""

        async def claim(free: int) -> list[Note]:
            return await self.notes.claim(free, HOLD) if free else []

        await keep_busy(PLACES, claim, lambda note: self._tell_one(note, bot_id()), self._due)

    async def _tell_one(self, note: Note, bot_id: str) -> None:
        try:
            await self._tell(note, bot_id)
        except SlackApiError as error:
            if sent.for_good(error):
                log.warning("Slack takes no message for somebody", extra={"error": error.response.get("error", "")})
                await self.notes.told(note)
                return
            limited = error.response.status_code == 429
            await self._later(note, int(error.response.headers.get("Retry-After", 1)) if limited else 0)
        except DATABASE_AWAY as error:  # an answer that never came: looked for next time
            log.warning("Slack or the database did not answer", extra={"error": type(error).__name__})
            await self._later(note)

    async def _later(self, note: Note, least: int = 0) -> None:
        await self.notes.failed(note, timedelta(seconds=max(least, min(600, 2**note.tries))))

    async def _tell(self, note: Note, bot_id: str) -> None:
        names = self.names()
        accounts = names.accounts.get(note.person, ())
        if note.over or not accounts:
            await self.notes.told(note)
        elif note.person in names.quiet:
            await self.notes.put_off(note, QUIET)
        else:
            message = render.absence(note.run, note.what, note.person, note.giver, note.taker, note.ends, names)
            await self._send(note, bot_id, accounts[0], message)

    async def _send(self, note: Note, bot_id: str, account: str, message: Message) -> None:
        """After a crash, or where an answer was lost, it is found by its mark and not sent again."""
        channel = str((await self.client.conversations_open(users=account))["channel"]["id"])
        found = await sent.in_direct(self.client, bot_id, channel) if note.trying else []
        there = any((payload["run"], payload["kind"]) == (message.run, message.kind) for payload, _ in found)
        if not there:
            if not await self.notes.sending(note):
                return
            await self.client.chat_postMessage(channel=channel, metadata=message.metadata, **message.content)
        await self.notes.told(note)
