"""What is too long for a message goes up as a file, and no trouble with Slack loses it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.scenario.door import Bot
from tests.scenario.interactions import card_before_its_plan, reply_saying

STEPS = ("files.getUploadURLExternal", "files.completeUploadExternal")
KINDS = ("drop", "server_error")
FIRST, *OTHERS = [(one, kind) for one in STEPS for kind in KINDS]
TROUBLE = pytest.mark.parametrize(
    ("method", "kind"), [FIRST, *(pytest.param(*other, marks=pytest.mark.prove) for other in OTHERS)]
)


def file_named(bot: Bot, card: dict[str, Any], name: str) -> Callable[[], Awaitable[bool]]:
    """Whether a file with that in its name is in the card's thread; Slack shares it a moment after it was uploaded."""

    async def look() -> bool:
        thread = await bot.slack.thread("ben", "ops", card["ts"])
        return any(name in file["name"] for message in thread for file in message.get("files", []))

    return look


@TROUBLE
async def test_a_plan_that_no_card_holds_counts_as_shown_with_its_file(bot: Bot, method: str, kind: str) -> None:
    await bot.slack.fault(method, kind)
    await bot.slack.command("ana", "ops", '/test write big-many reason="drill"')
    card = await bot.card("Waiting for approval")
    await bot.slack.wait_for(reply_saying(bot, "1 approval needed"), what="reply with what is needed")
    print_of_plan = await bot.home.pool.fetchval("SELECT fingerprint FROM shown")
    await bot.slack.wait_for(file_named(bot, card, print_of_plan[:12]), what="file of the plan")


async def test_a_plan_that_is_made_after_its_card_was_sent_goes_up_too(bot: Bot) -> None:
    card, planning = await card_before_its_plan(bot, '/test write big-many reason="drill"')
    planning.set()
    await bot.slack.wait_for(reply_saying(bot, "1 approval needed"), what="reply with what is needed")
    assert await bot.home.pool.fetchval("SELECT count(*) FROM shown JOIN runs ON id = run WHERE requester = 'ben'") == 1
    await bot.slack.wait_for(file_named(bot, card, "plan-"), what="file of the plan")


@TROUBLE
async def test_a_long_answers_file_is_there_with_its_reply(bot: Bot, method: str, kind: str) -> None:
    for number in range(60):
        bot.factory.folder.put(f"page{number}", "x")
    await bot.slack.fault(method, kind)
    await bot.slack.command("ana", "ops", '/test write listing reason="drill"')
    card = await bot.card("listing went through")
    await bot.slack.wait_for(file_named(bot, card, "r1.txt"), what="file of the answer")


async def test_a_card_whose_answer_was_lost_shows_how_things_stand_once_it_is_found(bot: Bot) -> None:
    await bot.slack.fault("chat.postMessage", "lost")
    await bot.slack.command("ana", "ops", "/test write plain --look")
    await bot.slack.wait_for_message("ana", "@tandem", text="Only a look")
