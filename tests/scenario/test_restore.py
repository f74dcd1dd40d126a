"""The issue's own story: a restore of the shop, asked by one person, approved by another, told in one thread."""

import re
from datetime import timedelta

import pytest

from deploy.local.slack.client import shown_text
from tests.scenario.killing import CANCEL, cancelled_at, gate
from tests.scenario.story import LONG, TYPE_AGAIN, Run, Story, labels, steps_told

BOTH = pytest.mark.parametrize("transport", ["http", "socket"])
STEPS = ["safety", "load", "verify", "maintenance", "public", "shut", "swap", "open", "healthy", "reopen", "look"]


@BOTH
async def test_a_restore_asked_by_one_person_and_approved_by_another_gives_the_shop_back(story: Story) -> None:
    name = f"story-{story.stage.transport}"
    await (await story.asks("ana", f"/ops db backup shop name={name} reason=story")).ends()
    await (await story.asks("ben", f"/ops db verify-backup shop backup={name} reason=story")).ends()
    before = await story.orders()
    await story.sells(4212)

    run = await _by_the_form(story)
    await run.can_be_approved()
    card = await run.shows(f"Restore shop from {name}", "Approve", "Deny", "bad import")
    assert "now 4,212 rows, at most" in card
    assert re.search(r"at most (4[6-9]|5\d) min", card)
    assert card.count("point of no return") >= 1
    assert "can be undone" in card
    either = r"Ben Okafor( \(on call\))? or Cleo Lindqvist|Cleo Lindqvist \(on call\) or Ben Okafor"
    assert re.search(rf"May approve: ({either})\.", card), "whose week it is depends on the day"

    said = await run.refuses("ana", "Approve", "You asked for this yourself")
    assert "Ben Okafor" in said
    assert await run.state() == "awaiting_approval"

    await run.press("ben", "Approve")
    await run.ends()
    assert await story.orders() == before
    assert await story.kept_orders(f"shop_{run.tag}_old") == before + 4212
    assert await story.public()
    assert steps_told(await run.events()) == STEPS
    await _told_once_in_one_thread(run)
    await _drop_the_old_one(story, run)


async def _by_the_form(story: Story) -> Run:
    """What was typed stands in the form; the wrong name is refused beside its field, and nothing is asked."""
    asked = await story.last()
    await story.types("ana", '/ops db restore shop reason="bad import"')
    form = await story.slack.wait_for_view("ana")
    assert "bad import" in str(form["blocks"])
    wrong = await story.slack.submit("ana", form, {TYPE_AGAIN: "shop-staging"})
    assert len(wrong.errors) == 1
    assert "not the same" in str(wrong.errors)
    assert await story.last() == asked
    assert (await story.slack.submit("ana", form, {TYPE_AGAIN: "shop"})).ok
    assert await story.slack.view("ana") is None
    return Run(story, await story.last())


async def _told_once_in_one_thread(run: Run) -> None:
    assert len(await run.cards()) == 1
    told = "\n".join(await run.thread())
    for what in ("Ben Okafor approved", "Compare every table", "The public sees the maintenance page", "Close shop"):
        assert told.count(what) == 2, (what, told)  # a reply's words stand in its text and in its blocks
    card = await run.shows("Done", f"Drop shop_{run.tag}_old")
    assert "Approve" not in labels((await run.cards())[0])
    assert "as it was" in card


async def _drop_the_old_one(story: Story, run: Run) -> None:
    """The button leads to an ask of its own, with its own approval."""
    old, asked = f"shop_{run.tag}_old", await story.last()
    await run.press("cleo", f"Drop {old}")
    form = await story.slack.wait_for_view("cleo")
    assert (await story.slack.submit("cleo", form, {"Type the name again": old, "Why": "it was right"})).ok
    drop = Run(story, await story.last())
    assert drop.id == asked + 1
    await drop.shows(f"Drop {old} for good")
    await drop.can_be_approved()
    assert old in await story.databases()
    await drop.refuses("cleo", "Approve", "You asked for this yourself")
    await drop.press("ben", "Approve")
    await drop.ends()
    assert old not in await story.databases()


async def test_who_is_a_guest_or_of_another_house_or_not_listed_is_refused_in_words(story: Story) -> None:
    await story.slack.set_person("dora", real_name="Dora Unlisted")
    await story.slack.join("dora", "incidents")
    asked = await story.last()
    for person, words in (("dan", "engineers"), ("dora", "not in this house's roster")):
        line = f'/ops db restore shop reason="{person} asks"'
        assert words in await story.told(person, line), person
    by_slack = await story.slack.command("eve", "incidents", "/ops db restore shop reason=eve")
    assert by_slack.result == "blocked"  # Slack lets nobody of another organisation use a command
    assert await story.last() == asked
    run = await story.restore("who may approve")
    nobody = "in none of the groups"
    for person, words in (("dan", nobody), ("eve", nobody), ("dora", "not in this house's roster")):
        await run.refuses(person, "Approve", words)
    assert await run.state() == "awaiting_approval"


async def test_a_denial_is_told_with_its_reason_to_who_asked(story: Story) -> None:
    run = await story.restore("to be denied")
    await run.press("cleo", "Deny", text="not during market day")
    await run.ends("denied")
    reply = await run.tells("Cleo Lindqvist denied it")
    assert "not during market day" in reply
    await run.press("ben", "Details")
    details = await story.slack.wait_for_view("ben", callback_id="run.details")
    assert "not during market day" in shown_text(details)


async def test_an_ask_that_nobody_answers_lapses_and_is_not_called_denied(story: Story) -> None:
    run = await story.restore("nobody answers")
    await story.move_clock(timedelta(minutes=5))
    assert "You are called because you may decide" in await run.tells("(team leads)")
    await story.move_clock(timedelta(minutes=16))
    await run.tells("about to lapse")
    await story.move_clock(timedelta(minutes=10))
    await run.ends("expired")
    assert "Nobody denied it" in await run.tells("lapsed")
    assert "denied" not in shown_text((await run.cards())[0]).lower()


async def test_who_asks_while_it_runs_is_led_to_the_run_that_works_there(story: Story) -> None:
    async with story.busy_shop():
        first = await story.restore("the first")
        await first.press("ben", "Approve")
        await first.reaches("safety")
        second = await story.asks("cleo", '/ops db restore shop reason="the second"', **{TYPE_AGAIN: "shop"})
        await second.ends("refused")
        assert first.tag in await second.tells("same target")
        assert "Drop" not in await second.shows("the second")
    await first.ends()


async def test_a_cancel_in_the_middle_undoes_what_was_done(story: Story) -> None:
    before, there = await story.orders(), await story.databases()
    async with story.busy_shop():
        run = await story.restore("to be cancelled")
        await run.press("ben", "Approve")
        await run.reaches("safety")
        await run.press("ana", "Cancel", text="the import was right")
        await run.tells("Ana Duarte asked to cancel")
    await run.ends(await run.settles())
    assert await run.state() in ("undone", "cancelled")
    assert await story.orders() == before
    assert await story.databases() == there
    assert await story.public()


async def test_a_cancel_after_it_was_open_keeps_what_may_have_been_written_and_says_so(story: Story) -> None:
    before, last = await story.orders(), await story.last()
    async with gate(story, last, "step_started healthy do", CANCEL) as ledger:
        run = await story.restore("too late to drop it")
        kept = f"shop_{run.tag}_kept"
        assert kept in await run.shows("Healthy behind maintenance")
        await run.press("ben", "Approve")
        await cancelled_at(run, ledger)
    await run.ends("failed")
    said = await run.tells("Could not be undone: Load")
    assert f"{kept} was open under the live name and may have been written to, so it stays" in said
    assert await story.orders() == before
    assert await story.public()
    left = {f"shop_{run.tag}_{what}" for what in ("old", "new", "kept")} & await story.databases()
    assert left == {kept}


async def test_a_restore_that_goes_back_leaves_the_maintenance_that_somebody_else_had_set(story: Story) -> None:
    services, last = story.stage.services, await story.last()
    services.maintains("web", True)
    try:
        async with gate(story, last, "step_started swap do", CANCEL) as ledger:
            run = await story.restore("while web is being mended")
            await run.shows("web is in maintenance already and stays so")
            await run.press("ben", "Approve")
            await cancelled_at(run, ledger)
        await run.ends("undone")
        assert (services.in_maintenance("web"), services.in_maintenance("api")) == (True, False)
    finally:
        services.maintains("web", False)


async def test_an_amended_ask_has_a_new_plan_and_old_buttons_approve_nothing(story: Story) -> None:
    await (await story.asks("ana", "/ops db backup shop name=amended reason=story")).ends()
    await (await story.asks("ana", "/ops db verify-backup shop backup=amended reason=story")).ends()
    run = await story.restore("to be amended", backup="amended")
    old = await run.copy_of_card()
    await _amend(run, backup=await story.first_backup())
    await run.refuses("ben", "Approve", "plan has changed", old)
    assert await run.state() == "awaiting_approval"
    await run.press("ben", "Approve")
    await run.ends()


async def test_an_approval_of_a_reason_is_none_of_another(story: Story) -> None:
    run = await story.restore("a harmless drill")
    old = await run.copy_of_card()
    await _amend(run, reason="because I can")
    await run.refuses("ben", "Approve", "plan has changed", old)


async def _amend(run: Run, *, backup: str = "", reason: str = "") -> None:
    assert (await run.slack.click("ana", await run.card(), "Amend")).ok
    form = await run.slack.wait_for_view("ana")
    if backup:
        offered = await run.slack.suggest("ana", form, "door.pick", backup, block_id="backup")
        assert backup in [option["value"] for option in offered.options]
        await run.slack.choose("ana", form, "door.pick", backup, block_id="backup")
    if reason:
        await run.slack.choose("ana", form, "reason", reason)
    assert (await run.slack.submit("ana", form, {TYPE_AGAIN: "shop"})).ok
    await run.tells("changed the request")
    await run.shows(backup or reason)
    await run.can_be_approved()


async def test_the_latest_is_the_newest_verified_one_and_the_card_offers_to_verify_a_newer_one(story: Story) -> None:
    await (await story.asks("ana", '/ops db backup shop name=unproven reason="not yet compared"')).ends()
    run = await story.restore("from the latest", backup="latest")
    assert " (verified), passing over the newer unproven (" in await run.shows("passing over")
    asked = await story.last()
    await run.press("ana", "Verify unproven", Why="to go back to it")
    await Run(story, asked + 1).ends()
    await run.press("ana", "Cancel", text="from the newer one then")
    again = await story.restore("from the newer one", backup="latest")
    assert "from unproven;" in await again.shows("Restore shop from")


async def test_a_look_shows_the_plan_to_one_person_and_asks_nobody(story: Story) -> None:
    asked = await story.last()
    said = await story.told("ana", '/ops db restore shop --look reason="only looking"')
    assert "Nobody is asked" in said
    look = Run(story, asked + 1)

    async def mine() -> bool:
        direct = await story.slack.messages("ana", "@bot")
        return any("only looking" in shown_text(one) and "Load" in shown_text(one) for one in direct)

    await story.slack.wait_for(mine, seconds=LONG, what="the plan as a direct message")
    assert await look.cards() == []
    assert await look.state() == "succeeded"
    await story.slack.open_home("ana")
    assert f"{look.tag} ·" not in shown_text(await story.slack.wait_for_home("ana", text="Mine"))
    assert steps_told(await look.events()) == []


@BOTH
async def test_the_same_words_within_two_minutes_are_one_run_unless_they_are_meant(story: Story) -> None:
    line = f'/ops db slow-log shop lasting=5m reason="twice on {story.stage.transport}"'
    run = await story.asks("ana", line)
    await run.reaches("for")
    again = await story.told("ana", line)
    assert "less than two minutes ago" in again
    assert run.tag in again
    assert await story.last() == run.id
    await story.move_clock(timedelta(minutes=6))
    await run.ends()
    third = await story.asks("ana", line)
    assert third.id == run.id + 1
