"""Shortcuts on a message: the picker, or one operation's form, that leads back to where it was begun."""

from typing import Any

from bot.leaks import leak
from bot.model import Risk
from bot.render.escape import one_line
from bot.render.outcome import told
from bot.slack import drafts
from bot.slack.asking import allowed, open_form
from bot.slack.desk import Act, Desk, Listener
from bot.words import unescape

OPENS = "open:"  # with a command: the callback id of a shortcut that opens that operation's form
QUOTED = 120  # characters of a message that a field takes
LINKED = 0.3  # seconds for its link, of the three in which Slack lets a window be opened


async def place(desk: Desk, act: Act) -> dict[str, str]:
    """What drafts remember of the message that a shortcut was used on: its link, where Slack gives it soon, and the run
    in whose thread it stands. Empty for other payloads.
    """
    said, channel = act.body.get("message"), act.by.channel
    if act.body.get("type") != "message_action" or not isinstance(said, dict) or not channel:
        return {}
    ts = str(said.get("ts", ""))
    run = await desk.service.run_of_thread(channel, str(said.get("thread_ts") or ts))
    found = await desk.links.many({(channel, ts)}, LINKED)
    return drafts.about(found.get((channel, ts), ""), run)


def opens(desk: Desk) -> Listener:
    """One operation's form, with the message's words in the field that the operation names for them."""

    async def press(ack: Any, act: Act) -> None:
        command = str(act.body.get("callback_id", "")).removeprefix(OPENS)
        entry = desk.catalogue.entries.get(command)
        if entry is None:
            await desk.tell(act.by, told(f"/{command} is not installed here, so nothing was asked."))
        elif (refused := await allowed(desk, act, entry, act.by.channel)) is not None:
            await desk.tell(act.by, refused)
        else:
            began = await place(desk, act)
            first = drafts.reason(began) if entry.risk is not Risk.READ else {}
            if entry.operation.quotes and (words := _words(act)):
                first[entry.operation.quotes] = words
            await open_form(desk, act, entry, act.by.channel, first, "Nothing is asked yet.", drafts.kept_of(began))
        await ack()

    return press


def _words(act: Act) -> str:
    """The message's first line; nothing where it seems to hold what must not be kept."""
    said = act.body.get("message")
    text = unescape(str(said.get("text") or "")) if isinstance(said, dict) else ""
    first = next((one_line(line, QUOTED) for line in text.splitlines() if line.strip()), "")
    return "" if leak(first, prose=True) else first
