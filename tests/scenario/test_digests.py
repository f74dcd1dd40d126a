"""Many requests that wait for one person are one direct message, edited as they are decided: nobody has ten calls."""

from datetime import timedelta
from typing import Any

import pytest

from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import called
from tests.scenario.story import until
from tests.support.company import account

BOTH = pytest.mark.parametrize("transport", ["http", "socket"])
WAIT_FOR_YOU = "wait for you"


async def asks(bot: Bot, *backups: str) -> list[dict[str, Any]]:
    """Ana's requests; the replies that call whoever may approve."""
    return [(await called(bot, backup=backup))[1] for backup in backups]


async def direct(bot: Bot, person: str, text: str = WAIT_FOR_YOU) -> dict[str, Any]:
    found: dict[str, Any] = await bot.slack.wait_for_message(person, "@bot", text=text)
    return found


async def messages(bot: Bot, person: str) -> list[str]:
    return [shown_text(one) for one in await bot.slack.messages(person, "@bot")]


def calls(reply: dict[str, Any], person: str) -> bool:
    return account(person) in str(reply["blocks"])


@BOTH
async def test_the_third_request_calls_by_one_message_which_is_edited_as_they_are_decided(bot: Bot) -> None:
    for person in ("ben", "cleo"):
        await bot.slack.open_home(person, tab="messages")
    first, second, third = await asks(bot, "b1", "b2", "b3")
    assert [calls(reply, "cleo") for reply in (first, second, third)] == [True, True, False]
    assert "May approve: Ben or Cleo" in shown_text(third), "the thread names them all the same"
    digest = await direct(bot, "cleo", "3 requests wait for you")
    for tag in ("r1", "r2", "r3"):
        assert f"{tag} · test destroy · shop" in shown_text(digest)
    assert len(await messages(bot, "cleo")) == 1
    await direct(bot, "ben", "3 requests wait for you")
    assert len(await messages(bot, "ben")) == 3, "two pages of whoever is on call, and the digest"

    await bot.slack.click("cleo", digest, "Look and decide")
    modal = await bot.slack.wait_for_view("cleo", callback_id="run.review")
    await bot.slack.submit("cleo", modal, {})
    left = await direct(bot, "cleo", "2 requests wait for you")
    assert left["ts"] == digest["ts"]
    await bot.card("✅ Done · test destroy")
    assert "r1 test destroy shop: done" in shown_text(await direct(bot, "cleo", "r1 test destroy shop: done"))
    for backup in ("b2", "b3"):
        await bot.slack.click("ben", await bot.card(f"Put {backup} over shop"), "Deny")
        await bot.slack.submit("ben", None, {"text": "not today"})
    over = await direct(bot, "cleo", "Nothing waits for you any more")
    assert over["ts"] == digest["ts"]
    await direct(bot, "ben", "Nothing waits for you any more")
    (fourth,) = await asks(bot, "b4")
    assert calls(fourth, "cleo"), "one alone is no digest"
    assert len(await messages(bot, "cleo")) == 1


async def test_what_comes_much_later_comes_by_a_new_message_in_the_place_of_the_old(bot: Bot) -> None:
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    digest = await direct(bot, "cleo", "3 requests wait")
    (soon,) = await asks(bot, "b4")
    assert (await direct(bot, "cleo", "4 requests wait"))["ts"] == digest["ts"]
    await bot.move_clock(timedelta(minutes=11))
    (late,) = await asks(bot, "b5")
    anew = await direct(bot, "cleo", "5 requests wait")
    assert not calls(soon, "cleo")
    assert not calls(late, "cleo")
    assert anew["ts"] != digest["ts"]
    await bot.slack.wait_for(lambda: _only(bot, "cleo"), what="the old digest to go")


async def _only(bot: Bot, person: str) -> bool:
    return len(await messages(bot, person)) == 1


async def test_reminders_and_warnings_are_joined_as_well(bot: Bot) -> None:
    remind = [{"after": "300 s", "whom": "lead"}]
    await bot.home.own.execute("UPDATE policy SET remind = $1 WHERE command = 'test destroy'", remind)
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    digest = await direct(bot, "cleo", "3 requests wait")
    for minutes, said in ((6, "Nobody has decided for"), (15, "about to lapse")):
        await bot.move_clock(timedelta(minutes=minutes))
        reply = await bot.told(await bot.card("Put b1 over shop"), said)
        assert not calls(reply, "cleo")
    anew = await direct(bot, "cleo", "3 requests wait")
    await bot.slack.wait_for(lambda: _only(bot, "cleo"), what="the old digest to go")
    assert digest["ts"] <= anew["ts"]


async def test_a_request_of_many_that_lapses_leaves_the_digest_and_nobody_said_yes(bot: Bot) -> None:
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    await direct(bot, "cleo", "3 requests wait")
    await bot.move_clock(timedelta(minutes=31))
    over = await direct(bot, "cleo", "Nothing waits for you any more")
    assert "nobody answered in time" in shown_text(over)
    assert await bot.home.pool.fetchval("SELECT count(*) FROM approvals") == 0


async def test_a_digest_whose_sending_was_not_kept_is_found_again_and_not_sent_twice(bot: Bot) -> None:
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    digest = await direct(bot, "cleo", "3 requests wait")
    await bot.home.own.execute("UPDATE digests SET ts = NULL, trying = true, due = clock()")
    bot.poster.wake()
    await until(lambda: _kept(bot), "digest that is found")
    assert (await direct(bot, "cleo"))["ts"] == digest["ts"]
    assert len(await messages(bot, "cleo")) == 1


async def _kept(bot: Bot) -> bool:
    return bool(await bot.home.pool.fetchval("SELECT bool_and(ts IS NOT NULL AND NOT trying) FROM digests"))


@pytest.mark.parametrize("kind", ["lost", "drop", "ratelimited", "server_error"])
async def test_a_new_message_that_slack_has_trouble_with_is_there_once(bot: Bot, kind: str) -> None:
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    digest = await direct(bot, "cleo", "3 requests wait")
    await direct(bot, "ben", "3 requests wait")
    await bot.slack.fault("chat.postMessage", kind)
    again = (
        "UPDATE digests SET news = true, posted_at = posted_at - interval '1 h', due = clock() WHERE slack_user = $1"
    )
    await bot.home.own.execute(again, account("cleo"))
    bot.poster.wake()

    async def anew() -> bool:
        found = await bot.slack.messages("cleo", "@bot")
        return len(found) == 1 and found[0]["ts"] != digest["ts"]

    await bot.slack.wait_for(anew, what="one digest, and a new one")
    assert await bot.home.pool.fetchval("SELECT bool_or(trying) FROM digests") is False


async def test_who_takes_no_message_is_called_in_the_threads_as_before(bot: Bot) -> None:
    await bot.slack.fault("conversations.open", "error", times=-1, code="user_disabled")
    first, second, third = await asks(bot, "b1", "b2", "b3")
    assert [calls(reply, "cleo") for reply in (first, second, third)] == [True, True, False]
    await until(lambda: _no_digest(bot), "end of the digest")
    (fourth,) = await asks(bot, "b4")
    assert calls(fourth, "cleo")


async def _no_digest(bot: Bot) -> bool:
    return not await bot.home.pool.fetchval("SELECT count(*) FROM digests")


async def test_a_digest_that_somebody_deleted_is_written_anew(bot: Bot) -> None:
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    digest = await direct(bot, "cleo", "3 requests wait")
    await bot.client.chat_delete(channel=digest["channel"], ts=digest["ts"])
    await asks(bot, "b4")
    assert (await direct(bot, "cleo", "4 requests wait"))["ts"] != digest["ts"]
