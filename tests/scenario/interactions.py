"""What people do with Tandem, one story each: what comes before, and the part during which Slack fails."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.render.buttons import Verb
from bot.render.details import APPROVE_CALLBACK
from bot.render.form import FORM, WORD
from bot.render.picker import OPEN
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.persons import Person


def destroy(backup: str = "b2") -> str:
    """The line that asks for it."""
    return f'/test destroy shop backup={backup} reason="drill"'


@dataclass(frozen=True)
class Interaction:
    """`before` happens in peace and gives what `during` needs. `acts`: what people do in `during`.

    These are verbs of a run's buttons, callback ids of shortcuts and of modals that are sent, and other buttons.
    """

    name: str
    before: Callable[[Bot], Awaitable[Any]]
    during: Callable[[Bot, Any], Awaitable[None]]
    acts: tuple[str, ...] = ()


def press(action_id: str) -> str:
    """The name of a button that is no run's."""
    return f"press {action_id}"


async def nothing(bot: Bot) -> None:
    """Nobody has done anything yet."""


def card_saying(bot: Bot, *texts: str) -> Callable[[], Awaitable[dict[str, Any] | None]]:
    """The newest message of #ops that says all of this."""

    async def look() -> dict[str, Any] | None:
        seen = reversed(await bot.slack.messages("ben", "ops"))
        return next((one for one in seen if all(text in shown_text(one) for text in texts)), None)

    return look


def reply_saying(bot: Bot, text: str) -> Callable[[], Awaitable[dict[str, Any] | None]]:
    """A reply in any thread of #ops that says this."""

    async def look() -> dict[str, Any] | None:
        for card in await bot.slack.messages("ben", "ops"):
            for one in (await bot.slack.thread("ben", "ops", card["ts"]))[1:]:
                if text in shown_text(one):
                    return one
        return None

    return look


async def card_before_its_plan(bot: Bot, line: str) -> tuple[dict[str, Any], asyncio.Event]:
    """The card of what Ben asks by a line while nothing is planned, and the event that lets planning go on."""
    planning = asyncio.Event()

    async def turn() -> None:
        await planning.wait()

    bot.factory.worker.turn = turn
    await bot.slack.command("ana", "ops", "/test write plain reason=before")  # claimed with the turn of before, or not
    await bot.card("Ana")
    await bot.slack.command("ben", "ops", line)
    return await bot.card("Ben asked"), planning


async def formed(bot: Bot, person: str = "ana", backup: str = "b2") -> dict[str, Any]:
    """The form of something that destroys, on the person's screen."""
    await bot.slack.command(person, "ops", destroy(backup))
    return await bot.slack.wait_for_view(person, callback_id="door.form")


async def called(bot: Bot, person: str = "ana", backup: str = "b2") -> tuple[dict[str, Any], dict[str, Any]]:
    """The card of something that destroys, which waits; and the reply by which people are called."""
    await bot.slack.submit(person, await formed(bot, person, backup), {"_confirm": "shop"})
    waits = card_saying(bot, "Waiting for approval", f"Put {backup} over shop")
    card = await bot.slack.wait_for(waits, what=f"a card that waits for approval of {backup}")
    return card, await bot.told(card, "Press Approve, Deny or Ask back")  # told once Slack's word of the plan was kept


async def proposed(bot: Bot, person: str = "ana", backup: str = "b2") -> dict[str, Any]:
    """The card alone."""
    card, _ = await called(bot, person, backup)
    return card


async def old_copy(bot: Bot, card: dict[str, Any]) -> dict[str, Any]:
    """The card as it was: what somebody's screen still shows, or an edit that Slack never made."""
    sent = await bot.client.chat_postMessage(channel=bot.id("ops"), text=card["text"], blocks=card["blocks"])
    return {"channel": sent["channel"], "ts": sent["ts"]}


async def doubted(bot: Bot) -> dict[str, Any]:
    """The card of a run that stopped with a question."""
    bot.factory.folder.put("order.m", "explode")
    await bot.slack.command("ana", "ops", '/test write mail reason="drill"')
    return await bot.card("Stopped: somebody must answer")


async def asks_by_command(bot: Bot, _: None) -> None:
    done = card_saying(bot, "Done", "plain went through")
    await Person(bot, "ana").types("/test write plain reason=drill", done, "the run's end")


async def asks_by_form(bot: Bot, _: None) -> None:
    ana = Person(bot, "ana")
    form = await ana.opens(lambda: bot.slack.command("ana", "ops", destroy()), "door.form")
    await ana.sends(form, {"_confirm": "shop"})


async def approves(bot: Bot, card: dict[str, Any]) -> None:
    await Person(bot, "ben").presses(card, "Approve", reply_saying(bot, "shop is back"), "the run's end")


async def denies(bot: Bot, card: dict[str, Any]) -> None:
    ben = Person(bot, "ben")
    word = await ben.opens(lambda: bot.slack.click("ben", card, "Deny"), "door.word")
    await ben.sends(word, {"text": "not on a Friday"})


async def asks_back_and_is_answered(bot: Bot, card: dict[str, Any]) -> None:
    ana, ben = Person(bot, "ana"), Person(bot, "ben")
    question = await ben.opens(lambda: bot.slack.click("ben", card, "Ask back"), "door.word")
    await ben.sends(question, {"text": "why b2?"})
    asked = await bot.slack.wait_for(_with_button(bot, "Answer"), what="an Answer button")
    answer = await ana.opens(lambda: bot.slack.click("ana", asked, "Answer"), "door.word")
    await ana.sends(answer, {"text": "b3 is broken"})


def _with_button(bot: Bot, label: str) -> Callable[[], Awaitable[dict[str, Any] | None]]:
    async def look() -> dict[str, Any] | None:
        for message in await bot.slack.messages("ben", "ops"):
            elements = [one for block in message["blocks"] for one in block.get("elements", [])]
            if any(one["type"] == "button" and one["text"]["text"] == label for one in elements):
                return message
        return None

    return look


async def amends(bot: Bot, card: dict[str, Any]) -> None:
    ana = Person(bot, "ana")
    form = await ana.opens(lambda: bot.slack.click("ana", card, "Amend"), "door.form")
    await ana.picks(form, "backup", "b3")
    await ana.sends(form, {"_confirm": "shop"})


async def cancels(bot: Bot, card: dict[str, Any]) -> None:
    ana = Person(bot, "ana")
    word = await ana.opens(lambda: bot.slack.click("ana", card, "Cancel"), "door.word")
    await ana.sends(word, {})


async def answers_a_doubt(bot: Bot, card: dict[str, Any]) -> None:
    end = reply_saying(bot, "mail went through")
    await Person(bot, "ana").presses(card, "It happened", end, "the run's end")


async def reads_details(bot: Bot, card: dict[str, Any]) -> None:
    await Person(bot, "ben").presses(card, "Details", card_saying(bot, "Ben has looked at it"), "the run in detail")
    view = await bot.slack.wait_for_view("ben", callback_id="run.details")
    assert "Fingerprint of the plan" in shown_text(view)


async def only_looks(bot: Bot, _: None) -> None:
    async def plan() -> bool:
        seen = await bot.slack.messages("ana", "@tandem")
        return any("Only a look" in shown_text(one) and "metadata" in one for one in seen)

    await Person(bot, "ana").types("/test write plain --look", plan, "the plan as a direct message")


async def decides_at_home(bot: Bot, card: dict[str, Any]) -> None:
    ben = Person(bot, "ben")
    home = await ben.opens_home("test destroy")
    await ben.presses(home, "Look and decide", card_saying(bot, "Ben has looked at it"), "the whole plan")
    plan = await bot.slack.wait_for_view("ben", callback_id="run.review")
    await ben.sends(plan, {})
    await bot.slack.wait_for(reply_saying(bot, "shop is back"), what="the run's end")


async def picks_and_asks(bot: Bot, _: None) -> None:
    ana = Person(bot, "ana")
    picker = await ana.opens(lambda: bot.slack.command("ana", "ops", "/test"), "door.picker")
    form = await ana.opens(lambda: _open(bot, picker, "test destroy"), "door.form")
    await ana.picks(form, "database", "shop")
    await ana.picks(form, "backup", "b1")
    await ana.sends(form, {"_confirm": "shop", "reason": "drill"})


async def _open(bot: Bot, picker: dict[str, Any], words: str) -> Any:
    return await bot.slack.click("ana", picker, words)


INTERACTIONS = (
    Interaction("ask by command", nothing, asks_by_command),
    Interaction("ask by form", nothing, asks_by_form, (FORM,)),
    Interaction("approve", proposed, approves, (Verb.APPROVE,)),
    Interaction("deny with a reason", proposed, denies, (Verb.DENY, WORD)),
    Interaction("ask back and answer", proposed, asks_back_and_is_answered, (Verb.ASK_BACK, Verb.ANSWER_BACK, WORD)),
    Interaction("amend", proposed, amends, (Verb.AMEND, FORM)),
    Interaction("cancel", proposed, cancels, (Verb.CANCEL, WORD)),
    Interaction("answer a doubt", doubted, answers_a_doubt, (Verb.DOUBT,)),
    Interaction("details", proposed, reads_details, (Verb.DETAILS,)),
    Interaction("look only", nothing, only_looks),
    Interaction("decide at Home", proposed, decides_at_home, (Verb.REVIEW, APPROVE_CALLBACK)),
    Interaction("pick and ask", nothing, picks_and_asks, (press(OPEN), FORM)),
)
