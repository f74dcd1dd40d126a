"""Many requests that wait for one person are one direct message, edited as they are decided: nobody has ten calls."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.store.digests import Digests
from bot.thread.digest import ANEW, Digester
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
    assert "May approve: Ben (on call) or Cleo" in shown_text(third), "the thread names them all the same"
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
    await bot.home.own.execute("UPDATE calls SET called_by = NULL WHERE slack_user = $1", account("cleo"))
    again = "UPDATE digests SET posted_at = posted_at - interval '1 h', due = clock() WHERE slack_user = $1"
    await bot.home.own.execute(again, account("cleo"))
    bot.poster.wake()

    async def anew() -> bool:
        found = await bot.slack.messages("cleo", "@bot")
        return len(found) == 1 and found[0]["ts"] != digest["ts"]

    await bot.slack.wait_for(anew, what="one digest, and a new one")
    await until(lambda: _kept(bot), "digest that is kept")


@pytest.mark.parametrize("code", ["user_disabled", pytest.param("missing_scope", marks=pytest.mark.prove)])
async def test_who_takes_no_message_is_called_in_the_threads_after_all(bot: Bot, code: str) -> None:
    await bot.slack.fault("conversations.open", "error", times=-1, code=code)
    first, second, third = await asks(bot, "b1", "b2", "b3")
    assert [calls(reply, "cleo") for reply in (first, second, third)] == [True, True, False]
    card = await bot.card("Put b3 over shop")
    for name in ("Ben", "Cleo"):
        after_all = await bot.told(card, f"Slack takes no direct message for {name}")
        assert calls(after_all, name.lower())
        assert "Stands until" in shown_text(after_all)
    for earlier in ("b1", "b2"):
        thread = await bot.slack.thread("ben", "ops", (await bot.card(f"Put {earlier} over shop"))["ts"])
        assert "takes no direct message" not in str(thread), "they were called there before"
    later = await asks(bot, "b4", "b5", "b6", "b7")
    assert [calls(reply, "cleo") for reply in later] == [True] * 4, "nobody is joined whom nothing reaches"


async def test_who_takes_no_message_any_more_keeps_no_list_that_nobody_edits(bot: Bot) -> None:
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    await direct(bot, "cleo", "3 requests wait")
    await asks(bot, "b4")
    await direct(bot, "cleo", "4 requests wait")
    await direct(bot, "ben", "4 requests wait")
    await bot.slack.fault("chat.postMessage", "error", times=2, code="messages_tab_disabled")
    await bot.move_clock(ANEW)
    after_all = await bot.told(await bot.card("Put b4 over shop"), "Slack takes no direct message for Cleo")
    assert calls(after_all, "cleo")
    assert await messages(bot, "cleo") == []
    thread = await bot.slack.thread("ben", "ops", (await bot.card("Put b3 over shop"))["ts"])
    assert "takes no direct message" not in str(thread), "the list called them for that"


async def test_a_day_later_a_digest_is_tried_again(bot: Bot) -> None:
    await bot.slack.open_home("cleo", tab="messages")
    await bot.slack.fault("conversations.open", "error", times=2, code="user_disabled")
    await asks(bot, "b1", "b2", "b3")
    for name in ("Ben", "Cleo"):
        await bot.told(await bot.card("Put b3 over shop"), f"Slack takes no direct message for {name}")
    await bot.move_clock(timedelta(days=1, minutes=1))
    await asks(bot, "b4", "b5", "b6")
    await direct(bot, "cleo", "3 requests wait")


async def test_a_request_that_joins_soon_is_shown_at_once_and_calls_by_a_new_message_a_minute_later(bot: Bot) -> None:
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    digest = await direct(bot, "cleo", "3 requests wait")
    await asks(bot, "b4", "b5")
    assert (await direct(bot, "cleo", "5 requests wait"))["ts"] == digest["ts"], "an edit calls nobody"
    await bot.move_clock(ANEW)

    async def anew() -> str:
        (held,) = (await bot.slack.messages("cleo", "@bot"))[-1:]
        return str(held["ts"]) if held["ts"] != digest["ts"] and await _only(bot, "cleo") else ""

    called = await bot.slack.wait_for(anew, what="a new message in the place of the old")
    await bot.move_clock(2 * ANEW)
    await until(lambda: _resting(bot), "digests of which nothing is due")
    left = await direct(bot, "cleo", "5 requests wait")
    assert left["ts"] == called, "two joined, and are called for once"


async def test_what_joined_and_was_decided_before_its_call_calls_nobody(bot: Bot) -> None:
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    digest = await direct(bot, "cleo", "3 requests wait")
    await asks(bot, "b4")
    await direct(bot, "cleo", "4 requests wait")
    await bot.slack.click("ben", await bot.card("Put b4 over shop"), "Deny")
    await bot.slack.submit("ben", None, {"text": "not today"})
    await direct(bot, "cleo", "3 requests wait")
    await bot.move_clock(2 * ANEW)
    await until(lambda: _resting(bot), "digests of which nothing is due")
    assert (await direct(bot, "cleo", "3 requests wait"))["ts"] == digest["ts"]


async def _resting(bot: Bot) -> bool:
    sql = "SELECT bool_and(due = 'infinity' AND held_until = '-infinity' AND doubtful_at IS NULL) FROM digests"
    return bool(await bot.home.pool.fetchval(sql))


async def killed(bot: Bot) -> None:
    """As of a bot that dies between the answer to a digest's message and the ledger: another holds it for a while."""
    await until(lambda: _resting(bot), "digests of which nothing is due")
    await bot.home.own.execute(
        "UPDATE digests SET ts = NULL, trying = true, due = clock(), held_until = clock_timestamp() + interval '1 h' "
        "WHERE slack_user = $1",
        account("cleo"),
    )


async def starts_again(bot: Bot) -> None:
    await bot.home.own.execute("UPDATE digests SET held_until = clock_timestamp() WHERE held_until > clock_timestamp()")
    bot.poster.wake()


async def test_a_digest_that_was_sent_before_a_kill_shows_that_all_was_decided_meanwhile(bot: Bot) -> None:
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    digest = await direct(bot, "cleo", "3 requests wait")
    await killed(bot)
    await bot.move_clock(timedelta(minutes=31))
    await direct(bot, "ben", "Nothing waits for you any more")
    assert "3 requests wait" in (await messages(bot, "cleo"))[0]
    await starts_again(bot)
    over = await direct(bot, "cleo", "Nothing waits for you any more")
    assert over["ts"] == digest["ts"]
    assert len(await messages(bot, "cleo")) == 1


@pytest.mark.parametrize("closed", [False, True])
async def test_a_double_of_a_digest_that_comes_late_is_taken_away(bot: Bot, closed: bool) -> None:
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    digest = await direct(bot, "cleo", "3 requests wait")
    history = await bot.client.conversations_history(channel=digest["channel"], include_all_metadata=True)
    (first,) = history["messages"]
    if closed:
        await bot.move_clock(timedelta(minutes=31))
        await direct(bot, "cleo", "Nothing waits for you any more")
    await bot.client.chat_postMessage(
        channel=digest["channel"], text=first["text"], blocks=first["blocks"], metadata=first["metadata"]
    )
    await bot.home.own.execute("UPDATE digests SET doubtful_at = clock() - interval '30 s'")
    bot.poster.wake()
    await bot.slack.wait_for(lambda: _only(bot, "cleo"), what="one digest")
    left = await direct(bot, "cleo", "Nothing waits for you" if closed else "3 requests wait")
    assert left["ts"] == digest["ts"]
    await until(lambda: _resting(bot), "digests of which nothing is due")


async def test_a_new_digest_is_not_taken_for_one_of_before(bot: Bot) -> None:
    """Where its sending was not kept: the older one stands there closed, and edits call nobody."""
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    await bot.move_clock(timedelta(minutes=31))
    over = await direct(bot, "cleo", "Nothing waits for you any more")
    await asks(bot, "b4", "b5", "b6")
    anew = await direct(bot, "cleo", "3 requests wait")
    assert anew["ts"] != over["ts"]
    await killed(bot)
    await starts_again(bot)
    await until(lambda: _kept(bot), "digest that is found")
    await bot.move_clock(timedelta(seconds=21))  # by then a double would be there
    await until(lambda: _resting(bot), "digests of which nothing is due")
    assert (await direct(bot, "cleo", "3 requests wait"))["ts"] == anew["ts"]
    assert "Nothing waits for you any more" in (await messages(bot, "cleo"))[0]


async def test_a_digest_that_slack_takes_slowly_holds_up_no_other(bot: Bot) -> None:
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    digest = await direct(bot, "cleo", "3 requests wait")
    await direct(bot, "ben", "3 requests wait")
    mark = max(one["number"] for one in await bot.slack.log())
    await bot.slack.fault("conversations.history", "hang")
    await bot.home.own.execute("UPDATE digests SET trying = true, due = clock() WHERE slack_user = $1", account("cleo"))
    bot.poster.wake()

    async def asked() -> bool:
        return bool(await bot.slack.log(kind="api", name="conversations.history", since=mark))

    await bot.slack.wait_for_log(asked)
    await asks(bot, "b4")
    await direct(bot, "ben", "4 requests wait")
    assert (await direct(bot, "cleo", "3 requests wait"))["ts"] == digest["ts"]


async def test_a_digest_that_takes_longer_than_a_hold_is_one_posters(bot: Bot) -> None:
    short = timedelta(seconds=1)
    mine = bot.poster.digester
    assert mine is not None
    mine.hold = short
    other = Digester(Digests(bot.home.pool, apart=timedelta(0)), bot.client, hold=short)
    beside = asyncio.create_task(other.run(lambda: bot.poster.bot_id))
    try:
        await bot.slack.open_home("cleo", tab="messages")
        await bot.slack.fault("conversations.open", "slow", times=2, seconds=1.3)
        await asks(bot, "b1", "b2", "b3")
        for person in ("ben", "cleo"):
            await direct(bot, person, "3 requests wait")
        await until(lambda: _resting(bot), "digests of which nothing is due")
        assert len(await bot.slack.log(kind="api", name="conversations.open")) == 2
        assert len(await messages(bot, "cleo")) == 1
    finally:
        beside.cancel()
        await asyncio.gather(beside, return_exceptions=True)


async def test_a_digest_that_somebody_deleted_is_written_anew(bot: Bot) -> None:
    await bot.slack.open_home("cleo", tab="messages")
    await asks(bot, "b1", "b2", "b3")
    digest = await direct(bot, "cleo", "3 requests wait")
    await bot.client.chat_delete(channel=digest["channel"], ts=digest["ts"])
    await asks(bot, "b4")
    assert (await direct(bot, "cleo", "4 requests wait"))["ts"] != digest["ts"]
