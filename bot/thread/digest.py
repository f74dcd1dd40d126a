"""Many requests that wait for one person are one message to them, edited as they are decided, instead of many calls."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError

from bot import render
from bot.model import Event, State
from bot.render.message import Message, Names
from bot.store.digests import Digest, Digests, Listed, LostDigest
from bot.store.pool import DATABASE_AWAY
from bot.thread import sent
from bot.thread.places import keep_busy, kept
from bot.view import RunView

log = logging.getLogger("tandem.digest")
HOLD = timedelta(seconds=5)  # how long one poster keeps a digest to itself unless it renews that
PLACES = 4  # digests told at once
# An edit calls nobody, so a further request comes by a new message: at once, or so long after the last one. Then nobody
# waits for long without being called, and ten requests at once are two messages.
ANEW = timedelta(minutes=1)
GONE = {"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"}
NO_MESSAGES = {"missing_scope"}  # a token without im:write: threads can be told all the same


class Digester:
    """Decides who is called by a digest, and keeps the digests. Any number of replicas; a digest is one's at a time."""

    def __init__(self, digests: Digests, client: Any, hold: timedelta = HOLD) -> None:
        """`hold`: when a digest is another's, if this process stands still."""
        self.digests, self.client, self.hold = digests, client, hold
        self._due = asyncio.Event()

    async def joined(self, view: RunView, events: Sequence[Event], names: Names) -> frozenset[str]:
        """Of those whom these events would call to decide: the accounts whose digest calls them instead."""
        if view.state is not State.AWAITING:
            return frozenset()
        calls = {event.seq: render.called_to_decide(view, names, event) for event in events}
        wanted = dict.fromkeys(one for called in calls.values() for one in called)
        last = max((seq for seq, called in calls.items() if called), default=0)
        joined = await self.digests.call(view.id, last, wanted) if wanted else frozenset[str]()
        if joined:
            self.wake()
        return joined

    def wake(self) -> None:
        """Something was committed that may change what waits."""
        self._due.set()

    async def run(self, bot_id: Callable[[], str]) -> None:
        """Until cancelled. `bot_id` tells our own messages from others."""

        async def claim(free: int) -> list[Digest]:
            return await self.digests.claim(free, self.hold, sent.DOUBLE_AFTER) if free else []

        await keep_busy(PLACES, claim, lambda digest: self._tell_one(digest, bot_id()), self._due)

    async def _tell_one(self, digest: Digest, bot_id: str) -> None:
        async with kept(lambda: self.digests.renew(digest, self.hold), self.hold):
            try:
                await self._tell_or_later(digest, bot_id)
            except LostDigest:
                log.warning("another copy of the bot tells this digest now")

    async def _tell_or_later(self, digest: Digest, bot_id: str) -> None:
        try:
            await self._tell(digest, bot_id)
        except SlackApiError as error:
            await self._refused(digest, error)
        except DATABASE_AWAY as error:  # an answer that never came: looked for by its number next time
            log.warning("Slack or the database did not answer", extra={"error": type(error).__name__})
            await self.digests.unanswered(digest, timedelta(seconds=min(30, 2**digest.tries)))
        except LostDigest:
            raise
        except Exception as error:
            log.exception("a digest could not be told", extra={"error": type(error).__name__})
            await self.digests.failed(digest, timedelta(seconds=min(60, 2**digest.tries)))

    async def _refused(self, digest: Digest, error: SlackApiError) -> None:
        code = error.response.get("error", "")
        if code in GONE and (digest.ts or digest.channel):
            await self.digests.lost(digest)
        elif code in NO_MESSAGES or sent.for_good(error):
            log.warning("Slack takes no message for somebody: the threads call them", extra={"error": code})
            if digest.ts:  # nobody would edit it any more
                await self._delete(digest, digest.ts)
            await self.digests.unreached(digest)
        else:
            limited = error.response.status_code == 429
            wait = int(error.response.headers.get("Retry-After", 1)) if limited else 2**digest.tries
            log.warning("Slack refused a digest", extra={"error": code})
            await self.digests.failed(digest, timedelta(seconds=min(60, wait)))

    async def _tell(self, digest: Digest, bot_id: str) -> None:
        digest = await self._looked_for(digest, bot_id)
        listed = await self.digests.listed(digest.slack_user) if digest.open else []
        waiting = [one for one in listed if one.waits]
        uncalled = [
            one for one in waiting if one.called_by is None or (digest.trying and one.called_by == digest.number)
        ]
        late = digest.posted_at is None or digest.now - digest.posted_at >= ANEW
        anew = bool(waiting) and (digest.ts is None or digest.trying or (bool(uncalled) and late))
        if anew:
            await self._send(digest, listed)
        elif digest.ts:
            await self.digests.renew(digest, self.hold)  # who has lost it sends nothing: this may be an older view
            await self.client.chat_update(
                channel=digest.channel, ts=digest.ts, **_message(digest, listed, digest.number).content
            )
        if digest.open and not waiting:
            await self.digests.close(digest)
        else:
            await self.digests.shows(digest, ANEW if uncalled and not anew else None)

    async def _looked_for(self, digest: Digest, bot_id: str) -> Digest:
        """What an earlier try may have sent is taken over; of two messages of one number the one that is kept stays."""
        doubtful = digest.doubtful_at is not None and digest.now - digest.doubtful_at >= sent.DOUBLE_AFTER
        if digest.channel and (digest.trying or doubtful):
            found = await sent.in_direct(self.client, bot_id, digest.channel)
            mine = [ts for payload, ts in found if (payload["kind"], payload["to_seq"]) == ("digest", digest.number)]
            keeps = digest.ts if digest.ts in mine else mine[0] if mine else None
            for ts in mine:
                if ts != keeps:
                    await self._delete(digest, ts)
            if keeps and (digest.trying or keeps != digest.ts):
                digest = await self._stands(digest, keeps)
        if doubtful:
            await self.digests.single(digest)
        return digest

    async def _send(self, digest: Digest, listed: Sequence[Listed]) -> None:
        """A new message, in the place of the one before. After a crash it is found by its number, not sent again."""
        opened = digest.channel or (await self.client.conversations_open(users=digest.slack_user))["channel"]["id"]
        message = _message(digest, listed, digest.number if digest.trying else digest.number + 1)
        await self.digests.sending(digest, str(opened), self.hold, [one for one in listed if one.waits])
        posted = await self.client.chat_postMessage(channel=opened, metadata=message.metadata, **message.content)
        await self._stands(digest.model_copy(update={"channel": str(opened)}), str(posted["ts"]))

    async def _stands(self, digest: Digest, ts: str) -> Digest:
        """Its newest message is that one; the one before goes first, for nobody would look for that any more."""
        if digest.ts and digest.ts != ts:
            await self._delete(digest, digest.ts)
        await self.digests.sent(digest, ts)
        return digest.model_copy(update={"ts": ts, "posted_at": digest.now, "trying": False})

    async def _delete(self, digest: Digest, ts: str) -> None:
        await self.digests.renew(digest, self.hold)
        try:
            await sent.delete(self.client, str(digest.channel), ts)
        except SlackApiError as error:
            if not sent.for_good(error):
                raise
            log.warning("an old digest stays", extra={"error": error.response.get("error", "")})


def _message(digest: Digest, listed: Sequence[Listed], number: int) -> Message:
    waiting = [one.brief for one in listed if one.waits]
    said = [one.brief for one in listed if one.said and one.brief.state is State.AWAITING]
    decided = [one.brief for one in listed if one.brief.state is not State.AWAITING]
    return render.digest(waiting, said, decided, digest.now, number)
