"""Runs as lists: `/ops runs` and App Home."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.lifecycle import SENTENCES, ended
from bot.model import State
from bot.render import changes, fit, words
from bot.render.blocks import button, context, header, line, place, plain, rich, seconds, text, when
from bot.render.buttons import ACTION, Verb, pack
from bot.render.card import ICONS
from bot.render.escape import fallback, one_line
from bot.render.favourites import KEEP, on_home
from bot.render.message import Block, Message
from bot.render.outcome import told
from bot.view import Brief, Favourite

SHOWN = 20
PICKER = "door.picker"


def runs(
    briefs: Sequence[Brief], now: datetime, title: str = "What runs, waits or is in doubt", sort: bool = True
) -> Message:
    """A list for one person; `sort`: whatever stands in doubt comes first."""
    urgent = sorted(briefs, key=lambda b: (b.state is not State.IN_DOUBT, b.state is not State.AWAITING))
    ordered = urgent if sort else list(briefs)
    blocks = [rich(line(text(title if ordered else "Nothing runs, waits or is in doubt.", bold=True)))]
    for brief in ordered[:SHOWN]:
        blocks += one(brief)
    if len(ordered) > SHOWN:
        blocks.append(rich(line(text(f"and {len(ordered) - SHOWN} more, older ones"))))
    blocks.append(context(f"as of {seconds(now)}"))
    said = "; ".join(f"{named(b)} {SENTENCES[b.state]}" for b in ordered[:5])
    return Message(text=fallback(said or "Nothing runs, waits or is in doubt."), blocks=tuple(blocks), kind="runs")


def found(briefs: Sequence[Brief], words_of_it: str, now: datetime) -> Message:
    """A list for one person of what they looked for; nothing found: how one looks for runs."""
    if briefs:
        return runs(briefs, now, f"Runs that speak of {words_of_it}, newest first", sort=False)
    said = f"Nothing that runs, waits or ended in the last two days speaks of {words_of_it}."
    return told(
        f"{said} Type the name of a run, or a target, words of a command, or who asked:",
        code="/ops r142\n/ops runs shop\n/ops runs db restore\n/ops runs ana",
    )


def named(brief: Brief) -> str:
    """ "r12 ops db restore shop", for a line of plain text."""
    return f"{brief.tag} {brief.command} {words.target(None, brief.params)}".rstrip()


def one(
    brief: Brief, *, review: bool = False, again: bool = False, kept: bool = False, channel: str = ""
) -> list[Block]:
    """One run: where it stands, who asked, why. `review`: with the button that opens its plan to approve it.

    `again`: where it has ended, with the button that opens its form, filled in as it was, and the star that keeps it.
    `channel`: where its card stands if it was asked for in none.
    """
    on = f" · {target}" if (target := words.target(None, brief.params)) else ""
    title = f"{ICONS[brief.state]} {brief.tag} · {brief.command}{on}"
    reason = f": {one_line(brief.reason, 150)}" if brief.reason else ""
    who = f"{SENTENCES[brief.state]} · {words.asker(brief.requester_name, brief.via)}{reason}"
    since = f"since {when(brief.moved_at)}" + (f" until {when(brief.until)}" if brief.until else "")
    until = f" · stands until {when(brief.expires_at)}" if review and brief.expires_at else ""
    there = f" · {found}" if (found := place(brief.channel or channel)) else ""
    there += f" · <{brief.link}|its thread>" if brief.link else ""
    details = button("Details", _action(Verb.DETAILS, brief), pack(brief.id, brief.fingerprint, Verb.DETAILS))
    if again and ended(brief.state):
        anew = button("Ask again", _action(Verb.AGAIN, brief), pack(brief.id, brief.fingerprint, Verb.AGAIN))
        star = button(KEEP, _action(Verb.STAR, brief), pack(brief.id, brief.fingerprint, Verb.STAR))
        buttons: Block = {"type": "actions", "elements": [anew] if kept else [anew, star]}
        said = f"{'★ ' if kept else ''}{title}\n{who}"
        return [{"type": "section", "text": plain(said, 600)}, context(since + there), buttons]
    if not review:
        beside: Block = {"type": "section", "text": plain(f"{title}\n{who}", 600), "accessory": details}
        return [beside, context(since + there)]
    value = pack(brief.id, brief.fingerprint, Verb.REVIEW)
    decide = button("Look and decide", _action(Verb.REVIEW, brief), value, style="primary")
    row: Block = {"type": "actions", "elements": [decide, details]}
    changed = [line(text(f"Changed: {changes.briefly(brief.changes)}"))] if brief.changes else []
    return [rich(line(text(title, bold=True)), line(text(who)), *changed), context(since + until + there), row]


def _action(verb: Verb, brief: Brief) -> str:
    return f"{ACTION}{verb.value}.{brief.id}"


def home(
    waiting: Sequence[Brief], in_flight: Sequence[Brief], mine: Sequence[Brief], lately: Sequence[Brief], now: datetime,
    favourites: Sequence[Favourite] = (), channel: str = "",
) -> dict[str, Any]:  # fmt: skip
    """App Home: what waits for me first, then my favourites, what moves, what is mine, what went wrong lately.

    `channel`: where the cards of what was asked for here stand.
    """
    starred = {favourite.run for favourite in favourites}
    blocks: list[Block] = [_start()]
    below_first = 0
    parts = (
        ("Waiting for me", waiting, "Nothing waits for you.", 8),
        ("In flight", in_flight, "Nothing is in flight.", 6),
        ("Mine", mine, "You have asked for nothing lately.", 5),
        ("Failed or in doubt lately", lately, "Nothing failed and nothing is in doubt.", 6),
    )
    first = parts[0][0]
    for title, briefs, empty, most in parts:
        blocks.append(header(title))
        for brief in briefs[:most]:
            blocks += one(brief, review=title == first, again=briefs is mine, kept=brief.id in starred, channel=channel)
        if not briefs:
            blocks.append(rich(line(text(empty))))
        elif len(briefs) > most:
            blocks.append(rich(line(text(f"and {len(briefs) - most} more: type /ops runs"))))
        below_first = below_first or len(blocks)
    blocks.append(context(f"as of {seconds(now)}; opening this page renews it"))
    blocks[below_first:below_first] = on_home(favourites, fit.VIEW_BLOCKS - len(blocks))
    return {"type": "home", "blocks": fit.fitted(blocks, fit.VIEW_BLOCKS, fit.VIEW_JSON, "under /ops runs")}


def _start() -> Block:
    return {
        "type": "actions",
        "block_id": "door",
        "elements": [button("Start something", PICKER, "-", style="primary")],
    }


def stranger_home(words: str) -> dict[str, Any]:
    """App Home of somebody who may do nothing here: why, and what to do about it."""
    return {"type": "home", "blocks": [rich(line(text(words)))]}
