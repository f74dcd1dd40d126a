"""Numbers with a shape go up as a picture beside what tells them; without it the words stand alone."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import card_before_its_plan, reply_saying
from tests.scenario.story import until


async def pictures(bot: Bot, card: dict[str, Any]) -> list[dict[str, Any]]:
    """What stands in the card's thread as a picture."""
    thread = await bot.slack.thread("ben", "ops", card["ts"])
    files = [file for message in thread for file in message.get("files", [])]
    return [file for file in files if file["mimetype"] == "image/png"]


async def picture(bot: Bot, card: dict[str, Any]) -> dict[str, Any]:
    async def there() -> dict[str, Any] | None:
        return next(iter(await pictures(bot, card)), None)

    return await bot.slack.wait_for(there, what="picture")


async def level(bot: Bot, said: str) -> dict[str, Any]:
    await bot.slack.command("ana", "ops", "/test level")
    return await bot.card(said)


async def test_a_look_shows_what_earlier_looks_saw_as_a_picture_in_its_thread(bot: Bot) -> None:
    for held, minutes in ((0, 70), (1, 20), (2, 20)):  # of an hour at most
        await level(bot, f"{held} lines, {max(0, held - 1)} looks before")
        await bot.move_clock(timedelta(minutes=minutes))
        bot.factory.folder.log("one more")
    card = await level(bot, "3 lines, 2 looks before")
    assert "lowest 1, highest 3, last 3 lines" in shown_text(card)
    file = await picture(bot, card)
    assert (file["name"], file["title"]) == ("r4.png", "Lines of the notebook")
    assert "highest 3 lines at " in file["alt_txt"]


async def test_the_end_of_a_run_brings_its_picture(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", '/test write listing reason="drill"')
    card = await bot.card("listing went through")
    assert (await picture(bot, card))["title"] == "Squares"


async def test_an_answer_that_came_late_has_its_picture_too(bot: Bot) -> None:
    """A read that takes long has a card that waits; the picture comes once that card becomes the answer."""
    await level(bot, "0 looks before")
    await bot.move_clock(timedelta(minutes=1))
    card, planning = await card_before_its_plan(bot, "/test level")
    planning.set()
    assert (await picture(bot, card))["name"] == "r3.png"
    assert "1 looks before" in shown_text(await bot.card("Ben asked"))


@pytest.mark.parametrize("kind", ["error", "server_error", "drop"])
async def test_where_slack_takes_no_picture_the_words_stand_alone(bot: Bot, kind: str) -> None:
    await bot.slack.fault("files.getUploadURLExternal", kind, times=-1)
    await bot.slack.command("ana", "ops", '/test write listing reason="drill"')
    card = await bot.card("listing went through")
    reply = reply_saying(bot, "listing went through")
    said = shown_text(await bot.slack.wait_for(reply, what="reply with the end"))
    assert "lowest 0, highest 16, last 16 squares" in said
    assert await bot.slack.log(kind="api", name="files.getUploadURLExternal")
    assert await pictures(bot, card) == []


async def test_a_reply_that_is_sent_again_brings_its_picture_once(bot: Bot) -> None:
    """Also where the bot dies between the two: what it did then is what it finds here."""
    telling = asyncio.Event()

    async def turn() -> None:
        await telling.wait()

    await bot.slack.command("ana", "ops", "/test look")
    await bot.card("a says")
    bot.poster.turn = turn
    await bot.slack.command("ana", "ops", '/test write listing reason="drill"')
    await bot.factory.end(int(await bot.home.pool.fetchval("SELECT max(id) FROM runs")))
    mark = max(one["number"] for one in await bot.slack.log())
    await bot.slack.fault("chat.postMessage", "slow", times=2, seconds=0.0)  # the card, and what came before the end
    await bot.slack.fault("chat.postMessage", "server_error")
    telling.set()
    card = await bot.card("listing went through")
    await bot.slack.wait_for(reply_saying(bot, "last 16 squares"), what="reply with the end")
    post, upload = "chat.postMessage", "files.getUploadURLExternal"
    asked = [one["name"] for one in await bot.slack.log(kind="api", since=mark) if one["name"] in (post, upload)]
    assert asked == [post, post, upload, post, post], "the reply was sent again and its picture was not"
    assert len(await pictures(bot, card)) == 1


async def test_an_answer_whose_card_was_drawn_and_not_kept_brings_its_picture_once(bot: Bot) -> None:
    await level(bot, "0 looks before")
    await bot.move_clock(timedelta(minutes=1))
    card, planning = await card_before_its_plan(bot, "/test level")
    planning.set()
    await picture(bot, card)
    mark = max(one["number"] for one in await bot.slack.log())
    kept = "UPDATE threads SET trouble = 'card', card_seq = 1, due = clock() WHERE card_ts = $1"
    await bot.home.own.execute(kept, card["ts"])
    bot.poster.wake()

    async def told() -> bool:
        return bool(await bot.home.pool.fetchval("SELECT trouble IS NULL FROM threads WHERE card_ts = $1", card["ts"]))

    await until(told, "card that is kept")
    assert await bot.slack.log(kind="api", name="chat.update", since=mark)
    assert not await bot.slack.log(kind="api", name="files.getUploadURLExternal", since=mark)
