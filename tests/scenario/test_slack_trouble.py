"""Slack misbehaves, the card is gone, deliveries repeat: the run ends truthfully, and nothing is lost or told twice."""

from collections import Counter
from datetime import timedelta

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from deploy.local.slack.client import shown_text
from tests.scenario.story import ALL_TOLD, LONG, TYPE_AGAIN, Run, Story, labels, until

BOTH = pytest.mark.parametrize("transport", ["http", "socket"])
OLD = "from an earlier version of the bot"


async def everything_once(run: Run) -> None:
    """One card in the channel, and in its thread no event is told twice or out of order."""
    assert len(await run.cards()) == 1
    card, bot = await run.card(), run.story.stage.slack.app()
    client = AsyncWebClient(token=bot.bot_token, base_url=run.story.stage.slack.api_url)
    found = await client.conversations_replies(channel=card["channel"], ts=card["ts"], include_all_metadata=True)
    marks = [one["metadata"]["event_payload"] for one in found["messages"][1:]]
    told = [seq for mark in marks for seq in range(mark["from_seq"], mark["to_seq"] + 1)]
    assert max(Counter(told).values()) == 1, marks
    assert told == sorted(told), marks
    for event in await run.events():
        if event["mark"] == "done":
            assert event["seq"] in told, (dict(event), marks)


@BOTH
@pytest.mark.parametrize("kind", ["drop", "server_error"])
async def test_while_slack_is_down_the_run_goes_on_and_the_thread_catches_up(story: Story, kind: str) -> None:
    before, ends = await story.orders(), list(story.stage.bot.ends)
    async with story.busy_shop():
        run = await story.restore(f"slack is down: {kind}")
        await run.press("ben", "Approve")
        await run.reaches("safety")
        await story.slack.fault("api:*", kind, times=-1)
    assert await run.settles() == "succeeded"
    assert await story.orders() <= before
    assert story.stage.bot.ends == ends
    assert "Done" not in shown_text((await run.cards())[-1]).splitlines()[0]
    await story.slack.clear_faults()
    await story.move_clock(timedelta(minutes=1))
    await run.ends()
    await run.shows("Done", "Swap back")
    assert "as it was" in await run.tells("as it was")
    await everything_once(run)


async def test_a_bot_that_starts_while_slack_is_away_goes_on_and_tells_it_later(story: Story) -> None:
    ends, starts = len(story.stage.bot.ends), story.stage.bot.starts
    async with story.busy_shop():
        run = await story.restore("killed while Slack is away")
        await run.press("ben", "Approve")
        await run.reaches("safety")
        await story.slack.fault("api:*", "bad_gateway", times=-1)
        await story.stage.bot.kill()
    assert await run.settles() == "succeeded"
    assert (len(story.stage.bot.ends) - ends, story.stage.bot.starts - starts) == (1, 1)
    async with aiohttp.request("GET", f"http://127.0.0.1:{story.stage.bot_port}/readyz") as answer:
        assert (answer.status, "Slack has not answered since the start" in await answer.text()) == (503, True)
    await story.slack.clear_faults()
    await run.shows("Done", "Swap back", seconds=LONG)
    await story.move_clock(timedelta(minutes=1))
    await run.ends()
    await everything_once(run)


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
async def test_a_message_that_arrived_though_its_answer_was_lost_is_not_sent_again(story: Story, method: str) -> None:
    await story.slack.fault(method, "lost")
    run = await story.asks("ana", f'/ops db slow-log shop lasting=5m reason="lost {method}"')
    await run.reaches("for")
    await run.tells("Started")
    assert len(await run.cards()) == 1
    await _let_go(run)
    await story.move_clock(timedelta(minutes=1))  # by then a double is looked for, and that doubt is over
    await _all_told(run)
    await story.slack.fault("chat.postMessage", "lost")
    await story.move_clock(timedelta(minutes=6))
    assert await run.settles() == "succeeded"
    await _let_go(run)
    await story.move_clock(timedelta(minutes=1))
    await run.ends()
    await everything_once(run)


async def _all_told(run: Run) -> None:
    """Until nothing is left to be said: a fault that is set now is met by what happens next."""

    async def told() -> bool:
        sql = (
            "SELECT t.told_seq = r.seq AND t.doubtful_at IS NULL FROM tandem.threads t "
            "JOIN tandem.runs r ON r.id = t.run WHERE r.id = $1"
        )
        return bool(await run.story.ledger.fetchval(sql, run.id))

    await until(told, f"end of what {run.tag}'s thread tells")


async def _let_go(run: Run) -> None:
    """Until all is told but a doubt, and no poster holds the thread, which would wait by the clock as it was."""

    async def free() -> bool:
        return bool(await run.story.ledger.fetchval(f"{ALL_TOLD} WHERE r.id = $1", run.id))

    await until(free, f"doubt about {run.tag}'s messages, and nothing else")


async def test_where_slack_asks_for_patience_it_gets_it_and_all_is_told(story: Story) -> None:
    await story.slack.fault("chat.postMessage", "ratelimited", times=2, seconds=1)
    await story.slack.fault("chat.update", "ratelimited", times=2, seconds=1)
    run = await story.asks("ana", '/ops db slow-log shop lasting=5m reason="too fast"')
    await run.reaches("for")
    await story.move_clock(timedelta(minutes=6))
    await run.ends()
    await run.tells("taken out again")
    await everything_once(run)


@BOTH
async def test_what_is_delivered_twice_is_done_once(story: Story) -> None:
    asked = await story.last()
    await story.slack.fault("delivery:slash_commands", "duplicate")
    run = await story.asks("ana", f"/ops db backup shop name=twice-{story.stage.transport} reason=twice")
    assert run.id == asked + 1
    await run.ends()
    assert await story.last() == run.id

    restore = await story.restore("approved twice")
    await story.slack.fault("delivery:interactive", "duplicate")
    await restore.press("ben", "Approve")
    await restore.ends()
    assert [event["kind"] for event in await restore.events()].count("approval") == 1
    await everything_once(restore)


async def test_a_form_whose_ack_was_lost_and_that_is_sent_again_asks_once(story: Story) -> None:
    asked = await story.last()
    await story.types("ana", '/ops db restore shop reason="the ack was lost"')
    form = await story.slack.wait_for_view("ana")
    await story.slack.fault("delivery:interactive", "lose_ack")
    lost = await story.slack.submit("ana", form, {TYPE_AGAIN: "shop"})
    assert not lost.ok
    assert (await story.slack.submit("ana", form, {TYPE_AGAIN: "shop"})).ok
    assert await story.last() == asked + 1


@pytest.mark.parametrize("replies", ["stay", "deleted too"])
async def test_a_deleted_card_is_drawn_anew_and_the_run_goes_on(story: Story, replies: str) -> None:
    run = await story.restore(f"the card is deleted, the replies {replies}")
    await run.tells("Ben Okafor")
    card = await run.card()
    if replies == "deleted too":
        for reply in (await story.slack.thread("ana", "incidents", card["ts"]))[1:]:
            await story.slack.delete_message("ana", "incidents", reply["ts"])
    await story.slack.delete_message("ana", "incidents", card["ts"])
    assert await run.cards() == []
    await _decide_at_home(story, run)

    async def anew() -> bool:
        seen = await story.slack.messages("cleo", "incidents")
        if replies == "stay":
            seen = await story.slack.thread("cleo", "incidents", card["ts"])
        return any("Restore shop" in shown_text(one) and "Swap back" in labels(one) for one in seen)

    await story.slack.wait_for(anew, seconds=LONG, what="card where the deleted one was")
    await run.ends()


async def test_what_cannot_be_told_in_an_archived_channel_is_told_in_the_fallback(story: Story) -> None:
    run = await story.restore("the channel is archived", channel="releases")
    assert await run.cards()
    await story.slack.archive_channel("releases")
    await _decide_at_home(story, run)
    run.channel = "incidents"
    await run.shows("the channel is archived", "Done", seconds=LONG)
    await run.ends()


async def _decide_at_home(story: Story, run: Run) -> None:
    """Ben approves from App Home, under the whole plan."""
    await story.slack.open_home("ben")
    home = await story.slack.wait_for_home("ben", text=run.tag)
    await story.slack.click("ben", home, f"run.review.{run.id}")
    plan = await story.slack.wait_for_view("ben")
    assert "Swap" in shown_text(plan)
    assert (await story.slack.submit("ben", plan)).ok


@pytest.mark.parametrize("value", ["v0:old", "7||fly|"])
async def test_a_button_of_an_old_deployment_is_answered_in_words(story: Story, value: str) -> None:
    bot = story.stage.slack.app()
    client = AsyncWebClient(token=bot.bot_token, base_url=story.stage.slack.api_url)
    for action in ("run.approve", "approve_restore"):
        press = {"type": "button", "action_id": action, "text": {"type": "plain_text", "text": "Go"}, "value": value}
        blocks = [{"type": "actions", "elements": [press]}]
        sent = await client.chat_postMessage(channel="C0INCIDENTS", text="an old card", blocks=blocks)
        await story.slack.click("ben", {"channel": "incidents", "ts": sent["ts"]}, "Go")
        await story.slack.wait_for_ephemeral("ben", "incidents", text=OLD)
