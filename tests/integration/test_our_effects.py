"""Effects that are rows of our own: written with the ledger row that says *done*, or not at all, and once."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

import bot.connectors
from bot.connectors.tandem import (
    AddFreeze,
    DeclareIncident,
    Delegate,
    EndDelegation,
    EndFreeze,
    EndIncident,
    ErasePersonal,
    GrantStanding,
    RevokeStanding,
)
from bot.discovery import deeds
from bot.effect import Effect, Personal, Survival
from bot.model import Mark, Way
from bot.store.pool import NotTaken
from bot.store.store import Claimed
from tests.integration.test_standing_approvals import GRANT, GRANTING, TERMS
from tests.support.plugin import Home
from tests.support.story import Story

ADD = AddFreeze(name="f", services=("web",), starts_in=timedelta(0), lasting=timedelta(hours=1), reason="a sale")
GIVE = GrantStanding(**GRANT, lasting=timedelta(days=1))
DECLARE = DeclareIncident(title="checkout is down", severity="P0", services=("web",))
HAND = Delegate(giver="ana", taker="emil", starts=None, lasting=timedelta(hours=1))
TOKEN = f"p-{'0' * 32}"
ERASE = ErasePersonal(values=(Personal(TOKEN),), at_most=1)
OURS: dict[Effect[Any], tuple[Effect[Any], ...]] = {  # each, and what is there before it
    ADD: (),
    EndFreeze(name="f"): (ADD,),
    GIVE: (),
    RevokeStanding(schedule="prune"): (GIVE,),
    DECLARE: (),
    EndIncident(incident="r1"): (DECLARE,),
    HAND: (),
    EndDelegation(delegation="r1"): (HAND,),
    ERASE: (),
}
# What two people agreed to, of what needs that.
AGREED = {
    "tandem.Delegate@1": {"giver": "ana", "taker": "emil", "lasting": "3600 s", "starts": None},
    "tandem.ErasePersonal@1": {"values": [TOKEN], "at_most": 1},
}
# A value that somebody gave to this very run.
KEPT = """
INSERT INTO personal_subjects VALUES (gen_random_uuid(), '\\x01', '\\x02', clock(), '\\x03');
INSERT INTO personal_values SELECT '{token}', {run}, id, '\\x04', '\\x05', clock() FROM personal_subjects;
INSERT INTO personal_uses VALUES ({run}, '{token}');
"""


async def held(home: Home) -> Claimed:
    """A run that two people agreed to, and that has begun."""
    await home.own.execute(TERMS)
    story = Story(home)
    run = int((await story.ask("ana", "test destroy"))["run"])
    more = [{"name": kind, "does": {"kind": kind, "args": args}} for kind, args in AGREED.items()]
    await story.propose(run, plan={**GRANTING, "steps": [*GRANTING["steps"], *more]})
    await story.show(run)
    await story.saw("ben")
    assert (await story.approve("ben", run))["queued"]
    claimed = await story.claim(run)
    assert await home.ledger.begin(claimed) == "started"
    await home.own.execute(KEPT.format(token=TOKEN, run=run))
    return claimed


async def settle(home: Home, claimed: Claimed, effect: Effect[Any], step: str, *, begun: bool = True) -> None:
    """One attempt, as the engine makes it."""
    own = {"record": type(effect).__name__, **effect.model_dump(mode="json")}
    if begun:
        started = "SELECT started($1, $2, $3, $4, 'do', 1, '1 min', '{}')"
        await home.pool.execute(started, claimed.run, claimed.worker, claimed.fence, step)
    settled = "SELECT settled($1, $2, $3, $4, 'do', 1, 'done', '{}', NULL, $5)"
    await home.pool.execute(settled, claimed.run, claimed.worker, claimed.fence, step, own)


async def rows(home: Home) -> list[list[Any]]:
    """All that these effects could change."""
    tables = ("freezes", "standings", "revocations", "incidents", "delegations", "withdrawals", "erasures")
    personal = ("personal_subjects", "personal_values")
    return [await home.own.fetch(f"SELECT * FROM {table} ORDER BY 1") for table in (*tables, *personal)]


def test_every_effect_of_our_own_is_tried_here() -> None:
    classes = deeds(bot.connectors).classes.values()
    ours = {kind for kind in classes if issubclass(kind, Effect) and kind.survives is Survival.OURS}
    assert {type(effect) for effect in OURS} == ours


@pytest.mark.parametrize("effect", OURS, ids=lambda effect: type(effect).__name__)
async def test_cut_short_it_has_left_nothing_and_done_twice_it_is_as_done_once(home: Home, effect: Effect[Any]) -> None:
    claimed = await held(home)
    for number, earlier in enumerate(OURS[effect]):
        await settle(home, claimed, earlier, f"before-{number}")
    before, seq = await rows(home), await home.pool.fetchval("SELECT seq FROM runs")
    with pytest.raises(asyncpg.PostgresError):
        await settle(home, claimed, effect, "cut", begun=False)  # its own row comes first; then the ledger refuses
    with pytest.raises(asyncpg.PostgresError, match="no longer held"):
        await settle(home, claimed.model_copy(update={"fence": 0}), effect, "lost", begun=False)
    assert (await rows(home), await home.pool.fetchval("SELECT seq FROM runs")) == (before, seq)
    await settle(home, claimed, effect, "first")
    once = await rows(home)
    assert once != before
    await settle(home, claimed, effect, "second")
    assert await rows(home) == once


async def test_what_a_wall_refuses_has_surely_not_happened_and_nobody_is_asked_about_it(home: Home) -> None:
    claimed, before = await held(home), await rows(home)
    other = GrantStanding(**GRANT | {"terms": "of another plan"}, lasting=timedelta(days=1))
    started = "SELECT started($1, $2, $3, 'a', 'do', 1, '1 min', '{}')"
    await home.pool.execute(started, claimed.run, claimed.worker, claimed.fence)
    own = {"record": "GrantStanding", **other.model_dump(mode="json")}
    with pytest.raises(NotTaken, match="nobody agreed to this standing approval"):
        await home.ledger.settled(claimed, "a", Way.DO, 1, Mark.DONE, {}, own=own)
    assert await rows(home) == before
