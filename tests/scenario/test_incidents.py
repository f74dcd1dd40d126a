"""An incident has a name, a thread and people who were called; what is begun in its thread is told in it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.local.slack.client import shown_text
from tests.scenario.story import TYPE_AGAIN, Run, Story, labels

BOTH = pytest.mark.parametrize("transport", ["http", "socket"])
TURN, FIRST, ROTA = timedelta(days=7), datetime(2026, 1, 5, 9, tzinfo=UTC), ("ana", "ben", "cleo")


async def declared(story: Story) -> Run:
    why = f"every payment fails, {await story.last()}"  # the same words twice would be the same run
    run = await story.asks("ana", f'/incident declare "checkout is down" P0 services=web reason="{why}"')
    await run.ends()
    return run


async def on_call(story: Story) -> str:
    """Whose week it is, by the sample company's rotation."""
    now = await story.ledger.fetchval("SELECT tandem.clock()")
    return ROTA[(now - FIRST) // TURN % len(ROTA)]


async def reply(run: Run, text: str) -> dict[str, Any]:
    """The message in a run's thread that holds this."""
    root = str((await run.card())["ts"])

    async def look() -> dict[str, Any] | None:
        seen = await run.slack.thread("cleo", "incidents", root)
        return next((one for one in seen[1:] if text in shown_text(one)), None)

    return await run.slack.wait_for(look, what=f"reply in {run.tag} with {text!r}")


@BOTH
async def test_it_is_declared_told_to_whoever_is_on_call_listed_and_resolved_in_its_own_thread(story: Story) -> None:
    frozen = await story.asks("ben", '/release freeze web lasting=1h reason="a drill"')
    await frozen.ends()
    run = await declared(story)
    card = await run.shows(f"Incident {run.tag} is open (P0, web): checkout is down")
    assert re.search(rf"Changed before: {frozen.tag}, .*\d\d:\d\d UTC.*: Freeze changes of web for 1h", card, re.DOTALL)
    assert "Minutes 0 to 5" in card
    assert labels(await run.card())[:2] == ["Resolve", "Look at health"]
    said = await reply(run, "is open (P0, web)")
    called = await on_call(story)
    assert f"U0{called.upper()}" in str(said["blocks"])
    await story.slack.wait_for_message(called, "@tandem", text=f"Incident {run.tag} is open")

    listed = await story.asks("dan", "/incident list")
    await listed.shows(f"{run.tag} P0 (web): checkout is down, open for", "declared by Ana Duarte", "Resolve")
    again = await story.asks("ben", '/incident declare "Checkout is down" reason="it is"')
    await again.shows(f"{run.tag} is open already and has that very title")

    await run.press("ben", "Resolve", Why="the payment service is back")
    ended = Run(story, await story.last())
    await ended.ends()
    assert await ended.shows("For incident", run.tag, ": checkout is down")
    assert f"/archives/C0INCIDENTS/p{(await run.card())['ts'].replace('.', '')}" in str((await ended.card())["blocks"])
    told = await reply(run, f"{ended.tag} incident resolve: Incident {run.tag} is resolved after")
    assert f"/archives/C0INCIDENTS/p{(await ended.card())['ts'].replace('.', '')}" in str(told["blocks"])
    assert "the payment service is back" in shown_text(told)
    nothing = await story.asks("dan", "/incident list")
    await nothing.shows("No incident is open")
    gone = await story.asks("ben", f'/incident resolve {run.tag} reason="twice"')
    await gone.shows(f"No incident {run.tag} is open. None is open at all.")


@BOTH
async def test_what_is_begun_from_a_message_in_its_thread_is_told_there_to_its_end(story: Story) -> None:
    run = await declared(story)
    said = await reply(run, "is open (P0, web)")
    await story.slack.shortcut("ben", "tandem_about", said)
    for level in ("ops", "ops db"):
        await story.slack.click("ben", await story.slack.wait_for_view("ben", callback_id="door.picker"), level)
    top = await story.slack.wait_for_view("ben", callback_id="door.picker")
    await story.slack.click("ben", top, "ops db restore")
    form = await story.slack.wait_for_view("ben", callback_id="door.form")
    await story.slack.suggest("ben", form, "Database", "sh")
    fields = {"Database": "shop", TYPE_AGAIN: "shop"}
    done = await story.slack.submit("ben", form, fields)
    assert done.ok, done
    restore = Run(story, await story.last())
    await restore.shows("For incident", run.tag, ": checkout is down")
    asked = await reply(run, f"{restore.tag} ops db restore: Ben Okafor asked: Restore shop")
    link = f"/archives/C0INCIDENTS/p{said['ts'].replace('.', '')}"
    assert link in shown_text(asked), "its reason leads to the message"
    why: dict[str, Any] = {"Why": "the code is at fault, not the data"}
    await restore.press("cleo", "Deny", **why)
    await restore.settles()
    await reply(run, f"{restore.tag} ops db restore: Cleo Lindqvist denied it. Nothing was done.")

    await run.press("cleo", "Look at health")
    look = Run(story, await story.last())
    await look.settles()
    await reply(run, f"{look.tag} ops health: Cleo Lindqvist looked: ")


async def test_a_message_becomes_an_incident_by_a_shortcut_of_its_own(story: Story) -> None:
    posted = await story.slack.post("ben", "incidents", "Checkout fails & <https://shop.example> is slow\nsince noon")
    await story.slack.shortcut("ben", "open:incident declare", posted)
    view = await story.slack.wait_for_view("ben", callback_id="door.form")
    assert "Checkout fails & https://shop.example is slow" in str(view["blocks"])
    assert "/archives/C0INCIDENTS/p" in str(view["blocks"])
    done = await story.slack.submit("ben", view, {})
    assert done.ok, done
    run = Run(story, await story.last())
    await run.ends()
    await run.shows("is open (P1): Checkout fails & https://shop.example is slow")


async def test_a_message_that_seems_to_hold_a_secret_fills_no_field_in(story: Story) -> None:
    posted = await story.slack.post("ben", "incidents", "password=hunter2hunter2 stopped working")
    await story.slack.shortcut("ben", "open:incident declare", posted)
    view = await story.slack.wait_for_view("ben", callback_id="door.form")
    assert "hunter2" not in str(view)
    drafts = await story.ledger.fetch("SELECT body FROM tandem.drafts")
    assert "hunter2" not in str([dict(row) for row in drafts])


async def test_who_may_not_declare_reads_why(story: Story) -> None:
    posted = await story.slack.post("ben", "incidents", "it is slow")
    await story.slack.shortcut("dan", "open:incident declare", posted)
    await story.slack.wait_for_ephemeral("dan", "incidents", text="/incident declare was not asked")
    assert await story.slack.view("dan") is None
