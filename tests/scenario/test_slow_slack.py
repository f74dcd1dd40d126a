"""A call that Slack is slow to answer holds up its own thread and no other; a place is kept for questions."""

from datetime import timedelta
from typing import Any

from bot.render.form import FORM
from bot.slack.message import OPENS
from bot.thread.poster import PLACES
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import doubted, proposed


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
