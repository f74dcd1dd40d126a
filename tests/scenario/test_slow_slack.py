"""A call that Slack is slow to answer holds up its own thread and no other; a place is kept for questions.

Where Slack wants less sent, questions go first.
"""

from datetime import timedelta
from typing import Any

from bot.render.form import FORM
from bot.slack.message import OPENS
from bot.thread.poster import PLACES
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import doubted, proposed, reply_saying


async def hang(bot: Bot, method: str, times: int) -> int:
    """The next calls of that method are never answered; the log's last number before them."""
    await bot.slack.fault(method, "hang", times=times)
    return max(one["number"] for one in await bot.slack.log())


async def called(bot: Bot, method: str, since: int, times: int) -> None:
    async def asked() -> bool:
        return len(await bot.slack.log(kind="api", name=method, since=since)) >= times

    await bot.slack.wait_for_log(asked)


async def question(bot: Bot, card: dict[str, Any]) -> str:
    return shown_text(await bot.told(card, "Look at what is there, then answer"))


async def test_a_question_is_told_while_another_threads_call_hangs(bot: Bot) -> None:
    await proposed(bot)
    run = int(await bot.home.pool.fetchval("SELECT max(id) FROM runs"))
    mark = await hang(bot, "chat.update", 1)
    await bot.factory.story.say("ben", run, "ask_back", text="why b2?", key="why b2?")
    bot.poster.wake()
    await called(bot, "chat.update", mark, 1)
    assert "It happened" in await question(bot, await doubted(bot))


async def test_a_question_is_told_where_everything_else_hangs(bot: Bot) -> None:
    card = await doubted(bot)
    await question(bot, card)
    mark = await hang(bot, "chat.postMessage", PLACES - 1)
    for n in range(PLACES + 1):
        await bot.factory.story.ask("ana", "test look", params={"name": f"page{n}"}, channel=bot.id("ops"))
    bot.factory.worker.wake()
    await called(bot, "chat.postMessage", mark, PLACES - 1)
    await bot.move_clock(timedelta(minutes=16))
    await bot.told(card, "It still waits for an answer")


DOUBT = """SELECT doubt_unheld(r, 'version', '["again", "stop"]') FROM runs r WHERE id = $1"""


async def posts(bot: Bot, since: int = 0) -> list[dict[str, Any]]:
    return [one for one in await bot.slack.log(kind="api", since=since) if one["name"] == "chat.postMessage"]


def of_run(post: dict[str, Any]) -> int:
    return int(post["request"].get("metadata", {}).get("event_payload", {}).get("run", 0))


async def test_a_question_goes_before_all_that_twenty_chatty_runs_tell(bot: Bot) -> None:
    """Slack takes one message a second in a channel, and each run has more to tell than that."""
    run = await bot.factory.ask("until", channel=bot.id("ops"))
    await bot.card("not yet")
    await bot.slack.limits(True)
    for n in range(20):
        await bot.factory.ask(f"chatty-{n}", channel=bot.id("ops"))
    bot.poster.wake()

    async def enough() -> bool:
        return [one["result"] for one in await posts(bot)].count("ratelimited") >= 12

    await bot.slack.wait_for_log(enough)
    await bot.home.own.execute(DOUBT, run)
    mark = (await bot.slack.log())[-1]
    bot.poster.wake()
    await bot.slack.wait_for(reply_saying(bot, "No worker runs the code"), what="the question")
    since = await posts(bot, mark["number"])
    mine = [n for n, one in enumerate(since) if of_run(one) == run]
    before = since[: mine[-1]]
    assert len([one for one in before if of_run(one) != run]) <= 1, "what was being told already"
    refused = [one for one in before if of_run(one) == run and one["result"] == "ratelimited"]
    assert since[mine[-1]]["at"] - mark["at"] < 3 + 1 * (1 + len(refused)), "three seconds and what Slack had it wait"


async def test_a_form_opens_from_a_message_though_slack_is_slow_to_say_where_that_stands(bot: Bot) -> None:
    said = await bot.slack.post("ana", "ops", "orders are 500ing")
    await bot.slack.fault("chat.getPermalink", "slow", seconds=1.0)
    assert (await bot.slack.shortcut("ana", f"{OPENS}test write", said)).ok
    form = await bot.slack.wait_for_view("ana", callback_id=FORM)
    assert "/archives/" not in reason(form), "nobody waits for a link"
    await bot.slack.cancel("ana", form)

    async def linked() -> bool:
        (call,) = await bot.slack.log(kind="api", name="chat.getPermalink")
        return bool(call["result"])

    await bot.slack.wait_for_log(linked)
    assert (await bot.slack.shortcut("ana", f"{OPENS}test write", said)).ok
    again = await bot.slack.wait_for_view("ana", callback_id=FORM)
    assert f"/archives/{said['channel']}/p{said['ts'].replace('.', '')}" in reason(again), "the link has come meanwhile"


def reason(form: dict[str, Any]) -> str:
    """What stands in the form's field for the reason."""
    fields = [block["element"] for block in form["blocks"] if block.get("block_id") == "reason"]
    return str(fields[0].get("initial_value", ""))
