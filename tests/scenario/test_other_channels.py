"""The channels that a plan tells: its start, its way back and its end, each once, and nothing of what is between."""

from typing import Any

from bot import render
from bot.model import State
from bot.render.replies import REFUSES
from tests.scenario.door import Bot


async def ended(bot: Bot) -> int:
    await bot.slack.command("ana", "ops", '/test write telling reason="a release"')
    run = int(await bot.home.pool.fetchval("SELECT max(id) FROM runs"))
    row = await bot.factory.end(run)
    for _ in range(1000):
        if await bot.home.pool.fetchval("SELECT told_seq = $2 FROM threads WHERE run = $1", run, row.seq):
            return run
        bot.poster.wake()
        await bot.factory.until(run, lambda row: True)
    raise AssertionError("the end was not told")


async def told(bot: Bot, channel: str) -> list[str]:
    """What stands in a channel itself, not in its threads, of what is no card; oldest first."""
    found: Any = await bot.client.conversations_history(channel=bot.id(channel), include_all_metadata=True)
    kinds = [(m["metadata"]["event_payload"]["kind"], m["text"]) for m in found["messages"] if "metadata" in m]
    return [text for kind, text in reversed(kinds) if kind == "elsewhere"]


async def untold(bot: Bot, run: int) -> list[str]:
    """What the run's thread says of channels that take no messages."""
    channel, root = await bot.home.pool.fetchrow("SELECT channel, root_ts FROM threads WHERE run = $1", run)
    found: Any = await bot.client.conversations_replies(channel=channel, ts=root, include_all_metadata=True)
    kinds = [(m["metadata"]["event_payload"]["kind"], m["text"]) for m in found["messages"] if "metadata" in m]
    return [text for kind, text in kinds if kind.startswith("untold:")]


async def sent_but_not_kept(bot: Bot, run: int, trouble: str, kinds: str, count: int) -> None:
    """A crash came between Slack's answer and the ledger; the thread is told anew, until so many messages are kept."""
    await bot.home.own.execute("DELETE FROM messages WHERE run = $1 AND kind LIKE $2", run, kinds)
    sql = "UPDATE threads SET told_seq = 0, trouble = $2, due = clock() WHERE run = $1"
    await bot.home.own.execute(sql, run, trouble)
    bot.poster.wake()

    async def kept() -> bool:
        sql = "SELECT count(*) FROM messages WHERE run = $1 AND kind LIKE $2"
        return bool(await bot.home.pool.fetchval(sql, run, kinds) == count)

    await bot.slack.wait_for(kept, what=f"{count} messages that are kept")


async def test_its_start_and_its_end_are_told_and_a_channel_that_is_gone_holds_up_nothing(bot: Bot) -> None:
    run = await ended(bot)
    assert (await bot.factory.story.row(run)).state is State.SUCCEEDED
    start, end = await told(bot, "releases")
    assert start.startswith(f"r{run} test write: ")
    assert "telling went through" in end
    assert await told(bot, "ops") == [], "it is told there already, in its thread"
    [said] = await untold(bot, run)
    assert said.startswith(f"r{run}: #gone is not told of this run: Slack does not show it to the bot.")


async def test_a_channel_that_takes_no_messages_is_told_of_in_the_thread_once_and_the_card_claims_nothing(
    bot: Bot,
) -> None:
    await bot.slack.archive_channel("releases")
    run = await ended(bot)
    assert await told(bot, "releases") == []
    said = await untold(bot, run)
    assert [line.split(": ", 1)[1] for line in said] == [
        f"#{key} is not told of this run: {REFUSES[word]}"
        for key, word in (("gone", "channel_not_found"), ("releases", "is_archived"))
    ]
    view = await bot.factory.view(run)
    assert view.untold == ("gone", "releases")
    before = view.model_copy(update={"state": State.RUNNING, "ended_at": None, "answer": None})
    card = str(render.card(before).blocks)
    assert "Also told in #ops." in card
    assert "Not told in #gone and #releases: the thread says why." in card


async def test_that_it_was_not_told_is_found_after_a_crash_and_not_said_again(bot: Bot) -> None:
    run = await ended(bot)
    before = await untold(bot, run)
    await sent_but_not_kept(bot, run, "untold:gone", "untold:%", len(before))
    assert await untold(bot, run) == before


async def test_a_channel_that_config_does_not_name_is_no_plan(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", '/test write strange-channel reason="a release"')
    run = int(await bot.home.pool.fetchval("SELECT max(id) FROM runs"))
    assert (await bot.factory.end(run)).state is State.FAILED
    card = await bot.slack.wait_for_message("ana", "ops", text="/test write")
    why = "it would tell #relaeses, a channel that tandem.toml does not name; write releases in the operation, or add "
    assert await bot.slack.wait_for_message("ana", "ops", text=f"{why}relaeses below", thread_ts=card["ts"])
    assert bot.factory.folder.lines() == []


async def test_its_way_back_is_told(bot: Bot) -> None:
    bot.factory.folder.put("order.b", "permanent")
    run = await ended(bot)
    assert (await bot.factory.story.row(run)).state is State.UNDONE
    assert len(await told(bot, "releases")) == 3


async def test_a_message_that_was_sent_before_a_crash_is_found_and_not_sent_again(bot: Bot) -> None:
    run = await ended(bot)
    before = await told(bot, "releases")
    await sent_but_not_kept(bot, run, "elsewhere", "elsewhere", len(before))
    assert await told(bot, "releases") == before


async def threads(bot: Bot, run: int) -> list[str]:
    """What other runs said in this one's thread."""
    channel, root = await bot.home.pool.fetchrow("SELECT channel, root_ts FROM threads WHERE run = $1", run)
    found: Any = await bot.client.conversations_replies(channel=channel, ts=root, include_all_metadata=True)
    said = [m for m in found["messages"] if m.get("metadata", {}).get("event_payload", {}).get("kind") == "beside"]
    return [str(m["text"]) for m in said]


async def begun_in(bot: Bot, run: int) -> int:
    """Another run, begun in this one's thread, to its end."""
    asked = await bot.factory.story.ask("ana", "test write", params={"script": "plain"}, risk=1, about=run)
    row = await bot.factory.end(int(asked["run"]))
    await settled(bot, row.id, row.seq)
    return row.id


async def settled(bot: Bot, run: int, seq: int) -> None:
    for _ in range(1000):  # nothing that happens in Slack says so
        bot.poster.wake()
        if await bot.home.pool.fetchval("SELECT told_seq >= $2 FROM threads WHERE run = $1", run, seq):
            return
        await bot.factory.until(run, lambda row: True)
    raise AssertionError("the end was not told")


async def test_a_thread_in_which_a_run_was_begun_is_told_once_also_after_a_crash(bot: Bot) -> None:
    first = await ended(bot)
    run = await begun_in(bot, first)
    said = await threads(bot, first)
    assert [line.split(": ", 1)[0] for line in said] == [f"r{run} test write"] * 2, "its start and its end"
    kept = "SELECT count(*) FROM messages WHERE run = $1 AND kind = 'beside'"
    await sent_but_not_kept(bot, run, "beside", "beside", await bot.home.pool.fetchval(kept, run))
    assert await threads(bot, first) == said
    assert await untold(bot, run) == []


async def test_a_thread_that_is_gone_is_told_of_in_the_runs_own_and_holds_up_nothing(bot: Bot) -> None:
    first = await ended(bot)
    channel, root = await bot.home.pool.fetchrow("SELECT channel, root_ts FROM threads WHERE run = $1", first)
    for message in reversed(await bot.slack.thread("ana", "ops", root)):
        await bot.client.chat_delete(channel=channel, ts=message["ts"])
    run = await begun_in(bot, first)
    [said] = await untold(bot, run)
    assert said == f"r{run}: The thread of r{first} is not told of this run: its first message was deleted."


async def test_no_link_is_no_reason_to_tell_nothing(bot: Bot) -> None:
    first = await ended(bot)
    await bot.slack.fault("chat.getPermalink", "error", code="message_not_found", times=-1)
    await begun_in(bot, first)
    assert len(await threads(bot, first)) == 2
