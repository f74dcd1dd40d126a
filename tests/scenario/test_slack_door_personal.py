"""A personal value through Slack's doors: Slack is told its mask, and the whole in one private window alone."""

import json
from typing import Any

from bot.personal import TOKEN
from deploy.local.slack.client import shown_text
from tests.scenario.door import Bot
from tests.support.letters import name_of

JO, MASK = "Jo.Canary@customers.example", "J…@customers.example"
KIM = "kim.canary@customers.example"


async def said(bot: Bot) -> list[tuple[str, str]]:
    """Name and text of each call of Slack's API, and of each answer to a payload of Slack's."""
    calls = [(one["name"], json.dumps(one, ensure_ascii=False)) for one in await bot.slack.log(kind="api")]
    answers = await bot.slack.log(kind="delivery")
    assert answers
    return [*calls, *((one["name"], json.dumps(one["answer"], ensure_ascii=False)) for one in answers)]


async def told_slack(bot: Bot, holding: str) -> list[str]:
    """Which of them held this."""
    return [name for name, text in await said(bot) if holding.casefold() in text.casefold()]


async def stored(bot: Bot) -> str:
    tables = await bot.home.own.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'tandem'")
    rows = [r[0] for (t,) in tables for r in await bot.home.own.fetch(f"SELECT t::text FROM tandem.{t} t")]
    return "\n".join(rows).casefold()


async def nowhere(bot: Bot, seen: int = 0) -> None:
    """Not in the database, and with Slack only in the windows of those who may see it; a token is shown to nobody."""
    assert "canary" not in await stored(bot)
    assert len(await told_slack(bot, "canary")) == seen
    assert not [name for name, text in await said(bot) if TOKEN.search(text)]


async def asked_for(bot: Bot, line: str = f'/test invite {JO} grave reason="drill"') -> dict[str, Any]:
    """The card of a request that waits for approval."""
    await bot.slack.command("ana", "ops", line)
    card = await bot.card("Waiting for approval")
    await bot.told(card, "Press Approve, Deny or Ask back")
    return card


async def test_a_typed_line_is_shown_by_its_mask_and_the_letter_goes_to_the_whole(bot: Bot) -> None:
    card = await asked_for(bot)
    assert f"Invite {MASK}" in shown_text(card)
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, f"{MASK} is invited")
    assert bot.factory.folder.text(name_of(JO)) == JO
    offered = await bot.card("Find them")
    await bot.slack.click("cleo", offered, "Find them")
    await bot.card(f"{MASK} has 1 letters")
    await nowhere(bot)


async def test_a_form_takes_it_and_a_faulty_line_gives_nothing_of_it_back(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", f"/test invite {JO} grave")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    await bot.slack.submit("ana", form, {"email": "j…@x.com", "reason": "drill"})
    again = await bot.slack.wait_for_view("ana", callback_id="door.form")
    await bot.slack.submit("ana", again, {"email": JO, "reason": "drill"})
    card = await bot.card("Waiting for approval")
    assert f"Invite {MASK}" in shown_text(card)
    for words in (f"invte {JO}", f"invite {JO} two three four five {KIM}", f"invite emial={JO}", f'invite "{JO}',
                  f'invite {KIM} reason="asked by {JO}"', JO):  # fmt: skip
        await bot.slack.command("ana", "ops", f"/test {words}")
    await nowhere(bot)


async def email(bot: Bot) -> dict[str, Any]:
    """The field for the address in the form that is open; the form goes."""
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    await bot.slack.cancel("ana", everything=True)
    (field,) = (block for block in form["blocks"] if block["block_id"] == "email")
    assert not field["element"].get("initial_value")
    return field


async def test_a_field_that_does_not_give_back_what_a_line_held_says_so_beside_it(bot: Bot) -> None:
    for words in (f"{JO} grave", f"email={JO}"):
        await bot.slack.command("ana", "ops", f"/test invite {words}")
        field = await email(bot)
        assert "Type it here once more" in field["hint"]["text"], words
        assert "once more" in field["element"]["placeholder"]["text"]
    await bot.slack.command("ana", "ops", f"/test invite {JO} two three reason=drill")
    told = await bot.slack.wait_for_ephemeral("ana", "ops", text="Nothing was asked")
    await bot.slack.click("ana", told, "Fill in the form")
    assert "Type it here once more" in (await email(bot))["hint"]["text"]
    await bot.slack.command("ana", "ops", "/test invite grave reason=drill")
    assert "once more" not in str(await email(bot)), "nothing was typed for it"
    await nowhere(bot)


async def test_ask_again_and_amend_show_the_mask_and_keep_the_value_that_stays_as_it_is(bot: Bot) -> None:
    card = await asked_for(bot)
    await bot.slack.click("ana", card, "Amend")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    assert MASK in json.dumps(form, ensure_ascii=False)
    await bot.slack.submit("ana", form, {"reason": "the same"})
    await bot.told(card, "changed the request")
    await bot.slack.click("ana", await bot.card("Waiting for approval"), "Cancel")
    word = await bot.slack.wait_for_view("ana", callback_id="door.word")
    await bot.slack.submit("ana", word, {"text": "a drill"})
    over = await bot.card("Ask again")
    await bot.slack.click("ana", over, "Ask again")
    form = await bot.slack.wait_for_view("ana", callback_id="door.form")
    await bot.slack.submit("ana", form, {"email": MASK, "reason": "once more"})
    second = await bot.card("r2")
    await bot.told(second, "Press Approve, Deny or Ask back")
    await bot.slack.click("ben", second, "Approve")
    await bot.card(f"{MASK} is invited")
    assert bot.factory.folder.text(name_of(JO)) == JO
    assert await bot.home.pool.fetchval("SELECT count(DISTINCT token) FROM personal_uses") == 1
    await nowhere(bot)


async def test_the_very_same_words_can_be_meant_and_are_not_kept_for_it(bot: Bot) -> None:
    await asked_for(bot)
    await bot.slack.command("ana", "ops", f'/test invite {JO.lower()} grave reason="drill"')
    told = await bot.slack.wait_for_ephemeral("ana", "ops", text="the very same")
    await bot.slack.click("ana", told, "Ask again")
    await bot.slack.wait_for(lambda: _two(bot), what="a second run")
    await nowhere(bot)


async def _two(bot: Bot) -> bool:
    return await bot.asked() == 2


async def test_the_whole_is_one_persons_window_and_the_thread_tells_who_looked(bot: Bot) -> None:
    card = await asked_for(bot)
    await bot.slack.click("ben", card, "Details")
    details = await bot.slack.wait_for_view("ben", title="in detail")
    assert MASK in shown_text(details)
    await bot.slack.click("ben", details, "Show what is masked")
    assert JO in shown_text(await bot.slack.wait_for_view("ben", title="not masked"))
    await bot.told(card, "Ben looked at the whole")
    await bot.slack.click("emil", card, "Details")
    details = await bot.slack.wait_for_view("emil", title="in detail")
    await bot.slack.click("emil", details, "Show what is masked")
    await bot.slack.wait_for(lambda: _refused(bot), what="a refusal")
    await nowhere(bot, seen=1)
    assert set(await told_slack(bot, JO)) <= {"views.open", "views.push"}


async def _refused(bot: Bot) -> bool:
    return any("none of the groups that decide" in shown_text(view) for view in await bot.slack.views("emil"))


async def test_whoever_was_erased_is_shown_as_erased_and_as_nothing_else(bot: Bot) -> None:
    await bot.slack.command("ana", "ops", f'/test invite {JO} reason="drill"')
    await bot.card(f"{MASK} is invited")
    await bot.slack.command("ana", "ops", f'/ops personal erase {JO} reason="request 4711"')
    card = await bot.card("Waiting for approval")
    await bot.told(card, "Press Approve, Deny or Ask back")
    assert f"Erase {MASK}: 1 value of 1 run (r1)" in shown_text(card)
    await bot.slack.click("ben", card, "Approve")
    await bot.told(card, "Erased: 2 values of 2 runs")
    assert "Erase (erased)" in shown_text(await bot.card("Done · ops personal erase"))
    await nowhere(bot)
