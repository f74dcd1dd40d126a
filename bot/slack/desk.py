"""What all Slack doors share: the service they end in, and how somebody is told something whatever they acted on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.catalogue import Catalogue, Entry, NoOperation
from bot.effect import Secret
from bot.help import Help
from bot.model import Choice, Record, Who
from bot.operation import Choice as Picked
from bot.operation import Input
from bot.parse import Known
from bot.policy import Verdict
from bot.render.buttons import unpack
from bot.render.form import NONE, options
from bot.render.message import Message, Names
from bot.render.outcome import SENTENCES, dead_end, told
from bot.service import NotRecorded, Uncertain
from bot.slack.payload import Body, Sender, Surface, action, chosen, sender, state
from bot.slack_api import answer_at
from bot.telemetry import about
from bot.thread.links import Links
from bot.view import Brief, Draft, Favourite, HomeView, Outcome, RunView
from bot.words import unescape

log = logging.getLogger("tandem.slack")
ANSWER_WITHIN = 2.4  # seconds for all that one payload needs; Slack gives three, and somebody must still be told
TELL_WITHIN = 0.5  # seconds for a courtesy before Slack's answer; later ones go as a direct message
NOT_LOOKED_UP = "Nothing can be looked up just now. Type on in a moment."
TOO_LATE = frozenset({"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id", "trigger_expired"})


class Service(Protocol):
    """The service's calls that these doors end in. Every one may raise NotRecorded or Uncertain."""

    async def ask(
        self,
        who: Who,
        channel: str | None,
        entry: Entry,
        params: Input,
        *,
        key: str,
        words: str = "",
        via: str = "slack",
        look_only: bool = False,
        anew: bool = False,
        about: int | None = None,
    ) -> Outcome: ...
    async def retry(
        self, who: Who, channel: str | None, entry: Entry, params: Input, of: int, *, key: str
    ) -> Outcome: ...
    async def approve(self, who: Who, run: int, fingerprint: str) -> Outcome: ...
    async def deny(self, who: Who, run: int, fingerprint: str, text: str, key: str) -> Outcome: ...
    async def ask_back(self, who: Who, run: int, text: str, key: str) -> Outcome: ...
    async def answer_back(self, who: Who, run: int, text: str, key: str) -> Outcome: ...
    async def amend(self, who: Who, run: int, fingerprint: str, entry: Entry, params: Input, key: str) -> Outcome: ...
    async def cancel(self, who: Who, run: int, text: str, key: str) -> Outcome: ...
    async def supersede(self, who: Who, run: int, by: int, key: str) -> Outcome: ...
    async def looked(self, who: Who, run: int) -> None: ...
    async def follow(self, who: Who, run: int) -> Outcome: ...
    async def call_in(self, who: Who, run: int, fingerprint: str) -> Outcome: ...
    async def call_to_ask(
        self, who: Who, channel: str | None, entry: Entry, params: Input, *, whole: bool, key: str
    ) -> Outcome: ...
    async def answer_doubt(self, who: Who, run: int, question_seq: int, choice: Choice) -> Outcome: ...
    async def tick(self, who: Who, run: int, step: str, shown: bool | None = None) -> Outcome: ...
    async def unmask(self, who: Who, run: int) -> tuple[Outcome, Mapping[str, Secret]]: ...
    async def masks(self, tokens: Sequence[str]) -> Mapping[str, str]: ...
    async def view(self, run: int | str, who: Who | None = None) -> RunView | None: ...
    async def run_of_thread(self, channel: str, ts: str) -> int | None: ...
    async def runs(self, which: str) -> Sequence[Brief]: ...
    async def brief(self, tag: str) -> Brief | None: ...
    async def found(self, words: Sequence[str]) -> Sequence[Brief]: ...
    async def home(self, who: Who) -> HomeView: ...
    async def favourites(self, who: Who) -> Sequence[Favourite]: ...
    async def keep(
        self, who: Who, command: str, values: Mapping[str, str], channel: str | None, run: int | None = None
    ) -> Outcome: ...
    async def let_go(self, who: Who, favourite: int) -> Outcome: ...
    async def draft_save(self, who: Who, command: str, channel: str | None, values: Mapping[str, str]) -> str: ...
    async def draft_load(self, who: Who, id: str) -> Draft | None: ...
    async def draft_change(self, who: Who, id: str, at: str) -> Draft | None: ...
    async def may_ask(self, who: Who, entry: Entry, channel: str | None, params: Input | None = None) -> Verdict: ...
    async def choices(
        self, who: Who, entry: Entry, field: str, typed: str, values: Mapping[str, str]
    ) -> Sequence[Picked]: ...
    async def person(self, team: str, user: str) -> Who: ...


class Act(Record):
    """One thing somebody did: the payload, who sent it, and their place in the roster."""

    body: Mapping[str, Any]
    by: Sender
    who: Who


Ack = Callable[..., Awaitable[Any]]
Listener = Callable[[Any, Act], Awaitable[None]]


@dataclass
class Desk:
    """The doors' belongings, made once by the composition root."""

    service: Service
    catalogue: Catalogue
    client: AsyncWebClient
    names: Callable[[], Names]
    known: Known
    help: Callable[[Who, str | None, Sequence[str]], Help]  # (who, channel, words)
    people_changed: Callable[[str], None] = lambda changed: None  # the id of a person or a user group of Slack's
    fallback: str = ""  # the channel of what is asked for in none
    later: set[asyncio.Task[None]] = field(default_factory=set)
    links: Links = field(init=False)

    def __post_init__(self) -> None:
        self.links = Links(self.client)

    async def linked(self, briefs: Sequence[Brief], within: float) -> list[Brief]:
        """With the links to their threads that come within so many seconds."""
        places = [(one.channel or "", one.card_ts or "") for one in briefs]
        found = await self.links.many({place for place in places if all(place)}, within)
        return [
            one.model_copy(update={"link": found.get(place, "")}) for one, place in zip(briefs, places, strict=True)
        ]

    def areas(self) -> frozenset[str]:
        """The slash commands that have operations."""
        return frozenset(entry.words[0] for entry in self.catalogue.entries.values())

    def listener(self, does: Listener) -> Callable[..., Awaitable[None]]:
        """A Bolt listener that never raises and never stays silent: whoever acted is told what came of it."""

        async def listen(ack: Any, body: dict[str, Any]) -> None:
            by, hint = sender(body), unpack(chosen(action(body)))
            with about(hint.run if hint else None):
                await self._listen(does, ack, body, by)

        return listen

    async def _listen(self, does: Listener, ack: Any, body: dict[str, Any], by: Sender) -> None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                who = await self.service.person(by.team, by.user)
                if who.person is None:
                    await self.answer(ack, body, by, told(stranger(by)))
                else:
                    await does(ack, Act(body=body, by=by, who=who))
        except NotRecorded:
            await self.answer(ack, body, by, told(SENTENCES["not_recorded"]))
        except (Uncertain, OSError):  # Slack's or the database's line broke off, or neither answered in time
            await self.answer(ack, body, by, told(SENTENCES["uncertain"]))
        except SlackApiError as error:
            await self.answer(ack, body, by, told(_slack_said(error)))
        except NoOperation:
            await self.answer(ack, body, by, told(SENTENCES["no_operation"]))
        except Exception:
            log.exception("a listener failed")
            await self.answer(ack, body, by, told(SENTENCES["broken"]))

    async def draft(self, act: Act, id: str, gone: str) -> Draft | None:
        """This account's draft. None where it is not theirs or too old: whoever acted is told so, in those words."""
        found = await self.service.draft_load(act.who, id)
        if found is None:
            await self.tell(act.by, told(gone))
        return found

    async def answer(self, ack: Any, body: Body, by: Sender, message: Message) -> None:
        """Tells whoever acted, in the way that fits what they acted on, and acknowledges."""
        if body.get("type") == "view_submission":
            await ack(**refused_view(body, message))
        elif body.get("type") == "block_suggestion":  # one comes for each pause in typing: told in the list alone
            await ack(options=options([Picked(value=NONE, text=NOT_LOOKED_UP)]))
        elif by.surface is Surface.COMMAND:
            await ack(response_type="ephemeral", text=message.text, blocks=list(message.blocks))
        else:
            await self.tell(by, message)
            await ack()

    async def tell(self, by: Sender, message: Message) -> None:
        """A courtesy for one person; what matters stands in the run's thread as well."""
        try:
            async with asyncio.timeout(TELL_WITHIN):
                await self._tell_here(by, message)
        except (SlackApiError, OSError, TimeoutError):
            self.soon(self._tell_directly(by, message))

    async def _tell_here(self, by: Sender, message: Message) -> None:
        blocks = list(message.blocks)
        if by.response_url:
            given = {"text": message.text, "blocks": blocks, "response_type": "ephemeral", "replace_original": False}
            await answer_at(by.response_url, within=1, **given)
        elif by.trigger:
            await self.open(by, {**dead_end(""), "blocks": blocks})
        else:
            await self._tell_directly(by, message)

    async def _tell_directly(self, by: Sender, message: Message) -> None:
        try:
            await self.client.chat_postMessage(
                channel=by.user, text=message.text, blocks=list(message.blocks), mrkdwn=False
            )
        except (SlackApiError, OSError, TimeoutError) as error:
            log.warning("somebody could not be told", extra={"error": type(error).__name__})

    def soon(self, courtesy: Coroutine[Any, Any, None]) -> None:
        """Runs something that may be lost with the process."""
        task = asyncio.create_task(courtesy)
        self.later.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        """Whatever it broke off with, a line in the log; at the end of the process the database may be gone first."""
        self.later.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("a courtesy broke off", extra={"error": type(error).__name__})

    async def open(self, by: Sender, view: Mapping[str, Any]) -> None:
        """Opens a modal, on top of the one that is open. Raises SlackApiError."""
        if by.surface is Surface.MODAL:
            await self.client.views_push(trigger_id=by.trigger, view=dict(view))
        else:
            await self.client.views_open(trigger_id=by.trigger, view=dict(view))

    async def close(self) -> None:
        """Waits a moment for courtesies under way."""
        if under_way := {*self.later, *self.links.asked}:
            await asyncio.wait(under_way, timeout=2)


def stranger(by: Sender) -> str:
    """Why somebody who is not in the roster may do nothing here."""
    if by.foreign:
        return (
            "Your account belongs to another organisation, so nothing was done: only people of this house's roster "
            "act here. Ask somebody of the house in this channel."
        )
    return SENTENCES["not_listed"]


def _slack_said(error: SlackApiError) -> str:
    code = str(error.response.get("error", "")) if error.response is not None else ""
    if code in TOO_LATE:
        return "Slack gave me too little time to open the form. Nothing was asked; type it or press it again."
    return "Slack would not show that form, so nothing was asked. Try it again; if it stays, type the whole line."


def refused_view(body: Body, message: Message) -> dict[str, Any]:
    """The answer to a modal that could not be done: beside its first field, so that what was typed stays."""
    fields = list(state(body))
    if fields:
        return {"response_action": "errors", "errors": {fields[0]: unescape(message.text)}}
    return {"response_action": "update", "view": {**dead_end(""), "blocks": list(message.blocks)}}


def button_key(by: Sender, value: str) -> str:
    """One press of one button by one account is one act, however often it arrives."""
    return f"button:{by.team}:{by.user}:{value}"


__all__ = ["Act", "Desk", "Service", "button_key", "refused_view", "stranger"]
