"""The line below a form, that would do the same: it follows every change, and what is typed stays."""

import asyncio
from copy import deepcopy
from typing import Any

import pytest

from bot.render.outcome import DEAD_END
from bot.slack import drafts
from bot.slack.lines import Lines
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot

BOTH = pytest.mark.parametrize("transport", ["http", "socket"])
CONFIRM = {"_confirm": "shop"}


async def opened(bot: Bot, line: str) -> dict[str, Any]:
    await bot.slack.command("ana", "ops", line)
    return await bot.slack.wait_for_view("ana", callback_id="door.form")


def below(form: dict[str, Any]) -> str:
    """What stands below the fields."""
    return shown_text({"blocks": [block for block in form["blocks"] if block["block_id"] == "_line"]})


async def says(bot: Bot, words: str) -> dict[str, Any]:
    async def there() -> dict[str, Any] | None:
        form = await bot.slack.view("ana")
        return form if form and words in below(form) else None

    return await bot.slack.wait_for(there, what=words)


@BOTH
async def test_it_follows_each_field_and_asks_the_same_when_typed(bot: Bot) -> None:
    form = await opened(bot, "/test write")
    assert below(form) == 'The same as a typed line, so far:\n/test write <script> reason="…"'
    await bot.slack.choose("ana", form, "value", "plain", block_id="script")
    await says(bot, '/test write plain reason="…"')
    await bot.slack.choose("ana", form, "value", 'a "quoted" drill', block_id="reason")
    form = await says(bot, 'The same as a typed line:\n/test write plain reason="a \\"quoted\\" drill"')
    assert form["state"]["values"]["script"]["value"]["value"] == "plain"
    await bot.slack.choose("ana", form, "value", ["look"], block_id="_look")
    await says(bot, " --look")
    await bot.slack.cancel("ana", everything=True)
    await bot.slack.command("ana", "ops", below(form).splitlines()[1])
    card = await bot.card("script=plain")
    assert 'a "quoted" drill' in shown_text(card)


async def test_a_line_that_only_opens_the_form_says_so_and_shows_neither_a_secret_nor_a_false_value(bot: Bot) -> None:
    form = await opened(bot, "/test destroy shop")
    await bot.slack.choose("ana", form, "value", "token=abcdefgh12345678", block_id="reason")
    await says(bot, '/test destroy shop reason="…"')
    await bot.slack.choose("ana", form, "value", "drill", block_id="reason")
    form = await says(bot, "This line, typed, opens this form filled in:\n/test destroy shop reason=drill")
    assert "abcdefgh" not in str(await bot.home.pool.fetch("SELECT body FROM drafts"))
    assert (await bot.slack.submit("ana", form, CONFIRM)).ok


async def test_an_amended_request_has_no_line(bot: Bot) -> None:
    form = await opened(bot, "/test destroy shop backup=b2 reason=drill")
    await bot.slack.submit("ana", form, CONFIRM)
    await bot.slack.click("ana", await bot.card("Put b2 over shop"), "Amend")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    assert "Approvals given so far will not count" in shown_text(form)
    assert all(block["block_id"] != "_line" for block in form["blocks"])


async def test_of_two_replicas_the_one_with_the_later_change_has_the_last_word(bot: Bot) -> None:
    """Slack spreads what one person types over the replicas: both have seen the form before either drew its line."""
    form = await opened(bot, "/test write plain")
    await bot.slack.choose("ana", form, "value", "first", block_id="reason")
    await says(bot, "reason=first")
    (sent,) = [entry["request"] for entry in await bot.slack.log(kind="delivery", name="block_actions")]
    other = Lines(bot.desk)

    async def hears(reason: str, later_by: float) -> str:
        body = deepcopy(sent)
        body["actions"][0]["action_ts"] = f"{float(sent['actions'][0]['action_ts']) + later_by:.6f}"
        body["view"]["state"]["values"]["reason"]["value"]["value"] = reason
        await other.changed(_acknowledged, body)
        await asyncio.gather(*bot.desk.later)
        return below(await bot.slack.view("ana") or {})

    assert "reason=third" in await hears("third", 2.0)
    assert "reason=third" in await hears("second", 1.0)
    who = await bot.service.person(sent["team"]["id"], sent["user"]["id"])
    assert await bot.service.draft_change(who, form["private_metadata"], drafts.OVER)
    assert "reason=third" in await hears("fourth", 3.0), "the form was sent: nothing brings it back"


async def test_what_replaced_a_form_is_not_replaced_by_a_change_of_it_that_comes_late(bot: Bot) -> None:
    form = await opened(bot, "/test write plain")
    await bot.slack.choose("ana", form, "value", "a drill", block_id="reason")
    await says(bot, 'reason="a drill"')
    (sent,) = [entry["request"] for entry in await bot.slack.log(kind="delivery", name="block_actions")]
    object.__setattr__(bot.service.house, "limits", {"runs": 0, "runs_each": 0})
    await bot.slack.submit("ana", form, {"reason": "a drill"})
    told = await bot.slack.wait_for_view("ana", callback_id=DEAD_END)
    late = deepcopy(sent)
    late["actions"][0]["action_ts"] = f"{float(sent['actions'][0]['action_ts']) + 1:.6f}"
    await Lines(bot.desk).changed(_acknowledged, late)
    await asyncio.gather(*bot.desk.later)
    assert await bot.slack.view("ana") == told


@BOTH
async def test_what_is_wrong_with_a_form_stays_beside_its_fields_however_fast_one_types(bot: Bot) -> None:
    """An update of a view takes its errors away, so the line is drawn before them and not after."""
    form = await opened(bot, "/test destroy shop")
    for typed in ("d", "dr", "drill"):
        await bot.slack.choose("ana", form, "value", typed, block_id="reason")
    sent = await bot.slack.submit("ana", form, {"_confirm": "shp"})
    assert set(sent.errors) == {"_confirm"}
    await asyncio.gather(*bot.desk.later)
    left = await bot.slack.view("ana") or {}
    assert left["errors"] == sent.errors
    assert "/test destroy shop reason=drill" in below(left)
    await bot.slack.choose("ana", form, "value", "a drill", block_id="reason")
    await says(bot, 'reason="a drill"')


async def test_a_form_whose_line_slack_does_not_take_is_answered_in_time_all_the_same(bot: Bot) -> None:
    form = await opened(bot, "/test destroy shop")
    await bot.slack.fault("views.update", "hang")
    await bot.slack.choose("ana", form, "value", "drill", block_id="reason")
    sent = await bot.slack.submit("ana", form, {"_confirm": "shp"})
    assert set(sent.errors) == {"_confirm"}
    assert sent.elapsed < 3


async def test_slack_asked_too_often_gets_the_newest_line_later(bot: Bot) -> None:
    form = await opened(bot, "/test write plain")
    await bot.slack.fault("views.update", "ratelimited", seconds=1)
    await bot.slack.choose("ana", form, "value", "a drill", block_id="reason")
    await says(bot, 'reason="a drill"')


async def _acknowledged() -> None:
    return None
