"""App Home, and what somebody writes to the bot: shown at each opening, read from the rows."""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.render.buttons import unpack
from bot.render.escape import fallback
from bot.render.lists import home, stranger_home
from bot.service import NotRecorded, Uncertain
from bot.slack.desk import Act, Desk, stranger
from bot.slack.payload import Sender, Surface, hash_of, memo

log = logging.getLogger("tandem.slack")
HOME = "home:"
REMEMBERED = 1000  # event ids; a second greeting does no harm, so memory is enough
GREETING = (
    "I take slash commands: type /ops to choose, /ops help to read, /ops runs to see what runs. I read no messages."
)
LINKED = 1.0  # seconds for the links of a Home
NEW = (None, "file_share", "me_message", "thread_broadcast")  # a message of these kinds is one that a person wrote
EventListener = Callable[..., Awaitable[None]]


def opened(desk: Desk) -> EventListener:
    """Home was opened: draws it anew."""

    async def draw(event: dict[str, Any], body: dict[str, Any]) -> None:
        if event.get("tab", "home") == "home":
            await publish(desk, _sender(event, body))

    return draw


def origin(act: Act) -> str:
    """Where a decision is made, for what comes of it later: "home:" and that Home's hash, or nothing."""
    if act.by.surface is Surface.HOME:
        return f"{HOME}{hash_of(act.body)}"
    hint = unpack(memo(act.body))
    return hint.of if hint and hint.of.startswith(HOME) else ""


def redraw(desk: Desk, act: Act, begun: str = "") -> None:
    """Draws a Home anew from which something was decided or asked just now; nothing waits for it."""
    if (begun := begun or origin(act)).startswith(HOME):
        desk.soon(publish(desk, act.by, begun.removeprefix(HOME)))


async def publish(desk: Desk, by: Sender, seen: str = "") -> None:
    """Draws the Home of one account. `seen`: the hash of the one that it replaces; a newer one is drawn once more."""
    try:
        view = await _drawn(desk, by)
    except (NotRecorded, Uncertain):
        view = stranger_home("The bot's database does not answer just now. Open this page again in a moment.")
    try:
        await desk.client.views_publish(user_id=by.user, view=view, hash=seen or None)
    except SlackApiError as error:
        if seen and error.response.get("error") == "hash_conflict":
            await publish(desk, by)
        else:
            log.warning("a Home could not be drawn", extra={"error": type(error).__name__})
    except (OSError, TimeoutError) as error:
        log.warning("a Home could not be drawn", extra={"error": type(error).__name__})


async def _drawn(desk: Desk, by: Sender) -> dict[str, Any]:
    who = await desk.service.person(by.team, by.user)
    if who.person is None:
        return stranger_home(stranger(by))
    mine = await desk.service.home(who)
    parts = (mine.waiting, mine.in_flight, mine.mine, mine.lately)
    linked = iter(await desk.linked([one for part in parts for one in part], LINKED))
    waiting, in_flight, own, lately = ([next(linked) for _ in part] for part in parts)
    return home(waiting, in_flight, own, lately, mine.now, mine.favourites, desk.fallback)


def _sender(event: Mapping[str, Any], body: Mapping[str, Any]) -> Sender:
    host = str(body.get("team_id") or "")
    team = str(event.get("user_team") or event.get("team") or host)
    channel = str(event.get("channel") or "") or None
    return Sender(team=team, user=str(event.get("user") or ""), host=host, surface=Surface.ELSEWHERE, channel=channel)


def written(desk: Desk) -> EventListener:
    """A mention, or a direct message: says how to ask."""
    seen: OrderedDict[str, None] = OrderedDict()

    async def greet(event: dict[str, Any], body: dict[str, Any]) -> None:
        direct = event.get("type") == "app_mention" or event.get("channel_type") == "im"
        if not direct or event.get("bot_id") or not event.get("user") or event.get("subtype") not in NEW:
            return
        once = str(body.get("event_id"))
        if once in seen:
            return
        seen[once] = None
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)
        thread = event.get("thread_ts")
        try:
            await desk.client.chat_postMessage(channel=event["channel"], text=fallback(GREETING), thread_ts=thread)
        except (SlackApiError, OSError, TimeoutError) as error:
            log.warning("somebody could not be told", extra={"error": type(error).__name__})

    return greet


def people_changed(desk: Desk) -> EventListener:
    """Somebody was deactivated, or a user group changed: read anew who may approve."""

    async def changed(event: Mapping[str, Any]) -> None:
        found = event.get("subteam") or event.get("user") or {}
        desk.people_changed(event.get("subteam_id") or found.get("id", ""))

    return changed
