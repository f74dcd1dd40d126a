"""Many requests that wait for one person are one message to them, edited as they are decided, instead of many calls."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError

from bot import render
from bot.model import Event, State
from bot.render.message import EVENT_TYPE, Message, Names
from bot.store.digests import Digest, Digests
from bot.store.pool import DATABASE_AWAY
from bot.view import RunView

log = logging.getLogger("tandem.digest")
HOLD = timedelta(seconds=20)  # how long one poster keeps a digest to itself: longer than a call of Slack's may take
ANEW = timedelta(minutes=10)  # an edit calls nobody: after so long a further request comes by a new message
NOBODY = {
    "user_not_found",
    "users_not_found",
    "user_disabled",
    "user_not_visible",
    "cannot_dm_bot",
    "messages_tab_disabled",
}
GONE = {"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"}


class Digester:
    """Decides who is called by a digest, and keeps the digests. Any number of replicas; a digest is one's at a time."""

    def __init__(self, digests: Digests, client: Any) -> None:
        self.digests, self.client = digests, client
        self._due = asyncio.Event()

    async def joined(self, view: RunView, events: Sequence[Event], names: Names) -> frozenset[str]:
        """Of those whom these events would call to decide: the accounts whose digest calls them instead."""
        if view.state is not State.AWAITING:
            return frozenset()
        wanted = dict.fromkeys(one for event in events for one in render.called_to_decide(view, names, event))
        joined = await self.digests.call(view.id, wanted) if wanted else frozenset[str]()
        if joined:
            self.wake()
        return joined

    def wake(self) -> None:
        """Something was committed that may change what waits."""
        self._due.set()

    async def run(self, bot_id: Callable[[], str]) -> None:
        """Until cancelled. `bot_id` tells our own messages from others."""
        while True:
            self._due.clear()
            told = 0
            try:
                told = await self.tell_due(bot_id())
            except DATABASE_AWAY:
                pass
            except Exception:  # a digest is a courtesy: the threads, told beside it, go on
                log.exception("the digests broke off")
            if not told:
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await self._due.wait()

    async def tell_due(self, bot_id: str) -> int:
        """Sends and edits what is due; how many it looked at."""
        due = await self.digests.claim(HOLD)
        await asyncio.gather(*(self._tell_one(digest, bot_id) for digest in due))
        return len(due)

    async def _tell_one(self, digest: Digest, bot_id: str) -> None:
        try:
            await self._tell(digest, bot_id)
        except SlackApiError as error:
            await self._refused(digest, error)
        except DATABASE_AWAY as error:  # an answer that never came: looked for by its number next time
            log.warning("Slack or the database did not answer", extra={"error": type(error).__name__})
            await self.digests.failed(digest.slack_user, timedelta(seconds=min(30, 2**digest.tries)))
        except Exception as error:
            log.exception("a digest could not be told", extra={"error": type(error).__name__})
            await self.digests.failed(digest.slack_user, timedelta(seconds=min(60, 2**digest.tries)))

    async def _refused(self, digest: Digest, error: SlackApiError) -> None:
        code = error.response.get("error", "")
        if code in NOBODY:  # no message reaches them: the threads call them as before
            log.warning("Slack takes no message for somebody", extra={"error": code})
            await self.digests.close(digest)
            return
        if code in GONE and digest.ts:
            await self.digests.lost(digest.slack_user)
            return
        wait = (
            int(error.response.headers.get("Retry-After", 1)) if error.response.status_code == 429 else 2**digest.tries
        )
        log.warning("Slack refused a digest", extra={"error": code})
        await self.digests.failed(digest.slack_user, timedelta(seconds=min(60, wait)))

    async def _tell(self, digest: Digest, bot_id: str) -> None:
        listed = await self.digests.listed(digest.slack_user)
        waiting = [one.brief for one in listed if one.waits]
        said = [one.brief for one in listed if one.said and one.brief.state is State.AWAITING]
        decided = [one.brief for one in listed if one.brief.state is not State.AWAITING]
        late = digest.posted_at is None or digest.now - digest.posted_at >= ANEW
        anew = bool(waiting) and (digest.ts is None or digest.trying or (digest.news and late))
        if anew:
            await self._send(digest, render.digest(waiting, said, decided, digest.now), bot_id)
        elif digest.ts:
            message = render.digest(waiting, said, decided, digest.now, digest.number)
            await self.client.chat_update(channel=digest.channel, ts=digest.ts, **_content(message))
        if waiting:
            await self.digests.shows(digest)
        else:
            await self.digests.close(digest)

    async def _send(self, digest: Digest, message: Message, bot_id: str) -> None:
        """A new message, in the place of the one before. After a crash it is found by its number, not sent again."""
        channel = digest.channel or str(
            (await self.client.conversations_open(users=digest.slack_user))["channel"]["id"]
        )
        number = digest.number if digest.trying else digest.number + 1
        message = message.model_copy(update={"to_seq": number})
        ts = await self._find(channel, number, bot_id) if digest.trying else None
        if ts:
            await self.client.chat_update(channel=channel, ts=ts, metadata=message.metadata, **_content(message))
        else:
            await self.digests.sending(digest.slack_user)
            sent = await self.client.chat_postMessage(channel=channel, metadata=message.metadata, **_content(message))
            ts = str(sent["ts"])
        await self.digests.sent(digest.slack_user, channel, ts)
        if digest.ts and digest.ts != ts:
            try:
                await self.client.chat_delete(channel=channel, ts=digest.ts)
            except SlackApiError as error:
                log.warning("an old digest stays", extra={"error": error.response.get("error", "")})

    async def _find(self, channel: str, number: int, bot_id: str) -> str | None:
        page = await self.client.conversations_history(channel=channel, limit=50, include_all_metadata=True)
        for message in page["messages"]:
            found = message.get("metadata", {})
            payload = found.get("event_payload", {})
            ours = message.get("bot_id") == bot_id and found.get("event_type") == EVENT_TYPE
            if ours and payload.get("kind") == "digest" and payload.get("to_seq") == number:
                return str(message["ts"])
        return None


def _content(message: Message) -> dict[str, Any]:
    return {"text": message.text, "blocks": list(message.blocks), "mrkdwn": False, "unfurl_links": False}
