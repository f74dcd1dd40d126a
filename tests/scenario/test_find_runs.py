"""A run by its short name, and lists of runs by target, command or person: what /ops answers to one person alone."""

from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.scenario.interactions import proposed


async def said(bot: Bot, person: str, line: str, text: str) -> str:
    """What only this person reads of it."""
    await bot.slack.command(person, "ops", line)
    return shown_text(await bot.slack.wait_for_ephemeral(person, "ops", text=text))


async def test_a_short_name_opens_what_details_shows_with_the_way_to_its_thread(bot: Bot) -> None:
    card = await proposed(bot)
    for line in ("/ops runs r1", "/ops R1", "/test r1", "/runbook r1"):
        await bot.slack.command("ben", "ops", line)
        view = await bot.slack.wait_for_view("ben", callback_id="run.details")
        assert "Fingerprint of the plan" in shown_text(view), line
        assert shown_text(view).index("May approve: ") < shown_text(view).index("Parameters"), "as on its card, first"
        assert str(card["ts"]).replace(".", "") in str(view), line
        await bot.slack.cancel("ben", view)
    assert "There is no such run" in await said(bot, "ben", "/ops r99", "no such run")
    await bot.slack.command("ana", "ops", "/test write plain --look")
    await bot.slack.wait_for_message("ana", "@tandem", text="Only a look")
    seen = len(await bot.slack.ephemerals("ben", "ops"))
    await bot.slack.command("ben", "ops", "/ops r2")
    assert await bot.slack.view("ben") is None, "a look is one person's alone"
    (told,) = (await bot.slack.ephemerals("ben", "ops"))[seen:]
    assert "There is no such run" in shown_text(told)
    await bot.slack.command("ana", "ops", "/ops r2")
    await bot.slack.wait_for_view("ana", callback_id="run.details")


async def test_words_narrow_the_list_to_a_target_a_command_or_a_person(bot: Bot) -> None:
    await proposed(bot)
    await bot.slack.command("ben", "ops", '/test write plain reason="a drill"')
    await bot.told(await bot.card("script=plain"), "plain went through")
    for words, found, other in (
        ("shop", "r1 · test destroy · shop", "r2"),
        ("write", "r2 · test write · plain", "r1"),
        ("test Ben", "r2 · test write", "r1"),
    ):
        listed = await said(bot, "ana", f"/ops runs {words}", found)
        assert f"{other} ·" not in listed, words
    both = await said(bot, "ana", "/ops runs test", "r1 · test destroy")
    assert both.index("r2 ·") < both.index("r1 ·"), "newest first"
    nothing = await said(bot, "ana", "/ops runs moonshine", "moonshine")
    assert "/ops runs shop" in nothing
    assert "/ops r142" in nothing
    assert await bot.asked() == 2
