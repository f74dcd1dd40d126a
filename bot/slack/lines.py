"""Below a form: the typed line that would do the same, which follows while somebody fills the form in."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.catalogue import Entry
from bot.fields import REASON, FieldSpec, read
from bot.model import Risk, Who
from bot.parse import Known, line_so_far
from bot.render.form import LINE, typed_line
from bot.render.message import Block
from bot.service import NotRecorded, Uncertain
from bot.slack import drafts, forms
from bot.slack.desk import Desk
from bot.slack.payload import Body, Unreadable, action, memo, sender, state

log = logging.getLogger("tandem.slack")
PACE = 0.7  # seconds between two updates of one form: Slack takes about a hundred a minute
SETTLES = 1.0  # seconds, of the three in which Slack wants its answer
FAILED = (NotRecorded, Uncertain, SlackApiError, OSError, TimeoutError, Unreadable)
LOOK = " --look"
KEPT = ("type", "callback_id", "title", "submit", "close", "private_metadata", "clear_on_close", "notify_on_close")


def wants_form(entry: Entry) -> bool:
    """Whether a whole line is not enough: a value must be typed once more, or a secret filled in."""
    return bool(entry.operation.confirm) or any(spec.secret for spec in entry.fields)


def line_below(entry: Entry, given: Mapping[str, str], known: Known, look: bool = False) -> Block:
    """The line of what stands in the fields, as typed texts; what would be refused there is not in it."""
    texts = {spec.name: given[spec.name] for spec in entry.fields if given.get(spec.name) and _good(spec, given, known)}
    demanded = entry.risk is not Risk.READ and not look
    typed = line_so_far(entry.command, entry.fields, texts, reason=demanded) + (LOOK if look else "")
    lacks = demanded and not texts.get(REASON)
    lacks = lacks or any(s.required and not s.secret and s.name not in texts for s in entry.fields)
    if lacks or any(given.get(spec.name) and spec.name not in texts for spec in entry.fields):
        return typed_line("The same as a typed line, so far:", typed)
    if wants_form(entry) and not look:
        return typed_line("This line, typed, opens this form filled in:", typed)
    return typed_line("The same as a typed line:", typed)


def _good(spec: FieldSpec, given: Mapping[str, str], known: Known) -> bool:
    try:
        read(spec, forms.safe(spec, given[spec.name], known))
    except ValueError:
        return False
    return True


class Lines:
    """Follows the forms that are being filled in. What it remembers is a courtesy, and may be lost."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._newest: dict[str, Body] = {}  # view -> what changed last and is not drawn
        self._followed: dict[str, asyncio.Lock] = {}  # views whose line is being drawn; held while Slack is asked

    async def changed(self, ack: Any, body: dict[str, Any]) -> None:
        """Bolt's listener for every field of a form. Nothing is recorded, so Slack's answer waits for nothing."""
        await ack()
        view = body.get("view")
        if not isinstance(view, dict) or not any(block.get("block_id") == LINE for block in view.get("blocks", ())):
            return
        id = str(view.get("id", ""))
        if (waiting := self._newest.get(id)) is None or _at(waiting) < _at(body):
            self._newest[id] = body
        if id not in self._followed:
            self._followed[id] = asyncio.Lock()
            self.desk.soon(self._follow(id))

    async def settle(self, who: Who, body: Body) -> None:
        """Before a form is told what is wrong with it: an update of the view would take that away from its fields.

        What is to be drawn is drawn now, as far as the answer's time allows; earlier changes are drawn no more.
        """
        id = str(body["view"].get("id", ""))
        self._newest.pop(id, None)
        try:
            async with asyncio.timeout(SETTLES), self._followed.get(id) or asyncio.Lock():
                view = await self._view(who, body, f"{time.time():.6f}")
                if view is not None and view["blocks"] != body["view"]["blocks"]:
                    await self._update(id, view)
        except FAILED as error:
            log.warning("a form's line could not be drawn", extra={"error": type(error).__name__})

    async def _follow(self, id: str) -> None:
        """Draws the newest line, then what became of it meanwhile, and so on."""
        ours, seen = "", set[str]()
        try:
            while body := self._newest.pop(id, None):
                given = str(body["view"].get("hash", ""))
                hash = ours if given in seen else given  # typed before our last update came to the screen
                seen.add(given)
                async with self._followed[id]:
                    ours = await self._draw(body, hash) or ours
                seen.add(ours)
                await asyncio.sleep(PACE)
        except FAILED as error:
            self._newest.pop(id, None)
            log.warning("a form's line could not be drawn", extra={"error": type(error).__name__})
        finally:
            self._followed.pop(id, None)

    async def _draw(self, body: Body, hash: str) -> str:
        """The view's new hash; empty where there was nothing to draw."""
        by = sender(body)
        who = await self.desk.service.person(by.team, by.user)
        if who.person is None or (view := await self._view(who, body, _at(body))) is None:
            return ""
        try:
            return await self._update(by.view_id, view, hash)
        except SlackApiError as error:
            code = error.response.get("error", "")
            if code == "not_found":  # closed meanwhile
                return ""
            if error.response.status_code == 429:
                await asyncio.sleep(int(error.response.headers.get("Retry-After", 1)))
            elif code != "hash_conflict":
                raise
        # another replica drew an earlier change, or Slack was asked too often: again, if this is still the newest
        if by.view_id in self._newest or await self._view(who, body, _at(body)) is None:
            return ""
        return await self._update(by.view_id, view)

    async def _update(self, id: str, view: Mapping[str, Any], hash: str = "") -> str:
        said = await self.desk.client.views_update(view_id=id, view=dict(view), **({"hash": hash} if hash else {}))
        return str(said["view"]["hash"])

    async def _view(self, who: Who, body: Body, at: str) -> Mapping[str, Any] | None:
        """The form with its new line; None where it is not theirs, or a change later than `at` is known."""
        draft = await self.desk.service.draft_change(who, memo(body), at)
        entry = self.desk.catalogue.entries.get(draft.command) if draft else None
        if draft is None or entry is None or drafts.amended(draft.values) is not None:
            return None
        now = state(body)
        given, _ = forms.texts(now, entry.fields)
        fresh = line_below(entry, given, self.desk.known, forms.only_look(now))
        shown = body["view"]["blocks"]
        blocks = [fresh if block.get("block_id") == LINE else block for block in shown]
        return {key: body["view"][key] for key in KEPT if body["view"].get(key)} | {"blocks": blocks}


def _at(body: Body) -> str:
    """Slack's time of the change: texts of one length, so they compare as times do."""
    return str(action(body).get("action_ts", ""))
