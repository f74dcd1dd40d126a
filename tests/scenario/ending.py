"""The state in which a story ends: the rows that matter, and what each person can see then."""

import asyncio
import re
from contextlib import suppress
from datetime import timedelta
from typing import Any

from bot.model import ENDS, State
from bot.render.message import EVENT_TYPE
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot

AT_REST = tuple(str(state) for state in (*ENDS, State.AWAITING, State.IN_DOUBT, State.WAITING))
REST_WITHIN = 40.0  # seconds
HOMES, HOME_SOON = 5, 5.0  # times that somebody opens it, and seconds that they wait for it
STRIDE, FAR = timedelta(seconds=5), timedelta(seconds=60)  # how the clock is moved while everything rests
LINKS = re.compile(r"https://[\w.-]+/archives/\w+/p\d+(\?[^|>\s]*)?")  # a message's own time stands in its address
TIMES = re.compile(r"<!date\^\d+\^[^>]*>|\d{4}-\d\d-\d\d|\d\d:\d\d(:\d\d)?|\d+(\.\d+)? ?(ms|s|seconds?|minutes?)\b")
TOOK = re.compile(r", ~| \(~\)")  # how long a step took: said only from a second on, as it may on a busy machine
ROWS = {
    "runs": "SELECT id, command, params::text, reason, requester, state, heading, why, wish, look_only, fingerprint, "
    "question IS NOT NULL AS asks FROM runs ORDER BY id",
    "events": "SELECT run, kind, state, actor, step, way, mark FROM events ORDER BY run, seq",
    "approvals": "SELECT run, fingerprint, person FROM approvals ORDER BY run, seq",
    "answers": "SELECT run, person, choice FROM answers ORDER BY run, question",
    "shown": "SELECT run, fingerprint FROM shown ORDER BY run, at",
    "askers": "SELECT run, person FROM askers ORDER BY run, person",
    "locks": "SELECT name, root FROM locks ORDER BY name",
}
UNTOLD = """SELECT count(*) FROM runs r LEFT JOIN threads t ON t.run = r.id
    WHERE r.state <> ALL ($1) OR t.told_seq < r.seq OR t.card_seq < r.seq OR t.card_ts IS NULL
    OR t.trouble IS NOT NULL OR t.doubtful_at IS NOT NULL"""
Ending = dict[str, Any]


async def rest(bot: Bot) -> None:
    """Until every run rests and all of it is told. Time goes on only while the runs themselves rest."""
    loop = asyncio.get_running_loop()
    end, moved = loop.time() + REST_WITHIN, timedelta(0)
    while await bot.home.pool.fetchval(UNTOLD, AT_REST):
        if loop.time() > end:
            rows = await bot.home.pool.fetch(
                "SELECT r.state, r.seq, t.* FROM runs r LEFT JOIN threads t ON t.run = r.id"
            )
            raise AssertionError(f"never told: {[dict(row) for row in rows]}")
        busy = await bot.home.pool.fetchval("SELECT count(*) FROM runs WHERE state <> ALL ($1)", AT_REST)
        if not busy and moved < FAR:
            await bot.move_clock(STRIDE)
            moved += STRIDE
        bot.poster.wake()
        await asyncio.sleep(0.02)


async def ending(bot: Bot) -> Ending:
    """Everything that must not depend on what Slack did meanwhile."""
    found: Ending = {name: [tuple(row) for row in await bot.home.pool.fetch(sql)] for name, sql in ROWS.items()}
    found["events"] = _looks_once(found["events"], "unmasked")
    found["general"] = await _channel(bot, "ana", "general")
    found["notebook"] = bot.factory.folder.lines()
    for person in ("ana", "ben", "cleo"):
        found[f"{person} in #ops"] = await _channel(bot, person, "ops")
        found[f"{person} directly"] = await _channel(bot, person, "@tandem")
        found[f"{person}'s home"] = _plain(shown_text(await _home(bot, person)))
    return {name: _without(value, await _drawn_by_lot(bot)) for name, value in found.items()}


async def _home(bot: Bot, person: str) -> dict[str, Any]:
    """A person's Home, drawn now: the one before may show what still ran."""
    before = await bot.slack.home(person)

    async def anew() -> dict[str, Any] | None:
        home = await bot.slack.home(person)
        return home if home and (before is None or home["hash"] != before["hash"]) else None

    for _ in range(HOMES):  # where a socket was just lost, nobody hears that it is opened
        await bot.slack.open_home(person)
        with suppress(TimeoutError):
            home: dict[str, Any] = await bot.slack.wait_for(anew, seconds=HOME_SOON, what="a Home that is drawn anew")
            return home
    raise AssertionError(f"{person} opened Home {HOMES} times, and it was never drawn anew")


async def _drawn_by_lot(bot: Bot) -> list[str]:
    """Tokens of personal values, and the fingerprints of plans that hold one: others in each telling."""
    tokens = [row["token"] for row in await bot.home.pool.fetch("SELECT DISTINCT token FROM personal_uses")]
    rows = await bot.home.pool.fetch(
        "SELECT DISTINCT fingerprint FROM shown WHERE run IN (SELECT run FROM personal_uses)"
    )
    return [*tokens, *(part for row in rows for part in (row["fingerprint"], row["fingerprint"][:12]))]


def _without(value: Any, words: list[str]) -> Any:
    if isinstance(value, str):
        for word in words:
            value = value.replace(word, "~")
        return value
    return type(value)(_without(one, words) for one in value) if isinstance(value, (list, tuple)) else value


async def _channel(bot: Bot, person: str, channel: str) -> list[Any]:
    """Each run's card and thread there. How replies are put together is Slack's weather; what they tell is not."""
    seen = []
    for card in await bot.slack.messages(person, channel):
        if card.get("metadata", {}).get("event_type") == EVENT_TYPE:
            replies = (await bot.slack.thread(person, channel, card["ts"]))[1:]
            seen.append((_plain(shown_text(card)), _lines(replies), _order(replies), _files(replies)))
    return seen


def _lines(replies: list[dict[str, Any]]) -> list[str]:
    """What the thread says, line by line, without each reply's own summary for a lock screen."""
    lines = [line for one in replies for line in _plain(shown_text({**one, "text": ""})).splitlines()]
    return _looks_once(lines, "looked at the whole")


def _looks_once(found: list[Any], words: str) -> list[Any]:
    """A look at masked values is recorded before they are shown: where Slack took no window there is one more."""
    return [one for n, one in enumerate(found) if not n or one != found[n - 1] or words not in str(one)]


def _files(replies: list[dict[str, Any]]) -> list[str]:
    return [str(file["name"]) for one in replies for file in one.get("files", ())]


def _order(replies: list[dict[str, Any]]) -> str:
    """Whether every event is told once, in order, of each run by itself: what begins in a thread is told there."""
    told: dict[int, list[int]] = {}
    for one in replies:
        if "metadata" in one:  # a file's message bears none
            mark = one["metadata"]["event_payload"]
            told.setdefault(mark["run"], []).extend(range(mark["from_seq"], mark["to_seq"] + 1))
    wrong = {run: seqs for run, seqs in told.items() if seqs != sorted(set(seqs))}
    return f"told {wrong}" if wrong else f"in order, once, of {sorted(told)}"


def _plain(text: str) -> str:
    return TOOK.sub("", TIMES.sub("~", LINKS.sub("https://~", text)))
