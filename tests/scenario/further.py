"""What else people do with Tandem: begin from a message, take up what has ended, go on with what is under way."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.render.buttons import ASK_THEM, FOLLOW, RETRY, Verb
from bot.render.details import APPROVE_CALLBACK
from bot.render.favourites import CHOSEN, KEEP, KEPT, STAR, UNSTAR
from bot.render.form import FORM, WORD
from bot.render.outcome import ANEW, CALL
from bot.render.outcome import FORM as FORM_BUTTON
from bot.render.picker import OPEN
from bot.slack.message import OPENS
from deploy.local.slack.client import Outcome, shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import Interaction, card_saying, nothing, press, proposed, reply_saying
from tests.scenario.persons import Person

ABOUT, START = "tandem_about", "tandem_start"
LINE = "/test write plain reason=drill"
KEPT_LINE = "★ /test write script=plain"
THROUGH = "plain went through"
MASKED, WHOLE = "J…@customers.example", "Jo.Canary@customers.example"


async def ended(bot: Bot) -> dict[str, Any]:
    """The card of a run that is done."""
    await bot.slack.command("ana", "ops", LINE)
    return await bot.card("✅ Done · test write")


async def noticed(bot: Bot) -> dict[str, Any]:
    """The card of a look that found trouble, and offers to note it."""
    bot.factory.folder.put("a", "trouble")
    await bot.slack.command("ana", "ops", "/test glance a")
    return await bot.card("Note it")


async def posted(bot: Bot) -> dict[str, Any]:
    """What somebody wrote in the channel."""
    return await bot.slack.post("ana", "ops", "orders are 500ing since 03:05")


def under_way(script: str, label: str) -> Callable[[Bot], Awaitable[dict[str, Any]]]:
    """The card of a run that waits in its midst, with that button on it."""

    async def begin(bot: Bot) -> dict[str, Any]:
        await bot.slack.command("ana", "ops", f"/test write {script} reason=drill")
        return await bot.slack.wait_for(card_saying(bot, f"script={script}", label), what=f"a card with {label}")

    return begin


async def rivals(bot: Bot) -> dict[str, Any]:
    """The card of a second request for what another waits for already."""
    await proposed(bot, backup="b1")
    return await proposed(bot, backup="b2")


async def digested(bot: Bot) -> dict[str, Any]:
    """Cleo's one message about three requests that wait for her."""
    await bot.slack.open_home("cleo", tab="messages")
    for script in ("big-plain", "big-child", "big-many"):  # of which none touches what another does
        await bot.slack.command("ana", "ops", f"/test write {script} reason=drill")
        await bot.told(await bot.card(f"script={script}"), "1 approval needed")
    return await bot.slack.wait_for_message("cleo", "@tandem", text="3 requests wait for you")


async def masked(bot: Bot) -> dict[str, Any]:
    """The card of a request that holds a personal value."""
    await bot.slack.command("ana", "ops", f"/test invite {WHOLE} grave reason=drill")
    card = await bot.card("Waiting for approval")
    await bot.told(card, "Press Approve, Deny or Ask back")
    return card


async def kept(bot: Bot) -> dict[str, Any]:
    """Ana's Home, with a form that she keeps."""
    await ended(bot)
    ana = Person(bot, "ana")
    await bot.slack.click("ana", await ana.opens_home("Ask again"), KEEP)
    return await ana.opens_home(KEPT_LINE)


async def goes(person: Person, act: Callable[[], Awaitable[Outcome]], text: str) -> dict[str, Any]:
    """Acts until that person's uppermost modal says this."""

    async def shown() -> dict[str, Any] | None:
        view = await person.bot.slack.view(person.name)
        return view if view and text in shown_text(view) else None

    return await person.brings_about(act, shown, f"a modal that says {text}")


def hears(person: Person, text: str) -> Callable[[], Awaitable[dict[str, Any] | None]]:
    """What this person alone was told, beside a message or directly."""

    async def look() -> dict[str, Any] | None:
        slack = person.bot.slack
        told = [*await slack.ephemerals(person.name), *await slack.messages(person.name, "@tandem")]
        return next((one for one in told if text in shown_text(one)), None)

    return look


async def picks(ana: Person, top: dict[str, Any]) -> dict[str, Any]:
    """From the whole list to one operation's form."""
    area = await goes(ana, lambda: ana.bot.slack.click("ana", top, "test"), "Runs a script")
    return await ana.opens(lambda: ana.bot.slack.click("ana", area, "test write"), FORM)


async def asks_about_a_message(bot: Bot, message: dict[str, Any]) -> None:
    ana = Person(bot, "ana")
    top = await ana.opens(lambda: bot.slack.shortcut("ana", ABOUT, message), "door.picker")
    await ana.sends(await picks(ana, top), {"script": "plain", "reason": "drill"})


async def opens_a_form_from_a_message(bot: Bot, message: dict[str, Any]) -> None:
    ana = Person(bot, "ana")
    form = await ana.opens(lambda: bot.slack.shortcut("ana", f"{OPENS}test write", message), FORM)
    await ana.sends(form, {"script": "plain", "reason": "drill"})


async def starts_from_anywhere(bot: Bot, _: None) -> None:
    ana = Person(bot, "ana")
    top = await ana.opens(lambda: bot.slack.shortcut("ana", START), "door.picker")
    await ana.sends(await picks(ana, top), {"script": "plain", "reason": "drill"})


async def takes_an_offer(bot: Bot, card: dict[str, Any]) -> None:
    await Person(bot, "ben").presses(card, "Note it", reply_saying(bot, THROUGH), "the end of what was offered")


async def asks_again(bot: Bot, card: dict[str, Any]) -> None:
    ana = Person(bot, "ana")
    form = await ana.opens(lambda: bot.slack.click("ana", card, "Ask again"), FORM)
    await ana.sends(form, {})


async def mends_a_faulty_line(bot: Bot, _: None) -> None:
    ana = Person(bot, "ana")
    told = await ana.types("/test write plain and more", hears(ana, "Nothing was asked"), "what is wrong with it")
    form = await ana.opens(lambda: bot.slack.click("ana", told, "Fill in the form"), FORM)
    await ana.sends(form, {"script": "plain", "reason": "drill"})


async def means_it(bot: Bot, _: Any) -> None:
    """The same words once more within two minutes, and meant."""
    ana = Person(bot, "ana")
    told = await ana.types(LINE, hears(ana, "the very same"), "word that it was asked already")
    second = card_saying(bot, "Done", "r2")
    await ana.presses(told, "Ask again", second, "a second run")


async def went_on_without(bot: Bot) -> dict[str, Any]:
    """The card of a run that went on without a step, whose trouble is over."""
    bot.factory.folder.put("order.b", "permanent")
    await bot.slack.command("ana", "ops", "/test write go-on reason=drill")
    card = await bot.card("Done, but 1 step failed")
    bot.factory.folder.take("order.b")
    return card


async def tries_again(bot: Bot, card: dict[str, Any]) -> None:
    await Person(bot, "ana").presses(card, RETRY, card_saying(bot, "✅ Done", "r2"), "what failed to be done")
    await bot.slack.wait_for(reply_saying(bot, "b: once more, after r1 went on without it"), what="its end")


async def follows(bot: Bot, card: dict[str, Any]) -> None:
    cleo = Person(bot, "cleo")
    await cleo.presses(card, FOLLOW, hears(cleo, "You are called in this run's thread"), "word that she is called")
    await Person(bot, "ben").presses(card, "Approve", reply_saying(bot, "shop is back"), "the run's end")


async def ticks(bot: Bot, card: dict[str, Any]) -> None:
    await Person(bot, "ben").presses(card, "Done: Look at it", reply_saying(bot, "task went through"), "the run's end")


async def replaces(bot: Bot, card: dict[str, Any]) -> None:
    await Person(bot, "ana").presses(card, "Replace r1", card_saying(bot, "Replaced by r2"), "the other to be replaced")


async def cancels_what_runs(bot: Bot, card: dict[str, Any]) -> None:
    ana = Person(bot, "ana")
    word = await ana.opens(lambda: bot.slack.click("ana", card, "Cancel"), WORD)
    await ana.sends(word, {"text": "enough"})
    await bot.slack.wait_for(card_saying(bot, "script=wait", "Cancelled"), what="the run's end")


async def decides_in_a_digest(bot: Bot, digest: dict[str, Any]) -> None:
    cleo = Person(bot, "cleo")
    await cleo.presses(digest, "Look and decide", card_saying(bot, "Cleo has looked at it"), "the whole plan")
    plan = await bot.slack.wait_for_view("cleo", callback_id=APPROVE_CALLBACK)
    await cleo.sends(plan, {})
    await bot.slack.wait_for(reply_saying(bot, "big-plain went through"), what="the run's end")
    await bot.slack.wait_for_message("cleo", "@tandem", text="r1 test write big-plain: done")


async def keeps_what_has_ended(bot: Bot, _: Any) -> None:
    ana = Person(bot, "ana")
    home = await ana.opens_home("Ask again")

    async def recorded() -> bool:
        return bool(await bot.home.pool.fetchval("SELECT count(*) FROM favourites"))

    await ana.presses(home, KEEP, recorded, "the form to be kept")
    await ana.opens_home(KEPT_LINE)


async def keeps_a_form(bot: Bot, _: None) -> None:
    ana = Person(bot, "ana")
    form = await ana.opens(lambda: bot.slack.command("ana", "ops", "/test write plain"), FORM)
    await goes(ana, lambda: bot.slack.click("ana", form, KEEP), KEPT)
    await ana.sends(form, {"reason": "drill"})


async def takes_a_favourite_and_lets_it_go(bot: Bot, home: dict[str, Any]) -> None:
    ana = Person(bot, "ana")
    form = await ana.opens(lambda: bot.slack.click("ana", home, "Open the form"), FORM)
    await ana.sends(form, {"reason": "once more"})

    async def gone() -> bool:
        return not await bot.home.pool.fetchval("SELECT count(*) FROM favourites")

    await ana.presses(home, "Remove", gone, "the form to be let go")


async def sees_the_whole(bot: Bot, card: dict[str, Any]) -> None:
    ben = Person(bot, "ben")
    await ben.presses(card, "Details", card_saying(bot, "Ben has looked at it"), "the run in detail")
    details = await bot.slack.wait_for_view("ben", callback_id="run.details")
    await goes(ben, lambda: bot.slack.click("ben", details, "Show what is masked"), WHOLE)


async def finds_it_by_its_name(bot: Bot, _: Any) -> None:
    looked = card_saying(bot, "Ben has looked at it")  # not of a window that, for all the bot knows, nobody saw
    await Person(bot, "ben").types("/test r1", looked, "the run in detail")
    view = await bot.slack.wait_for_view("ben", callback_id="run.details")
    assert "Fingerprint of the plan" in shown_text(view)


async def calls_who_could(bot: Bot, card: dict[str, Any]) -> None:
    ana = Person(bot, "ana")
    told = await ana.presses(card, "Approve", hears(ana, "somebody else must decide"), "word who could")
    await ana.presses(told, ASK_THEM, reply_saying(bot, "Ana asks Ben (on call)"), "the call of who could")


async def calls_who_may_ask(bot: Bot, _: None) -> None:
    """And one of them asks."""
    ben, emil = Person(bot, "ben"), Person(bot, "emil")
    told = await emil.types(LINE, hears(emil, "nly engineers may ask for it"), "word who may ask")
    await emil.presses(told, ASK_THEM, reply_saying(bot, "Emil wants this done"), "the call of who may ask")
    card = await bot.card("Refused by a rule")
    form = await ben.opens(lambda: bot.slack.click("ben", card, "Ask again"), FORM)
    await ben.sends(form, {})
    await bot.slack.wait_for(reply_saying(bot, THROUGH), what="the run's end")


async def asks_what_no_card_can_hold(bot: Bot, _: None) -> None:
    whole = card_saying(bot, "The whole plan is in the file in its thread")
    card = await Person(bot, "ana").types("/test write big-many reason=drill", whole, "a card")
    await bot.told(card, "Press Approve, Deny or Ask back")
    await Person(bot, "ben").presses(card, "Approve", reply_saying(bot, "big-many went through"), "the run's end")


FURTHER = (
    Interaction("take an offer", noticed, takes_an_offer, (Verb.OFFER,)),
    Interaction("ask again", ended, asks_again, (Verb.AGAIN, FORM)),
    Interaction("try again", went_on_without, tries_again, (Verb.RETRY,)),
    Interaction("follow", proposed, follows, (Verb.FOLLOW, Verb.APPROVE)),
    Interaction("ask about a message", posted, asks_about_a_message, (ABOUT, press(OPEN), FORM)),
    Interaction("a form from a message", posted, opens_a_form_from_a_message, (f"{OPENS}test write", FORM)),
    Interaction("start from anywhere", nothing, starts_from_anywhere, (START, press(OPEN), FORM)),
    Interaction("tick", under_way("task", "Done: Look at it"), ticks, (Verb.TICK,)),
    Interaction("replace", rivals, replaces, (Verb.REPLACE,)),
    Interaction("cancel what runs", under_way("wait", "Cancel"), cancels_what_runs, (Verb.CANCEL, WORD)),
    Interaction("keep what has ended", ended, keeps_what_has_ended, (Verb.STAR,)),
    Interaction("keep a form", nothing, keeps_a_form, (press(STAR), FORM)),
    Interaction("take a favourite", kept, takes_a_favourite_and_lets_it_go, (press(CHOSEN), press(UNSTAR), FORM)),
    Interaction("the same words, meant", ended, means_it, (press(ANEW),)),
    Interaction("mend a faulty line", nothing, mends_a_faulty_line, (press(FORM_BUTTON), FORM)),
    Interaction("decide in a digest", digested, decides_in_a_digest, (Verb.REVIEW, APPROVE_CALLBACK)),
    Interaction("see the whole", masked, sees_the_whole, (Verb.DETAILS, Verb.UNMASK)),
    Interaction("find by name", proposed, finds_it_by_its_name),
    Interaction("call who could", proposed, calls_who_could, (Verb.APPROVE, Verb.CALL_IN)),
    Interaction("call who may ask", nothing, calls_who_may_ask, (press(CALL), Verb.AGAIN, FORM)),
    Interaction("a plan as a file", nothing, asks_what_no_card_can_hold, (Verb.APPROVE,)),
)
