"""The slash commands: no word opens the picker, `help`, `runs` and a run's name tell, everything else is asked."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from bot import parse
from bot.catalogue import Found, NotFound
from bot.leaks import hidden
from bot.model import run_of
from bot.render.help import help_message
from bot.render.lists import SHOWN
from bot.render.lists import found as found_list
from bot.render.lists import runs as runs_list
from bot.render.message import Message
from bot.render.outcome import SENTENCES, told
from bot.slack.asking import Typed, ask_line, open_picker
from bot.slack.buttons import open_details
from bot.slack.desk import Act, Desk, Listener
from bot.words import Word, strip, unescape

LINKED = 0.5  # seconds for the links of a list, of the three in which Slack wants its answer


def command(desk: Desk) -> Listener:
    """`/ops`, `/release`, `/incident`, `/runbook`, and whatever else a manifest names."""

    async def typed(ack: Any, act: Act) -> None:
        area = str(act.body.get("command", "")).removeprefix("/").lower()
        text = str(act.body.get("text") or "").strip()
        key = f"command:{act.by.trigger}"
        await tell(ack, await line(desk, act, area, text, act.by.channel, key=key))

    return typed


async def tell(ack: Any, message: Message | None) -> None:
    """Answers a command: in words only its sender sees, or with nothing where a modal is open."""
    if message is None:
        await ack()
    else:
        await ack(response_type="ephemeral", text=message.text, blocks=list(message.blocks))


async def line(
    desk: Desk, act: Act, area: str, text: str, channel: str | None, *, key: str, anew: bool = False
) -> Message | None:
    """One typed line. What to tell, or None where a modal opened."""
    text = strip(text)
    words = parse.words_of(unescape(text))
    if isinstance(words, parse.Fault):
        return told(f"{words.sentence.replace('`', '')} Nothing was asked.")
    if words and _says(words[0], "runs"):
        return await runs(desk, act, words[1:])
    if len(words) == 1 and tag(words[0]):
        return await run(desk, act, tag(words[0]))
    if area not in desk.areas() and not words:
        await open_picker(desk, act, "", channel, notice=none_of(area))
        return None
    if area not in desk.areas():
        return empty(area, sorted(desk.areas()))
    if not words:
        await open_picker(desk, act, area, channel)
        return None
    if _says(words[0], "help") or _says(words[-1], "help"):
        asked = [word.value for word in words if not _says(word, "help")]
        return help_message(
            desk.help(act.who, channel, asked if asked and asked[0] in desk.areas() else [area, *asked])
        )
    found = desk.catalogue.find([area, *(str(word) for word in words)])
    if isinstance(found, Found):
        rest = words[len(words) - len(found.rest) :]
        return await ask_line(desk, act, Typed(found.entry, rest, f"/{area} {text}", channel), key=key, anew=anew)
    if not found.word:
        await open_picker(desk, act, found.area, channel)
        return None
    return not_found(found, area, words)


def tag(word: Word) -> str:
    """The short name of a run, "r142", if the word is one; else nothing."""
    named = word.value.lower()
    return named if run_of(named) is not None and not word.key and not word.quoted else ""


async def runs(desk: Desk, act: Act, words: Sequence[Word]) -> Message | None:
    """What stands behind `runs`: nothing, the short name of one, or what to look for."""
    now = datetime.now(UTC)
    if not words:
        return runs_list(await desk.linked(await desk.service.runs("live"), LINKED), now)
    if len(words) == 1 and tag(words[0]):
        return await run(desk, act, tag(words[0]))
    briefs = await desk.service.found([word.value for word in words])
    shown = [*await desk.linked(briefs[:SHOWN], LINKED), *briefs[SHOWN:]]
    return found_list(shown, hidden(" ".join(map(str, words)))[:120], now)


async def run(desk: Desk, act: Act, named: str) -> Message | None:
    """One run's details, in a window; a look is for who asked for it alone."""
    brief, view = await desk.service.brief(named), await desk.service.view(named, act.who)
    if brief is None or view is None or (view.look_only and act.who.person not in view.askers):
        return told(SENTENCES["no_run"])
    [linked] = await desk.linked([brief], LINKED)
    await open_details(desk, act, view, linked.link)
    return None


def _says(word: Word, said: str) -> bool:
    return word.value.lower() == said and not word.key and not word.quoted


def none_of(area: str) -> str:
    """What stands above the list that such a command opens."""
    return f"No operation of /{area} is installed here. Choose one of these:"


def empty(area: str, areas: Sequence[str]) -> Message:
    """The app's manifest names the command, and no handler stands behind it."""
    lead = " or ".join(f"/{one}" for one in areas)
    return told(
        f"No operation of /{area} is installed here, so nothing was asked. What there is begins with {lead}.",
        code="\n".join(f"/{one} help" for one in areas),
    )


def _meant(command: str, words: Sequence[Word]) -> str:
    """The line that was mistyped, with this command in it."""
    names = sum(1 for _ in takewhile(lambda word: not word.key and not word.quoted, words))
    rest = words[min(len(command.split()) - 1, names) :]
    return hidden(" ".join([f"/{command}", *(str(word) for word in rest)]))


def not_found(found: NotFound, area: str, words: Sequence[Word]) -> Message:
    """Did you mean."""
    typed = hidden(" ".join([f"/{area}", *(str(word) for word in words)]))
    said = f"There is no operation {typed[:120]}. Nothing was asked."
    if found.suggestions:
        return told(f"{said} Did you mean this?", code="\n".join(_meant(one, words) for one in found.suggestions))
    after = f" After /{found.area} comes one of: {', '.join(found.next[:15])}." if found.next else ""
    return told(f"{said}{after}", code=f"/{area} help")
