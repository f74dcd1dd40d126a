"""Events to Slack: one card edited in place, replies in order: a projection with a cursor, nothing lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError

from bot import render
from bot.model import Event
from bot.precedence import at_once
from bot.render.message import Message, Names
from bot.store.letterbox import Letter, Letterbox, LostThread
from bot.store.pool import DATABASE_AWAY
from bot.store.views import Views
from bot.telemetry import about
from bot.thread import sent
from bot.thread.absences import AbsenceTeller
from bot.thread.digest import Digester
from bot.thread.elsewhere import Elsewhere
from bot.thread.occasions import READ_PATIENCE, doubles, look_again, moves, too_soon, unheard
from bot.thread.places import keep_busy, kept
from bot.thread.uploads import Uploads
from bot.view import RunView

log = logging.getLogger("tandem.thread")
HOLD = timedelta(seconds=5)  # how long one poster keeps a thread to itself unless it renews that
ANSWER_WITHIN = 15  # seconds for a call of Slack's
PLACES = 8  # threads told at once; the last of them is for questions alone
PAGE_WITHIN = 3.0  # seconds
NOT_EDITABLE = {"message_not_found", "cant_update_message", "edit_window_closed", "msg_too_long"}
NO_THREAD = {"message_not_found", "thread_not_found"}


class Poster:
    """Tells what is due. Any number of replicas; a thread is one poster's at a time."""

    def __init__(
        self, box: Letterbox, views: Views, client: Any, names: Callable[[], Names], fallback: str,
        shown: Callable[[], None] = lambda: None,
        quiet: Callable[[str], bool] = lambda command: False,
        progress: int = 20,
        bot_id: str = "",
        turn: Callable[[], Awaitable[None]] = at_once,
        places: Mapping[str, str] | None = None,
        hold: timedelta = HOLD,
        digester: Digester | None = None,
        absences: AbsenceTeller | None = None,
    ) -> None:  # fmt: skip
        """`shown` is called after Slack acknowledged a plan; `quiet` says whose voice is quiet, by command; `progress`
        is how many edits a minute, of all replicas, tell nothing but progress; `bot_id` tells our own messages from
        others; `turn` is waited for before threads are taken up, and must end: see bot/precedence.py; `places` are the
        channels that a plan may tell, key to id. `hold`: when a thread is another's, if this process stands still.
        Without a `digester` everybody is called for each request apart; without `absences` nobody is told of theirs.
        """
        self.progress = progress
        self.box, self.views, self.client, self.quiet = box, views, client, quiet
        self.names, self.fallback, self.shown, self.bot_id, self.turn = names, fallback, shown, bot_id, turn
        self.hold, self.digester, self.absences = hold, digester, absences
        self.elsewhere = Elsewhere(box, client, places or {}, hold, self._ours, self._post)
        self.uploads, self._due = Uploads(client), asyncio.Event()

    def wake(self) -> None:
        """Something was committed that may have to be told."""
        self._due.set()
        for beside in (self.digester, self.absences):
            if beside:
                beside.wake()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as all_of_it:
            all_of_it.create_task(keep_busy(PLACES, self._claimed, self._tell_one, self._due))
            for beside in (self.digester, self.absences):  # the threads wait for neither
                if beside:
                    all_of_it.create_task(beside.run(lambda: self.bot_id))

    async def _claimed(self, free: int) -> list[Letter]:
        """What is due, for so many places; the last one is for a question alone."""
        await self.turn()
        if free > 1:
            return await self.box.claim(free - 1, self.hold)
        return await self.box.claim(1, self.hold, questions=True) if free else []

    async def tell_due(self) -> int:
        """Tells what is due now, and is done when that is told; how many threads it looked at."""
        letters = await self.box.claim(PLACES, self.hold)
        await asyncio.gather(*(self._tell_one(letter) for letter in letters))
        return len(letters)

    async def _tell_one(self, letter: Letter) -> None:
        with about(letter.run):
            async with kept(lambda: self.box.renew(letter, self.hold), self.hold):
                try:
                    await self._tell_or_later(letter)
                except LostThread:
                    log.warning("another copy of the bot tells this thread now")

    async def _tell_or_later(self, letter: Letter) -> None:
        try:
            await self._tell(letter)
        except SlackApiError as error:
            await self._refused(letter, error)
        except DATABASE_AWAY as error:  # an answer that never came: looked for by its metadata next time
            log.warning("Slack or the database did not answer", extra={"error": type(error).__name__})
            await self.box.unanswered(letter, timedelta(seconds=min(30, 2**letter.tries)))
        except LostThread:
            raise
        except Exception as error:
            log.exception("a thread could not be told", extra={"error": type(error).__name__})
            await self.box.failed(letter, timedelta(seconds=min(60, 2**letter.tries)))

    async def _refused(self, letter: Letter, error: SlackApiError) -> None:
        code = error.response.get("error", "")
        if error.response.status_code == 429:
            await self._limited(letter, error)
        elif code in NOT_EDITABLE and letter.card_ts:
            await self.box.lost_card(letter)
            await self.box.failed(letter, timedelta(0))
        elif code in NO_THREAD and letter.root_ts:  # the card was all there was of it, and somebody deleted that
            await self.box.moved(letter, letter.channel or self.fallback)
            await self.box.failed(letter, timedelta(0))
        elif sent.takes_no_message(code) and letter.channel != self.fallback:
            await self.box.moved(letter, self.fallback)
            await self.box.failed(letter, timedelta(0))
        else:
            log.error("Slack refused a message", extra={"error": code})
            await self.box.failed(letter, timedelta(seconds=min(60, 2**letter.tries)))

    async def _limited(self, letter: Letter, error: SlackApiError) -> None:
        """Posts are counted for each channel, edits for the whole workspace; of a look the letter alone waits."""
        after = timedelta(seconds=int(error.response.headers.get("Retry-After", 1)))
        method = str(error.response.api_url).rpartition("/")[2]
        places = {"chat.postMessage": letter.channel or self.fallback, "chat.update": ""}
        await self.box.limited(letter, after, places.get(method), posting=method == "chat.postMessage")

    async def _tell(self, letter: Letter) -> None:
        view = await self.views.run(letter.run)
        if view is None:
            await self.box.again(letter, None)
            return
        if too_soon(view):
            await self.box.again(letter, READ_PATIENCE)
            return
        if letter.card_ts is None and unheard(view, self.quiet(view.command)):
            if view.ended_at:
                await self.box.told(letter, "", None, "", 0, view.seq)
            await self.box.again(letter, None if view.ended_at else READ_PATIENCE)
            return
        held_back = await self._held_back(letter, view)
        letter = await self._card(letter, view, progress=not held_back)
        await self._replies(letter, view)
        await self.box.again(letter, await self._once(letter, view, held_back))

    async def _held_back(self, letter: Letter, view: RunView) -> bool:
        """Whether the card's progress, all that is new on it, is not drawn now: cards were edited often enough."""
        if letter.card_ts is None or letter.card_seq < view.seq or not moves(view):
            return False
        return not await self.box.may_tell_progress(self.progress)

    async def _once(self, letter: Letter, view: RunView, held_back: bool) -> timedelta | None:
        """When to look again. After an answer or a hold was lost, once: doubles go, and the card is drawn again."""
        if letter.doubtful_at is None:
            return look_again(view, held_back)
        if view.now - letter.doubtful_at < sent.DOUBLE_AFTER:
            return look_again(view, held_back) or sent.DOUBLE_AFTER
        channel = letter.channel or self.fallback
        for ts in await self._doubles(letter, view, channel):
            await self.box.renew(letter, self.hold)
            await sent.delete(self.client, channel, ts)
        if letter.card_ts:  # an older one may have arrived over the newest
            await self.box.renew(letter, self.hold)
            drawn = render.card(view, await self.elsewhere.named(view, self.names()))
            await self.client.chat_update(channel=channel, ts=letter.card_ts, **drawn.content)
        await self.box.single(letter)
        return look_again(view, held_back)

    async def _doubles(self, letter: Letter, view: RunView, channel: str) -> list[str]:
        """In its thread, and of its card in the channel; never the thread's root, nor a card that the ledger knows."""
        mine = [(p, ts) for p, ts in await self._ours(channel, letter.root_ts, view) if p["run"] == view.id]
        kept = {*await self.box.cards(view.id), letter.root_ts, letter.card_ts}
        beside = await self._ours(channel, None, view)
        cards = [ts for p, ts in beside if (p["run"], p["kind"]) == (view.id, "card") and ts not in kept]
        return [*dict.fromkeys([ts for ts in doubles(mine, letter.card_ts) if ts != letter.root_ts] + cards)]

    async def _card(self, letter: Letter, view: RunView, progress: bool) -> Letter:
        message = render.card(view, await self.elsewhere.named(view, self.names()))
        first, letter = letter.card_ts is None, await self._adopted(letter, view)
        unseen = bool(view.fingerprint and view.steps and not view.shown)
        channel = letter.channel or self.fallback
        if letter.card_ts is None:
            channel, ts = await self._post(letter, view, message, letter.root_ts)
        elif letter.card_seq < view.seq or (moves(view) and progress):
            ts = letter.card_ts
            await self.box.renew(letter, self.hold)  # who has lost the thread sends nothing: this may be an older view
            try:
                await self.client.chat_update(channel=channel, ts=ts, **message.content)
            except SlackApiError as error:
                if first and error.response.get("error") in NOT_EDITABLE:  # adopted in vain
                    await self.box.says(view.id, "card", channel, ts)
                raise
        elif unseen:  # it stands in Slack; a crash came before the ledger had that
            ts = letter.card_ts
        else:
            return letter
        if first or (unseen and not view.ended_at) or _answers(view, letter):
            await self._beside(letter, channel, letter.root_ts or ts, message)  # before the card counts as sent
        await self.box.sent_card(letter, channel, ts, view.seq)
        if unseen and view.fingerprint:
            await self.box.shown(view.id, view.fingerprint, channel, ts)
            self.shown()
        return letter.model_copy(update={"channel": channel, "card_ts": ts, "root_ts": letter.root_ts or ts})

    async def _replies(self, letter: Letter, view: RunView) -> None:
        events = [event for event in view.events if event.seq > letter.told_seq]
        if not events:
            return
        names = self.names()
        await self.elsewhere.tell(letter, view, events, names)
        if letter.trouble and letter.root_ts:
            events = await self._adopt(letter, view, events)
        if self.quiet(view.command):
            events = render.heard(view, events, names)
        if self.digester:
            names = names.model_copy(update={"joined": await self.digester.joined(view, events, names)})
        for message in render.replies(view, events, names):
            channel, ts = await self._post(letter, view, message, letter.root_ts)
            await self.box.told(letter, channel, ts, message.kind, message.from_seq, message.to_seq)
            await self._page(message, channel, ts)
        await self.box.told(letter, letter.channel or "", None, "", 0, view.events[-1].seq)

    async def _page(self, message: Message, channel: str, ts: str) -> None:
        """A courtesy beside the mention, sent at most once: the thread has it in any case."""
        if not message.pages:
            return
        try:
            async with asyncio.timeout(PAGE_WITHIN):
                found = await self.client.chat_getPermalink(channel=channel, message_ts=ts)
                content = render.page(message, str(found["permalink"])).content
                for slack_user in message.pages:
                    await self.client.chat_postMessage(channel=slack_user, **content)
        except (SlackApiError, *DATABASE_AWAY) as error:
            log.warning("somebody could not be paged", extra={"run": message.run, "error": type(error).__name__})

    async def _adopt(self, letter: Letter, view: RunView, events: list[Event]) -> list[Event]:
        """An earlier try may have got through: what its message tells is told, however it was put together."""
        channel = letter.channel or self.fallback
        found = await self._ours(channel, letter.root_ts, view)
        while events:
            told = next((p for p, ts in found if p["run"] == view.id and p["from_seq"] == events[0].seq), None)
            if told is None:
                break
            events = [event for event in events if event.seq > told["to_seq"]]
            await self.box.told(letter, channel, None, "", 0, told["to_seq"])
        return events

    async def _adopted(self, letter: Letter, view: RunView) -> Letter:
        """A card that an earlier try may have sent, taken over: it is edited, since it may show an older plan."""
        if letter.card_ts or letter.trouble != "card":
            return letter
        channel = await self._place(letter, view)
        ours, given_up = await self._ours(channel, letter.root_ts, view), await self.box.cards(view.id)
        found = [ts for p, ts in ours if (p["run"], p["kind"]) == (view.id, "card") and ts not in given_up]
        return letter.model_copy(update={"channel": channel, "card_ts": found[0], "card_seq": 0}) if found else letter

    async def _beside(self, letter: Letter, channel: str, thread: str, message: Message) -> None:
        """What a message brings along; what an earlier try may have sent up is looked for first."""
        if message.file or message.series:
            await self.box.sending(letter, message.kind, self.hold)
            there = await sent.files(self.client, self.bot_id, channel, thread) if letter.trouble else frozenset[str]()
            await self.uploads.beside(channel, thread, message, there)

    async def _post(self, letter: Letter, view: RunView, message: Message, thread: str | None) -> tuple[str, str]:
        """Sends one message. A reply's file goes first: a reply that stands there is never sent again.

        A card's file goes up once the card stands.
        """
        channel = await self._place(letter, view)
        if thread and message.kind != "card":
            await self._beside(letter, channel, thread, message)
        await self.box.sending(letter, message.kind, self.hold)
        answer = await self.client.chat_postMessage(
            channel=channel, thread_ts=thread, metadata=message.metadata, **message.content
        )
        return str(answer["channel"]), str(answer["ts"])

    async def _place(self, letter: Letter, view: RunView) -> str:
        """A look is private: it goes to who asked, in a conversation that can be read again if no answer comes."""
        if view.look_only and view.slack_user and not letter.card_ts:
            opened = await self.client.conversations_open(users=view.slack_user)
            return str(opened["channel"]["id"])
        return letter.channel or self.fallback

    async def _ours(self, channel: str, thread: str | None, view: RunView) -> sent.Ours:
        if thread:
            return await sent.in_thread(self.client, self.bot_id, channel, thread)
        return await sent.in_channel(self.client, self.bot_id, channel, view)


def _answers(view: RunView, letter: Letter) -> bool:
    """Whether a card that stood there already becomes the answer of a read: no reply brings along what that has."""
    told = next((event.seq for event in view.events if event.kind == "answered_read"), 0)
    return letter.card_ts is not None and letter.card_seq < told
