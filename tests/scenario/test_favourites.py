"""Forms that a person keeps, and a Home that is drawn anew when something was decided from it."""

from typing import Any

import pytest

from bot.thread.links import Links
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import proposed

BOTH = pytest.mark.parametrize("transport", ["http", "socket"])
LINE = "★ /test destroy database=shop backup=b2"


async def kept(bot: Bot) -> list[tuple[str, str, dict[str, str]]]:
    rows = await bot.home.pool.fetch("SELECT person, command, filled FROM favourites ORDER BY id")
    return [(row["person"], row["command"], row["filled"]) for row in rows]


async def sees(bot: Bot, text: str) -> dict[str, Any]:
    """Ana's uppermost modal, once it says this."""

    async def look() -> dict[str, Any] | None:
        view = await bot.slack.view("ana")
        return view if view and text in shown_text(view) else None

    return await bot.slack.wait_for(look, what=f"modal with {text!r}")


async def test_what_is_at_its_default_is_not_kept_and_the_form_shows_it_all_the_same(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", '/test destroy shop backup=b2 reason="drill"')
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    await bot.slack.suggest("ana", form, "backup", "latest")
    await bot.slack.choose("ana", form, "backup", "latest")
    form = await sees(bot, "/test destroy shop reason=drill")
    await bot.slack.click("ana", form, "☆ Keep as favourite")
    starred = await sees(bot, "★ Kept on the app's home")
    assert await kept(bot) == [("ana", "test destroy", {"database": "shop"})]
    await opens_home(bot, "ana", "★ /test destroy database=shop\n")
    (backup,) = [block for block in starred["blocks"] if block["block_id"] == "backup"]
    assert backup["element"]["initial_option"]["value"] == "latest", "not what the line said before"


async def opens_home(bot: Bot, person: str, text: str) -> dict[str, Any]:
    await bot.slack.open_home(person)
    found: dict[str, Any] = await bot.slack.wait_for_home(person, text=text)
    return found


@BOTH
async def test_a_form_is_kept_as_it_is_filled_in_opened_from_home_and_let_go(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", '/test destroy shop backup=b2 reason="drill"')
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    await bot.slack.click("ana", form, "☆ Keep as favourite")
    starred = await sees(bot, "★ Kept on the app's home")
    assert starred["id"] == form["id"]
    await bot.slack.click("ana", starred, "★ Kept on the app's home")
    assert await kept(bot) == [("ana", "test destroy", {"database": "shop", "backup": "b2"})], (
        "once, without the reason"
    )
    await bot.slack.submit("ana", starred, {"_confirm": "shop"})
    await bot.card("Put b2 over shop")
    assert await bot.home.pool.fetchval("SELECT reason FROM runs") == "drill", "what was typed stayed in the form"

    home = await opens_home(bot, "ana", LINE)
    await bot.slack.click("ana", home, "Open the form")
    again = await bot.slack.wait_for_view("ana", callback_id="door.form")
    assert "Nothing is asked yet" in shown_text(again)
    assert await bot.asked() == 1
    done = await bot.slack.submit("ana", again, {"_confirm": "shop", "reason": "once more"})
    assert done.result == "acked", done
    assert await bot.home.pool.fetchval("SELECT params ->> 'backup' FROM runs ORDER BY id DESC LIMIT 1") == "b2"
    await bot.slack.wait_for_home("ana", text="r2 · test destroy")  # drawn anew by itself

    await bot.slack.click("ana", await bot.slack.wait_for_home("ana", text=LINE), "Remove")
    await bot.slack.wait_for(lambda: _without(bot, "ana"), what="a Home without the favourite")
    assert await kept(bot) == []


async def _without(bot: Bot, person: str) -> bool:
    return LINE not in shown_text(await bot.slack.wait_for_home(person))


async def test_a_form_that_changed_under_the_star_is_kept_and_its_person_is_told_so(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", '/test destroy shop backup=b2 reason="drill"')
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    await bot.slack.fault("views.update", "error", code="hash_conflict")
    await bot.slack.click("ana", form, "☆ Keep as favourite")
    await sees(bot, "as the form stood when you pressed")
    assert await kept(bot) == [("ana", "test destroy", {"database": "shop", "backup": "b2"})]


async def test_what_has_ended_is_kept_by_its_star_and_home_shows_it_at_once(bot: Bot) -> None:
    card = await proposed(bot)
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, "shop is back")
    home = await opens_home(bot, "ana", "Ask again")
    await bot.slack.click("ana", home, "☆ Keep as favourite")
    assert "Favourites" in shown_text(await bot.slack.wait_for_home("ana", text=LINE))
    assert "☆" not in shown_text(await bot.slack.wait_for_home("ana", text=LINE))


async def test_what_is_asked_from_home_says_in_which_channel_its_card_is(bot: Bot) -> None:
    place = f"in <#{bot.id('general')}>"
    home = await opens_home(bot, "ana", "Start something")
    await bot.slack.click("ana", home, "Start something")
    top = await bot.slack.wait_for_view("ana", callback_id="door.picker")
    await bot.slack.click("ana", top, "test")
    await bot.slack.click("ana", await sees(bot, "Runs a script"), "test write")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    assert f"follows {place}." in shown_text(form)
    await bot.slack.submit("ana", form, {"script": "plain", "reason": "drill"})
    assert f"· {place}" in shown_text(await bot.slack.wait_for_home("ana", text="r1 · test write"))
    await bot.slack.wait_for_message("ana", "general", text="script=plain")


async def test_the_list_to_choose_from_begins_with_ones_own_favourites(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", '/test destroy shop backup=b2 reason="drill"')
    await bot.slack.click("ana", await bot.slack.wait_for_view("ana", callback_id="door.form"), "☆ Keep as favourite")
    await sees(bot, "★ Kept")
    await bot.slack.cancel("ana", everything=True)
    await bot.slack.command("ben", "ops", "/test")
    assert LINE not in shown_text(await bot.slack.wait_for_view("ben", callback_id="door.picker"))
    posted = await bot.slack.post("ana", "ops", "orders are 500ing since 03:05")
    await bot.slack.shortcut("ana", "tandem_about", posted)
    top = await sees(bot, LINE)
    favourite = await bot.home.pool.fetchval("SELECT id FROM favourites")
    await bot.slack.click("ana", top, f"door.favourite.{favourite}")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    link = str((await bot.client.chat_getPermalink(channel=posted["channel"], message_ts=posted["ts"]))["permalink"])
    assert f"About {link}: " in str(form["blocks"])


async def test_a_favourite_of_somebody_else_is_neither_opened_nor_removed(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", '/test destroy shop backup=b2 reason="drill"')
    await bot.slack.click("ana", await bot.slack.wait_for_view("ana", callback_id="door.form"), "☆ Keep as favourite")
    await sees(bot, "★ Kept")
    number = await bot.home.pool.fetchval("SELECT id FROM favourites")
    buttons = [
        {
            "type": "button",
            "action_id": f"door.{verb}",
            "value": str(number),
            "text": {"type": "plain_text", "text": verb},
        }
        for verb in ("favourite.1", "unstar.1")
    ]
    blocks = [{"type": "actions", "elements": buttons}]
    sent = await bot.client.chat_postMessage(channel=bot.id("ops"), text="forged", blocks=blocks)
    message = {"channel": sent["channel"], "ts": sent["ts"]}
    await bot.slack.click("ben", message, "door.favourite.1")
    await bot.slack.wait_for_ephemeral("ben", "ops", text="That favourite is gone")
    await bot.slack.click("ben", message, "door.unstar.1")
    assert len(await kept(bot)) == 1


async def test_what_looks_like_a_secret_is_not_kept(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", '/test destroy shop reason="drill"')
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    token = "xoxb-" + "123456789012-abcdefghijkl"
    await bot.slack.suggest("ana", form, "door.pick", token, block_id="backup")
    await bot.slack.choose("ana", form, "door.pick", token, block_id="backup")
    await bot.slack.click("ana", form, "☆ Keep as favourite")
    await sees(bot, "It was not kept")
    assert await kept(bot) == []


async def test_beyond_the_bound_one_has_to_go_first(bot: Bot) -> None:
    await bot.home.own.execute(
        "INSERT INTO favourites (person, command, filled, at) "
        "SELECT 'ana', 'test look', jsonb_build_object('n', n::text), clock() FROM generate_series(1, 20) AS n"
    )
    await bot.slack.command("ana", "ops", '/test destroy shop backup=b2 reason="drill"')
    await bot.slack.click("ana", await bot.slack.wait_for_view("ana", callback_id="door.form"), "☆ Keep as favourite")
    await sees(bot, "Remove one on the app's home first")
    assert len(await kept(bot)) == 20


@BOTH
async def test_home_is_drawn_anew_after_an_approval_from_it(bot: Bot) -> None:
    await proposed(bot)
    home = await opens_home(bot, "ben", "Look and decide")
    await bot.slack.click("ben", home, "Look and decide")
    modal = await bot.slack.wait_for_view("ben", callback_id="run.review")
    await bot.slack.submit("ben", modal, {})
    await bot.slack.wait_for_home("ben", text="Nothing waits for you.")


async def test_and_after_a_denial_two_modals_deep_also_where_it_was_drawn_meanwhile(bot: Bot) -> None:
    await proposed(bot)
    home = await opens_home(bot, "ben", "Look and decide")
    await bot.slack.click("ben", home, "Look and decide")
    review = await bot.slack.wait_for_view("ben", callback_id="run.review")
    await bot.slack.open_home("ben")  # another window: the Home that he began from is an older one now
    await bot.slack.wait_for(lambda: _drawn_since(bot, home), what="another Home")
    await bot.slack.click("ben", review, "Deny")
    word = await bot.slack.wait_for_view("ben", callback_id="door.word")
    await bot.slack.submit("ben", word, {"text": "not today"})
    await bot.slack.wait_for_home("ben", text="Nothing waits for you.")


async def _drawn_since(bot: Bot, home: dict[str, Any]) -> bool:
    found = await bot.slack.home("ben")
    return found is not None and found["hash"] != home["hash"]


async def test_home_lists_what_one_asked_for_lately_once_each_looks_too_with_the_way_to_its_thread(bot: Bot) -> None:
    for _ in range(2):
        await bot.slack.command("ana", "ops", "/test look")
    await bot.slack.command("ana", "ops", '/test write plain reason="drill"')
    card = await bot.card("Done · test write")
    home = await opens_home(bot, "ana", "test write")
    text = shown_text(home)
    assert text.count("· test look") == 1
    assert text.index("test write") < text.index("test look"), "the newest first"
    link = str((await bot.client.chat_getPermalink(channel=card["channel"], message_ts=card["ts"]))["permalink"])
    assert f"<{link}|its thread>" in str(home["blocks"])
    await bot.slack.fault("chat.getPermalink", "hang", times=-1)
    bot.desk.links = Links(bot.client)
    listed = await bot.slack.command("ana", "ops", "/test runs")
    assert listed.result == "acked", "no list waits for its links"
    await bot.slack.open_home("ana")

    async def without() -> bool:
        return "<https" not in str(await bot.slack.home("ana"))

    await bot.slack.wait_for(without, what="Home that waits for no link")
