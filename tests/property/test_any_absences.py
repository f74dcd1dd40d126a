"""Any people away, any who approve, in any order on the real database, against a trial of every assignment."""

import secrets
from itertools import permutations, product
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.property.oracle import GROUPS
from tests.property.test_any_people import stage as stage
from tests.support.plugin import Home
from tests.support.story import Story

PEOPLE = ("ana", "ben", "cleo", "dora", "emil")
SLOTS = (("dba",), ("dba", "security"), ("dba", "dba"), ("dba", "dba", "security"))
AWAY = st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), max_size=3)  # who is away -> who stands in


def possible(away: dict[str, str]) -> dict[str, str]:
    """Without those that the database refuses: to oneself, to who is away, handed on."""
    return {giver: taker for giver, taker in away.items() if taker != giver and taker not in away}


def suffice(slots: tuple[str, ...], said: list[str], void: set[str], away: dict[str, str]) -> bool:
    """By trial of everything: a different person and a different right for each slot."""
    voices = [p for p in said if p not in void]
    rights = {p: [p, *(g for g, t in away.items() if t == p and g not in void)] for p in voices}
    for people in permutations(voices, len(slots)):
        for used in product(*(rights[person] for person in people)):
            if len(set(used)) == len(slots) and all(r in GROUPS[s] for r, s in zip(used, slots, strict=True)):
                return True
    return False


async def play(
    home: Home, slots: tuple[str, ...], asker: str, about: list[str], away: dict[str, str], said: list[str]
) -> None:
    story = Story(home)
    await home.own.execute("UPDATE policy SET slots = $1 WHERE command = 'test destroy'", list(slots))
    await hand_over(story, away)
    run = await story.proposed(asker, "test destroy", subjects=about, key=secrets.token_hex(8))
    for person in PEOPLE:
        await story.saw(person)
    void, given_so_far = {asker, *about}, list[str]()
    # who asks about themselves is not one of the two people
    needed = slots + slots[:1] if asker in about and len(slots) < 2 else slots
    for person in said:
        answer = await story.approve(person, run)
        given_so_far.append(person)
        enough = suffice(needed, given_so_far, void, away)
        assert answer.get("queued", False) is enough, (answer, given_so_far)
        if enough:
            sql = "SELECT grp, person, coalesce(stands_for, person) AS by FROM slots WHERE run = $1"
            rows = await home.pool.fetch(sql, run)
            assert len({row["person"] for row in rows}) == len({row["by"] for row in rows}) == len(needed)
            assert all(row["by"] in GROUPS[row["grp"]] and row["by"] not in void for row in rows)
            assert all(row["by"] == row["person"] or away[row["by"]] == row["person"] for row in rows)
            break
    await story.say(asker, run, "cancel")


async def hand_over(story: Story, away: dict[str, str]) -> None:
    """As the walls would have let it stand, and nothing of the example before."""
    runs = [int((await story.ask("emil", "test look", key=secrets.token_hex(8)))["run"]) for _ in away]
    async with story.home.own.acquire() as conn, conn.transaction():
        await conn.execute("ALTER TABLE delegations DISABLE TRIGGER USER; DELETE FROM delegations")
        for run, (giver, taker) in zip(runs, away.items(), strict=True):
            span = "clock() - interval '1 h', clock() + interval '1 h', clock()"
            await conn.execute(f"INSERT INTO delegations VALUES ($1, $2, $3, {span})", run, giver, taker)
        await conn.execute("ALTER TABLE delegations ENABLE ALWAYS TRIGGER wall, ENABLE ALWAYS TRIGGER append_only")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(slots=("dba", "dba"), asker="ana", about=[], away={"cleo": "emil"}, said=["emil", "cleo", "ben"])
@example(slots=("dba", "security"), asker="ana", about=[], away={"dora": "ben"}, said=["ben", "cleo"])
@example(slots=("dba",), asker="cleo", about=[], away={"cleo": "emil"}, said=["emil", "ben"])
@example(slots=("dba",), asker="ana", about=["ana"], away={}, said=["ben", "cleo"])
@given(
    slots=st.sampled_from(SLOTS),
    asker=st.sampled_from(("ana", "ben", "cleo")),
    about=st.lists(st.sampled_from(PEOPLE), max_size=1),
    away=AWAY.map(possible),
    said=st.permutations(PEOPLE),
)
def test_a_run_is_queued_exactly_when_different_people_by_different_rights_fill_its_slots(
    stage: Any, slots: tuple[str, ...], asker: str, about: list[str], away: dict[str, str], said: list[str]
) -> None:
    loop, home = stage
    loop.run_until_complete(play(home, slots, asker, about, away, list(said)))
