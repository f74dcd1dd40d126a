"""Slash commands and forms, from the signed request to the thread, on the whole bot."""

from pathlib import Path

import pytest

from bot.store.pool import open_pool
from bot.store.store import Doors
from deploy.local.slack.client import shown_text
from tests.scenario import ops as more_ops
from tests.scenario.door import Bot
from tests.scenario.ops.test.destroy import BREAKS, HANGS
from tests.support import ops

BOTH = pytest.mark.parametrize("transport", ["http", "socket"])


async def test_a_read_is_answered_in_the_channel(bot: Bot) -> None:
    bot.factory.folder.put("a", "hello")
    ran = await bot.slack.command("ana", "ops", "/test look a")
    assert ran.result == "acked", ran
    card = await bot.card("a says 'hello'")
    assert "ana" in card["text"].lower()


async def test_an_ask_runs_and_its_thread_tells_each_step_and_the_end(bot: Bot) -> None:
    ran = await bot.slack.command("ana", "ops", '/test write plain reason="a drill"')
    assert ran.result == "acked", ran
    card = await bot.card("/test write script=plain")
    end = await bot.told(card, "plain went through")
    assert "✅" in shown_text(end)
    assert "Done" in shown_text(await bot.told(card, "Done"))
    assert await bot.card("✅ Done · test write")


@BOTH
async def test_the_same_request_delivered_twice_is_one_run(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", '/test write plain reason="a drill"')
    await bot.slack.repeat("/test")
    await bot.told(await bot.card("script=plain"), "plain went through")
    assert await bot.asked() == 1


async def test_what_cannot_be_seen_in_a_line_is_not_kept_either(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", "/test look \0a\u202e")
    await bot.card("a says")
    assert await bot.home.pool.fetchval("SELECT words FROM runs") == "/test look a"


@BOTH
async def test_a_look_that_is_delivered_twice_is_one_run_though_the_same_words_may_be_typed_at_once(bot: Bot) -> None:
    bot.factory.folder.put("a", "hello")
    await bot.slack.command("ana", "ops", "/test look a")
    await bot.slack.repeat("/test")
    assert await bot.asked() == 1
    await bot.slack.command("ana", "ops", "/test look a")
    assert await bot.asked() == 2


async def test_the_same_words_again_give_the_first_run_unless_they_are_meant(bot: Bot) -> None:
    line = '/test write plain reason="a drill"'
    await bot.slack.command("ana", "ops", line)
    await bot.slack.command("ana", "ops", line)
    told = await bot.slack.wait_for_ephemeral("ana", "ops", text="less than two minutes ago")
    assert await bot.asked() == 1
    await bot.slack.click("ana", told, "Ask again")
    await bot.slack.wait_for_ephemeral("ana", "ops", text="Recorded as r2")
    await bot.slack.click("ana", told, "Ask again")
    await bot.slack.wait_for_ephemeral("ana", "ops", text="recorded already, as r2")
    assert await bot.asked() == 2


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/test wrte plain", "/test write"),
        ('/test write "plain', "never ends"),
        ("/test write plain reason=xoxb-123456789012-abcdef", "seems to hold"),
        ("/test help", "/test destroy"),
        ("/test help overwrite", "Puts a backup over a database."),
        ("/test destroy help", "Every write since the backup is lost."),
        ("/test runs", "Nothing runs"),
        ("/test write plain nonsense=1", "nonsense"),
        ("/runbook start login-failures", "What there is begins with /ops or /test"),
        ("/runbook help", "No operation of /runbook is installed here"),
        ("/runbook runs", "Nothing runs"),
        ("/test help moonshine", "Type help alone behind the command"),
        ("/test runs \0 moonshine", "speaks of moonshine"),
    ],
)
async def test_what_cannot_be_asked_is_answered_in_words_and_nothing_is_asked(bot: Bot, line: str, told: str) -> None:
    ran = await bot.slack.command("ana", "ops", line)
    assert ran.result == "acked", ran
    await bot.slack.wait_for_ephemeral("ana", "ops", text=told)
    assert await bot.asked() == 0


async def test_a_command_without_operations_opens_the_list_of_those_that_there_are_and_says_so(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", "/runbook")
    view = await bot.slack.wait_for_view("ana", callback_id="door.picker")
    assert "No operation of /runbook is installed here" in shown_text(view)
    await bot.slack.click("ana", view, "Open")
    assert await bot.asked() == 0


@pytest.mark.parametrize("person", ["zoe", "gus"])
async def test_whoever_the_roster_does_not_list_is_told_so(bot: Bot, person: str) -> None:
    ran = await bot.slack.command(person, "ops", '/test write plain reason="me too"')
    assert ran.result == "acked", ran
    await bot.slack.wait_for_ephemeral(person, "ops", text="not in this house's roster")
    assert await bot.asked() == 0


@BOTH
async def test_somebody_listed_who_may_not_ask_is_told_who_could(bot: Bot) -> None:
    await bot.slack.command("emil", "ops", '/test write plain reason="me too"')
    told = await bot.slack.wait_for_ephemeral("emil", "ops", text="nly engineers may ask for it")
    assert "Ben (on call), Ana" in shown_text(told)
    await bot.slack.command("emil", "ops", "/test destroy shop")
    form = await bot.slack.wait_for_ephemeral("emil", "ops", text="/test destroy was not asked")
    assert "Ben (on call), Ana" in shown_text(form)
    assert await bot.slack.view("emil") is None
    assert await bot.asked() == 0


@BOTH
async def test_no_word_opens_the_picker_which_leads_to_a_form_and_an_ask(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", "/test")
    picker = await bot.slack.wait_for_view("ana", callback_id="door.picker")
    await bot.slack.click("ana", picker, "test write")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    done = await bot.slack.submit("ana", form, {"script": "plain", "reason": "a drill"})
    assert done.result == "acked", done
    await bot.told(await bot.card("script=plain"), "plain went through")
    assert await bot.slack.view("ana") is None


async def test_the_picker_starts_at_the_top_and_goes_down_and_back(bot: Bot) -> None:
    await bot.slack.shortcut("ana", "tandem_start")
    top = await bot.slack.wait_for_view("ana", callback_id="door.picker")
    await bot.slack.click("ana", top, "test")
    below = await bot.slack.wait_for_view("ana", callback_id="door.picker")
    assert "Runs a script" in shown_text(below)
    await bot.slack.click("ana", below, "◀ Back")
    again = await bot.slack.wait_for_view("ana", callback_id="door.picker")
    held = sorted(file.stem for area in (ops, more_ops) for file in (Path(area.__path__[0]) / "test").glob("[a-z]*.py"))
    assert f"test …\n{', '.join(held)}\n" in shown_text(again)


async def test_a_line_that_lacks_something_opens_its_form_with_what_was_typed(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", "/test write plain")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    assert "kept with a reason" in shown_text(form)
    assert form["state"]["values"]["script"]["value"]["value"] == "plain"
    assert len(form["private_metadata"]) == 36  # a row's id and nothing else
    refused = await bot.slack.submit("ana", form, {"script": "plain", "reason": "token=abcdefgh12345678"})
    assert "seems to hold a token" in refused.errors["reason"]
    silent = await bot.slack.submit("ana", form, {"script": "plain", "reason": "  "})
    assert "Say why" in silent.errors["reason"]
    assert await bot.asked() == 0
    done = await bot.slack.submit("ana", form, {"reason": "a drill"})
    assert done.result == "acked", done
    await bot.card("script=plain")


@BOTH
async def test_what_destroys_asks_to_type_its_target_once_more(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", '/test destroy shop backup=b2 reason="drill"')
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    wrong = await bot.slack.submit("ana", form, {"_confirm": "shopp"})
    assert "not the same" in wrong.errors["_confirm"]
    assert await bot.asked() == 0
    done = await bot.slack.submit("ana", form, {"_confirm": "shop"})
    assert done.result == "acked", done
    card = await bot.card("Put b2 over shop")
    assert "every write since the backup: now 7 minutes, at most 37 minutes when it starts" in shown_text(card)


async def test_a_form_sent_twice_is_one_run(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", "/test write plain")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    await bot.slack.submit("ana", form, {"reason": "a drill"})
    await bot.slack.repeat("view_submission")
    await bot.told(await bot.card("script=plain"), "plain went through")
    assert await bot.asked() == 1


async def test_targets_come_from_config_and_other_entries_live_from_the_operation(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", "/test destroy")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    targets = await bot.slack.suggest("ana", form, "door.pick", "shp", block_id="database")
    assert [o["value"] for o in targets.options] == ["shop"]
    live = await bot.slack.suggest("ana", form, "door.pick", "2 days", block_id="backup")
    assert [o["value"] for o in live.options] == ["b2", "2 days"]


@BOTH
async def test_where_nothing_can_be_looked_up_the_list_itself_says_so_and_no_message_comes(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", "/test destroy")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    offered = await bot.slack.suggest("ana", form, "door.pick", BREAKS, block_id="backup")
    assert "Nothing can be looked up" in offered.options[0]["text"]["text"]
    assert len(await bot.slack.views("ana")) == 1
    await bot.slack.open_home("ana", tab="messages")
    assert await bot.slack.messages("ana", "@bot") == []


async def test_a_list_that_takes_too_long_offers_what_was_typed_and_says_so(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", "/test destroy")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    offered = await bot.slack.suggest("ana", form, "door.pick", HANGS, block_id="backup")
    assert offered.elapsed < 3
    assert [o["text"]["text"] for o in offered.options] == [HANGS, "Looking took too long; type it instead"]


async def test_only_looking_shows_the_plan_in_private_and_asks_nobody(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", "/test destroy shop backup=b2 --look")
    seen = await bot.slack.wait_for_message("ana", "@bot", text="Put b2 over shop")
    assert "Approve" not in str(seen["blocks"])
    assert not [m for m in await bot.slack.messages("ben", "ops") if "b2" in shown_text(m)]


async def test_a_command_is_answered_in_words_when_the_database_does_not_answer(bot: Bot) -> None:
    pool = await open_pool(bot.home.bot, size=2, door=True)
    bot.service.doors = Doors(pool)
    try:
        async with bot.home.own.acquire() as conn, conn.transaction():
            await conn.execute("LOCK TABLE tandem.dedupe IN ACCESS EXCLUSIVE MODE")
            ran = await bot.slack.command("ana", "ops", '/test write plain reason="a drill"')
            assert ran.result == "acked", ran
            assert ran.elapsed < 3
        told = await bot.slack.wait_for_ephemeral("ana", "ops", text="Not recorded: the bot's database did not answer")
        assert "so nothing was changed" in shown_text(told)
        assert await bot.asked() == 0
    finally:
        bot.service.doors = bot.home.doors
        await pool.close()


async def test_a_look_that_slack_did_not_take_at_first_comes_all_the_same_and_once(bot: Bot) -> None:
    await bot.slack.fault("chat.postMessage", "server_error")
    await bot.slack.fault("chat.postMessage", "lost")
    await bot.slack.command("ana", "ops", "/test write plain --look")
    await bot.slack.wait_for_message("ana", "@tandem", text="Only a look")
    told = "SELECT card_ts IS NOT NULL AND card_seq = seq FROM threads JOIN runs ON runs.id = run"
    await bot.slack.wait_for(lambda: bot.home.pool.fetchval(told), what="the poster's word that it is told")
    assert len(await bot.slack.messages("ana", "@tandem")) == 1
