"""The real bot process is killed while somebody acts, just before that is committed: the same again is done once."""

import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from bot.render.buttons import ASK_THEM
from deploy.local.slack import Outcome
from tests.conftest import Tell
from tests.scenario.killing import killed, reachable, unheard
from tests.scenario.played import played
from tests.scenario.story import JO, TYPE_AGAIN, Run, Story, people

SEED = os.environ.get("TANDEM_SEED", "")
KILL = os.environ.get("TANDEM_KILL_DOOR", "")
SLACK_SAYS = ("failed with the error", "Try again")  # a command; a button or a modal
SIDES = {"before": 0, "during": 1}  # how much is recorded of what the bot did not live to hear
BAN, LOG = f'/ops user ban shop {JO} reason="{{}}"', '/ops db slow-log shop lasting=5m reason="{}"'

Act = Callable[[], Awaitable[Outcome]]


@dataclass(frozen=True)
class Door:
    """What somebody does, the event by which it is recorded, and what becomes of it.

    `before` happens in peace and gives the run that it is about, or the least number of the one that it begins. `anew`:
    whoever does it again means another: a look that is offered.
    """

    event: str
    before: Callable[[Story, str], Awaitable[tuple[int, Act]]]
    ends: Callable[[Run], Awaitable[None]]
    anew: bool = False

    async def play(self, story: Story, side: str) -> None:
        """The bot is killed at that side of the commit, and the person does the same again."""
        last = await story.last()
        run, act = await self.before(story, f"drill {last}")
        heard = await unheard(story, run - 1, f"{side} {self.event}", act)
        assert not heard.ok
        assert any(words in heard.text for words in SLACK_SAYS), heard
        assert await _recorded(story, run, self.event) == SIDES[side]
        await reachable(story)
        assert (again := await act()).ok, again
        once = SIDES[side] + 1 if self.anew else 1
        assert await _recorded(story, run, self.event) == once
        runs = await story.ledger.fetch("SELECT id FROM tandem.runs WHERE id >= $1", run)
        assert len(runs) == once
        for row in runs:
            await self.ends(Run(story, row["id"]))


async def _recorded(story: Story, since: int, event: str) -> int:
    return int(
        await story.ledger.fetchval("SELECT count(*) FROM tandem.events WHERE run >= $1 AND kind = $2", since, event)
    )


# --- asks ----------------------------------------------------------------------------------------------------------


async def types(story: Story, reason: str) -> tuple[int, Act]:
    return await story.last() + 1, lambda: story.slack.command("ana", "incidents", LOG.format(reason))


async def sends_the_form(story: Story, reason: str) -> tuple[int, Act]:
    await story.types("ana", f'/ops db restore shop backup={await story.first_backup()} reason="{reason}"')
    form = await story.slack.wait_for_view("ana")
    return await story.last() + 1, lambda: story.slack.submit("ana", form, {TYPE_AGAIN: "shop"})


async def presses_an_offer(story: Story, reason: str) -> tuple[int, Act]:
    run = await story.asks("ana", f'/ops db verify-backup shop backup=none reason="{reason}"')
    await run.ends("refused")
    await run.shows("List backups")
    card = await run.card()
    return run.id + 1, lambda: story.slack.click("ana", card, "List backups")


async def tries_again(story: Story, reason: str) -> tuple[int, Act]:
    """What failed in a ban that went on to its end: the mail, to an address that was mended since."""
    run = await _ban(story, reason)
    address = await _address(story, "jo and jo@customers.example")
    await run.press("ben", "Approve")
    await run.ends()
    await _address(story, address)
    await run.shows("Done, but 1 step failed", "Try again")
    card = await run.copy_of_card()
    return run.id + 1, lambda: story.slack.click("ana", card, "Try again")


async def _address(story: Story, given: str) -> str:
    """Gives the user another mail address; which one it was."""
    async with story.stage.databases.server.connect("shop") as conn:
        before = await conn.fetchval("SELECT email FROM auth.users WHERE id = $1", JO)
        await conn.execute("UPDATE auth.users SET email = $2 WHERE id = $1", JO, given)
        return str(before)


async def mailed(run: Run) -> None:
    """By an approval of its own: the asker of the ban did not give it."""
    run, box = Run(run.story, run.id, "releases"), run.story.stage.home / "mail"  # where the button's copy stands
    before = len(list(box.glob("*.eml")))
    await run.can_be_approved()
    await run.press("ben", "Approve")
    await run.ends()
    assert len(list(box.glob("*.eml"))) == before + 1
    await (await run.story.asks("ben", f'/ops user unban shop {JO} reason="after {run.tag}"')).ends()


async def waits(run: Run) -> None:
    await run.reaches("for")
    assert len(await run.cards()) == 1


async def can_be_approved(run: Run) -> None:
    await run.can_be_approved()
    assert len(await run.cards()) == 1


# --- words about a run that waits ----------------------------------------------------------------------------------


async def _ban(story: Story, reason: str) -> Run:
    run = await story.asks("ana", BAN.format(reason))
    await run.can_be_approved()
    return run


def presses(person: str, label: str) -> Callable[[Story, str], Awaitable[tuple[int, Act]]]:
    """A button that does it at once."""

    async def before(story: Story, reason: str) -> tuple[int, Act]:
        run = await _ban(story, reason)
        card = await run.copy_of_card()  # as on a screen that was not drawn anew
        return run.id, lambda: story.slack.click(person, card, label)

    return before


def words(person: str, label: str, **given: str) -> Callable[[Story, str], Awaitable[tuple[int, Act]]]:
    """A button that opens a modal, which does it when it is sent."""

    async def before(story: Story, reason: str) -> tuple[int, Act]:
        return await _opened(await _ban(story, reason), person, label, given)

    return before


async def _opened(run: Run, person: str, label: str, given: dict[str, str]) -> tuple[int, Act]:
    await run.press(person, label)
    view = await run.slack.wait_for_view(person)
    return run.id, lambda: run.slack.submit(person, view, dict(given))


async def answers_back(story: Story, reason: str) -> tuple[int, Act]:
    run = await _ban(story, reason)
    await run.press("ben", "Ask back", text="why him?")
    await run.shows("Answer")
    return await _opened(run, "ana", "Answer", {"text": "see the ticket"})


async def cancels_what_runs(story: Story, reason: str) -> tuple[int, Act]:
    run = await story.asks("ana", LOG.format(reason))
    await run.reaches("for")
    await run.shows("Cancel")
    return await _opened(run, "ana", "Cancel", {})


async def answers_a_doubt(story: Story, reason: str) -> tuple[int, Act]:
    """The ledger seems to have gone back in time: whatever was under way asks."""
    run = await story.asks("ana", LOG.format(reason))
    await run.reaches("for")

    async def moved() -> None:
        await story.ledger.execute("UPDATE tandem.ledger_home SET timeline = timeline + 1")

    await killed(story, moved)
    await reachable(story)
    await run.shows("Do it again")
    card = await run.copy_of_card()
    return run.id, lambda: story.slack.click("ana", card, "Do it again")


async def calls_who_could(story: Story, reason: str) -> tuple[int, Act]:
    run = await _ban(story, reason)
    await run.refuses("ana", "Approve", "somebody else must decide")
    told = (await story.slack.ephemerals("ana", "incidents"))[-1]
    return run.id, lambda: story.slack.click("ana", told, ASK_THEM)


async def calls_who_may_ask(story: Story, reason: str) -> tuple[int, Act]:
    """For a time of its own: the same wish is told once in ten minutes."""
    line = f'/ops db slow-log shop lasting={5 + await story.last()}m reason="{reason}"'
    assert "engineers may ask for it" in await story.told("dan", line)
    told = (await story.slack.ephemerals("dan", "incidents"))[-1]
    return await story.last() + 1, lambda: story.slack.click("dan", told, ASK_THEM)


def ends(state: str) -> Callable[[Run], Awaitable[None]]:
    async def over(run: Run) -> None:
        await run.ends(state)

    return over


async def waits_on(run: Run) -> None:
    assert await run.state() == "awaiting_approval"


async def banned(run: Run) -> None:
    """By one approval; and the ban is lifted again."""
    await run.ends()
    assert await run.story.ledger.fetchval("SELECT count(*) FROM tandem.approvals WHERE run = $1", run.id) == 1
    await (await run.story.asks("ben", f'/ops user unban shop {JO} reason="after {run.tag}"')).ends()


DOORS = {
    "ask by command": Door("asked", types, waits),
    "ask by form": Door("asked", sends_the_form, can_be_approved),
    "press an offer": Door("asked", presses_an_offer, ends("succeeded"), anew=True),
    "try again": Door("asked", tries_again, mailed),
    "approve": Door("approval", presses("ben", "Approve"), banned),
    "deny": Door("denied", words("ben", "Deny", text="not today"), ends("denied")),
    "ask back": Door("ask_back", words("ben", "Ask back", text="why him?"), waits_on),
    "answer back": Door("answer_back", answers_back, waits_on),
    "amend": Door("amended", words("ana", "Amend", reason="a better reason"), can_be_approved),
    "cancel": Door("cancelled", words("ana", "Cancel"), ends("cancelled")),
    "cancel what runs": Door("cancel_wished", cancels_what_runs, ends("undone")),
    "answer a doubt": Door("answered", answers_a_doubt, waits),
    "call who could": Door("called_in", calls_who_could, waits_on),
    "call who may ask": Door("refused", calls_who_may_ask, ends("refused")),
    "follow": Door("followed", presses("ben", "Tell me when done"), waits_on),
}
POINTS = [f"{name}: {side}, {way}" for way in ("http", "socket") for name in DOORS for side in SIDES]


async def kill(config: pytest.Config, point: str) -> None:
    name, _, rest = point.partition(": ")
    side, _, way = rest.partition(", ")
    try:
        async with people(played(config, way)) as story:
            await DOORS[name].play(story, side)
    except Exception as error:
        told = f"TANDEM_KILL_DOOR='{point}' .venv/bin/python -m pytest tests/recovery/test_doors_killed.py"
        error.add_note(f"replay: {told} -k somewhere")
        raise


async def test_what_was_killed_somewhere_before_its_commit_is_done_once_when_it_is_done_again(
    request: pytest.FixtureRequest, tell: Tell
) -> None:
    """One point by seed, over HTTP, or the one named by TANDEM_KILL_DOOR; `make prove` tries them all."""
    seed = SEED or str(random.SystemRandom().randrange(10**6))
    point = KILL or random.Random(seed).choice([one for one in POINTS if one.endswith("http")])
    tell(f"{len(POINTS)} points; TANDEM_SEED={seed} chose {point!r}")
    await kill(request.config, point)


@pytest.mark.prove
@pytest.mark.parametrize("point", POINTS)
async def test_what_was_killed_before_its_commit_is_done_once_when_it_is_done_again(
    request: pytest.FixtureRequest, point: str
) -> None:
    await kill(request.config, point)
