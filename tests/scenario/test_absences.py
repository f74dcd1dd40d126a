"""Somebody goes away: who stands in for them decides in their place, is told and called, and never for themselves."""

import re
from datetime import timedelta
from typing import Any

import pytest

from deploy.local.slack.client import shown_text
from tests.scenario.story import TYPE_AGAIN, Run, Story

BOTH = pytest.mark.parametrize("transport", ["http", "socket"])


async def hands_over(story: Story, giver: str, taker: str, approves: str) -> Run:
    """Somebody's right, for three days."""
    why = f"on leave, {await story.last()}"  # the same words twice would be the same run
    run = await story.asks(giver, f'/ops approvals delegate {taker} lasting=3d reason="{why}"')
    await run.can_be_approved()
    await run.refuses(giver, "Approve", "somebody else must decide")  # never by their own word
    await run.press(approves, "Approve")
    await run.ends()
    return run


async def restores(story: Story, person: str) -> Run:
    why = f"while somebody is away, {await story.last()}"
    line = f'/ops db restore shop backup={await story.first_backup()} reason="{why}"'
    run = await story.asks(person, line, **{TYPE_AGAIN: "shop"})
    await run.can_be_approved()
    return run


async def called(run: Run) -> dict[str, Any]:
    """The reply that calls whoever may approve; the card says the same, and is there sooner."""
    root = str((await run.card())["ts"])

    async def look() -> dict[str, Any] | None:
        seen = await run.slack.thread("cleo", "incidents", root)
        return next((one for one in seen if one["ts"] != root and "1 approval needed" in shown_text(one)), None)

    return await run.slack.wait_for(look, what="reply that calls whoever may approve")


async def direct(story: Story, person: str, text: str) -> str:
    found: dict[str, Any] = await story.slack.wait_for_message(person, "@tandem", text=text)
    return shown_text(found)


@BOTH
async def test_a_stand_in_is_told_is_called_and_approves_until_either_of_the_two_ends_it(story: Story) -> None:
    given = await hands_over(story, "cleo", "ana", approves="ben")
    assert "Ana Duarte approves in place of Cleo Lindqvist" in await direct(story, "ana", f"{given.tag} ops approvals")
    listed = await story.asks("dan", "/ops approvals delegations")
    await listed.ends()
    assert f"{given.tag}: Ana Duarte, for Cleo Lindqvist, until" in shown_text(await listed.card())

    run = await restores(story, "ben")
    card = await run.shows("Approve")
    found = re.search(r"May approve: (.*)\.", card)
    assert found is not None
    in_turn = re.sub(r"on call, | \(on call\)", "", found[1])  # whose week it is depends on the day
    assert in_turn == "Cleo Lindqvist or Ana Duarte (for Cleo Lindqvist)"
    assert re.search(r"Ana Duarte, for Cleo Lindqvist until <!date\^\d+\^", card)
    asked = str((await called(run))["blocks"])
    assert "U0ANA" in asked
    assert "U0CLEO" not in asked, "she is away"

    async with story.busy_shop():
        await run.press("ana", "Approve")
        await run.tells("Ana Duarte approved, for Cleo Lindqvist")
        await run.shows("Approved by Ana Duarte, for Cleo Lindqvist")
        why: dict[str, Any] = {"Why, if you like": "it was only a try"}
        await run.press("ben", "Cancel", **why)
    await run.settles()

    ended = await story.asks("ana", f'/ops approvals withdraw {given.tag} reason="she is back"')
    await ended.ends()
    assert "has ended" in await direct(story, "cleo", f"{ended.tag} ops approvals")
    again = await restores(story, "ben")
    await again.refuses("ben", "Approve", "somebody else must decide")
    await again.refuses("ana", "Approve", "You are in none of the groups")
    assert await again.state() == "awaiting_approval"


async def test_neither_of_the_two_gets_their_own_request_approved_by_it(story: Story) -> None:
    await hands_over(story, "cleo", "ana", approves="ben")
    own = await restores(story, "ana")
    await own.refuses("ana", "Approve", "somebody else must decide")
    hers = await restores(story, "cleo")
    said = await hers.refuses("ana", "Approve", "You are in none of the groups")
    assert "Ben Okafor" in said
    assert {await own.state(), await hers.state()} == {"awaiting_approval"}


async def test_it_ends_by_itself(story: Story) -> None:
    given = await hands_over(story, "ben", "ana", approves="cleo")  # in Cleo's quiet hours she would hear it later
    await story.move_clock(timedelta(days=3, minutes=1))
    assert "You no longer decide in place of Ben Okafor" in await direct(story, "ana", f"{given.tag}: You no longer")
    assert "for yourself again" in await direct(story, "ben", f"{given.tag}: Ana Duarte no longer decides")
    run = await restores(story, "cleo")
    await run.refuses("ana", "Approve", "You are in none of the groups")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/ops approvals delegate dan", "Dan Rossi is a guest in Slack"),
        ("/ops approvals delegate eve", "Eve Martin (Sawmill Ltd) is of another organisation"),
        ("/ops approvals delegate cleo", "That is yourself"),
        ("/ops approvals delegate ana lasting=40d", "It lasts an hour to 31 days"),
    ],
)
async def test_what_cannot_be_handed_over_is_refused_in_words(story: Story, line: str, words: str) -> None:
    run = await story.asks("cleo", f'{line} reason="on leave"')
    await run.shows(words)
    await run.ends("refused")
