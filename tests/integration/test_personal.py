"""Personal values on a real database: sealed by the door, opened for the run alone, erased for good."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot import render
from bot.effect import Personal
from bot.model import State
from bot.personal import ERASED, HIDDEN, TOKEN
from bot.render.details import whole
from bot.store.audit import verify
from bot.store.store import Doors
from tests.support.factory import PERSONAL
from tests.support.letters import name_of
from tests.support.place import JO, KIM, Place, placed, who
from tests.support.plugin import Home


@pytest.fixture
async def place(home: Home, tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(home, tmp_path) as place:
        yield place


async def test_the_effect_gets_the_whole_and_everything_else_the_token(place: Place) -> None:
    run = await place.done("test invite", email=JO)
    assert place.factory.folder.text(name_of(JO)) == JO
    row = await place.factory.story.row(run)
    assert TOKEN.fullmatch(row.params["email"])
    assert row.params["email"] in str(row.plan)
    assert "canary" not in await place.stored()
    assert await place.sentence(run) == "Invite J…@customers.example"
    assert await place.headline(run) == "J…@customers.example is invited"
    view = (await place.view(run)).model_copy(update={"given": {}, "masks": {}})
    assert not TOKEN.search(str(view.model_copy(update={"plan": None})) + str(view.steps))


async def test_a_read_by_a_personal_value_finds_whom_it_names(place: Place) -> None:
    await place.done("test invite", email=JO)
    run = await place.done("test find", email=JO)
    assert await place.headline(run) == "J…@customers.example has 1 letters"


async def test_one_person_has_one_key_however_the_value_is_written(place: Place) -> None:
    for value in (JO, JO.upper(), f" {JO} ".strip(), KIM):
        await place.done("test invite", email=value)
    own = place.factory.home.own
    assert await own.fetchval("SELECT count(*) FROM personal_subjects") == 2
    assert await own.fetchval("SELECT count(*) FROM personal_values") == 4


async def test_many_who_ask_of_a_new_person_at_once_share_one_key(place: Place) -> None:
    outcomes = await asyncio.gather(*(place.asks("test find", email=JO) for _ in range(5)))
    for outcome in outcomes:
        assert (await place.factory.end(outcome.run or 0)).state is State.SUCCEEDED
    assert await place.factory.home.own.fetchval("SELECT count(*) FROM personal_subjects") == 1


async def test_an_erasure_between_the_two_asks_of_a_door_leaves_the_new_value_a_key_of_its_own(place: Place) -> None:
    await place.done("test invite", email=JO)
    own, doors = place.factory.home.own, place.service.doors
    old = await own.fetchval("SELECT id FROM personal_subjects")
    answers = []

    class Between(Doors):
        async def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
            answers.append(await super().ask(asked))
            if len(answers) == 1:
                place.service.doors = doors
                await place.erased(value=JO)
                place.service.doors = self
            return answers[-1]

    place.service.doors = Between(place.factory.home.pool)
    run = await place.done("test find", email=JO)
    assert [answer["code"] for answer in answers] == ["subjects", "subjects", "asked"]
    assert await place.headline(run) == "J…@customers.example has 1 letters"
    assert await own.fetchval("SELECT id FROM personal_subjects") != old


async def test_erased_is_gone_for_good_and_the_audit_still_verifies(place: Place) -> None:
    first = await place.done("test invite", email=JO)
    second = await place.done("test find", email=JO.upper())
    other = await place.done("test invite", email=KIM)
    run = await place.erased(value=JO)
    assert await place.headline(run) == "Erased: 3 values of 3 runs, requests to erase included"
    assert await place.sentence(first) == f"Invite {ERASED}"
    assert await place.headline(second) == f"{ERASED} has 0 letters"
    assert await place.sentence(run) == f"Erase {ERASED}: 2 values of 2 runs (r{first}, r{second})"
    for gone in (first, second, run):
        assert "customers.example" not in str(await place.view(gone))
    assert await place.sentence(other) == "Invite k…@customers.example"
    own = place.factory.home.own
    assert await own.fetchval("SELECT count(*) FROM personal_values WHERE value IS NOT NULL") == 1
    assert PERSONAL.lookup(JO) not in [r[0] for r in await own.fetch("SELECT lookup FROM personal_subjects")]
    await place.factory.ledger.checkpoint()
    assert await verify(place.factory.home.pool) == []


async def test_the_plan_of_an_erasure_says_how_much_and_only_that_is_erased(place: Place) -> None:
    first = await place.done("test invite", email=JO)
    run = await place.run("ops personal erase", value=JO)
    await place.factory.state(run, State.AWAITING)
    plan = (await place.view(run)).plan
    assert plan is not None
    assert plan.sentence == f"Erase J…@customers.example: 1 value of 1 run (r{first})"
    assert [(lost.now, lost.at_most) for lost in plan.loses] == [(1, 1)]
    late = await place.done("test find", email=JO)
    for someone in ("ana", "ben"):
        await place.factory.story.saw(someone)
    await place.factory.story.approve("ben", run)
    place.factory.worker.wake()
    assert (await place.factory.end(run)).state is State.FAILED
    assert ("step_failed", "another run was given this since the plan was made: nothing was erased; ask anew") in (
        await place.kinds(run)
    )
    assert await place.headline(late) == "J…@customers.example has 1 letters"


async def test_a_person_is_erased_by_a_run_too_and_not_while_one_needs_it(place: Place) -> None:
    live = await place.run("test invite", email=JO, grave=True)
    await place.factory.state(live, State.AWAITING)
    refused = await place.done("ops personal erase", State.REFUSED, value=JO)
    assert f"r{live} has not ended" in str(await place.kinds(refused))
    await place.service.cancel(who("ana"), live, "a drill", "c1")
    await place.factory.end(live)
    by_run = await place.run("ops personal erase", run=f"R{live}")
    await place.factory.state(by_run, State.AWAITING)
    assert await place.sentence(by_run) == f"Erase whomever r{live} was about: 1 value of 1 run (r{live})"
    outcome, values = await place.service.unmask(who("ben"), by_run)
    assert (outcome.code, [secret.reveal() for secret in values.values()]) == ("done", [JO])
    assert JO in str(whole(await place.view(by_run), values))
    await place.approves(by_run)
    assert ERASED in str((await place.view(live)).plan)
    again = await place.done("ops personal erase", State.REFUSED, run="r999")
    assert "holds no personal value" in str(await place.kinds(again))


async def test_what_was_erased_opens_for_no_run_that_still_names_it(place: Place) -> None:
    first = await place.done("test invite", email=JO)
    await place.erased(value=JO)
    entry = place.service.house.entry("test invite")
    params = entry.params.model_validate((await place.view(first)).given)
    outcome = await place.service.ask(who("ana"), "C0OPS", entry, params, key="again")
    assert outcome.run is not None
    assert (await place.factory.end(outcome.run)).state is State.FAILED
    assert "the personal value was erased by" in str(await place.kinds(outcome.run))


async def test_two_erasures_at_once_are_one(place: Place) -> None:
    await place.done("test invite", email=JO)
    outcomes = await asyncio.gather(*(place.asks("ops personal erase", value=JO) for _ in range(2)))
    runs = [outcome.run or 0 for outcome in outcomes]
    for run in runs:
        await place.factory.state(run, State.AWAITING)
    for someone in ("ana", "ben"):
        await place.factory.story.saw(someone)
    await asyncio.gather(*(place.factory.story.approve("ben", run) for run in runs))
    place.factory.worker.wake()
    for run in runs:
        assert (await place.factory.end(run)).state is State.SUCCEEDED, await place.kinds(run)
    told = sorted([await place.headline(run) for run in runs])
    assert told == ["Erased: 3 values of 3 runs, requests to erase included", "It was erased already"]
    assert await place.factory.home.own.fetchval("SELECT count(*) FROM personal_subjects") == 0
    assert await verify(place.factory.home.pool) == []


async def test_asks_and_an_erasure_at_once_end_as_if_one_came_first(place: Place) -> None:
    """Whatever was asked before is erased with it or keeps it from erasing; whatever comes after has a new key."""
    await place.done("test invite", email=JO)
    own = place.factory.home.own
    old = await own.fetchval("SELECT id FROM personal_subjects")
    run = await place.run("ops personal erase", value=JO)
    await place.factory.state(run, State.AWAITING)
    for someone in ("ana", "ben"):
        await place.factory.story.saw(someone)
    asks = [place.asks("test find", email=JO.lower()) for _ in range(6)]
    place.factory.worker.wake()
    _, *outcomes = await asyncio.gather(place.factory.story.approve("ben", run), *asks)
    place.factory.worker.wake()
    ended = await place.factory.end(run)
    for outcome in outcomes:
        assert (await place.factory.end(outcome.run)).state in (State.SUCCEEDED, State.FAILED)
    left = {r["subject"] for r in await own.fetch("SELECT subject FROM personal_values WHERE subject IS NOT NULL")}
    assert left == {r["id"] for r in await own.fetch("SELECT id FROM personal_subjects")}
    assert (old in left) == (ended.state is State.FAILED)
    await place.erased(value=JO)
    assert await own.fetchval("SELECT count(*) FROM personal_values WHERE num_nulls(value, mask, subject) < 3") == 0
    await place.done("test invite", email=JO)
    assert await own.fetchval("SELECT id FROM personal_subjects") not in {old, *left}


async def test_undo_and_a_called_run_work_by_the_token(place: Place) -> None:
    parent = await place.done("test invite", email=JO, calls=True)
    view = await place.view(parent)
    child = await place.view(view.children[0])
    assert child.given["email"] == view.given["email"]
    assert place.factory.folder.lines().count(f"letter to {name_of(JO)}") == 2
    place.factory.folder.put("order.page", "permanent")
    await place.done("test invite", State.UNDONE, email=KIM, fails=True)
    assert not place.factory.folder.has(name_of(KIM))
    assert f"burn {name_of(KIM)}" in place.factory.folder.lines()


async def test_another_worker_goes_on_with_the_token(home: Home, tmp_path: Path) -> None:
    async with placed(home, tmp_path) as first:
        first.factory.folder.put("order.letter", "hang")
        run = await first.run("test invite", email=JO)
        await first.factory.until(run, lambda row: row.state is State.RUNNING)
        await first.factory.until(run, lambda row: first.factory.folder.has(name_of(JO)))
    first.factory.folder.put("order.letter", "")
    async with placed(home, tmp_path) as second:
        assert (await second.factory.end(run, within=30)).state is State.SUCCEEDED
        assert second.factory.folder.lines().count(f"letter to {name_of(JO)}") == 1


async def test_the_same_words_are_found_by_the_person_and_never_by_what_is_written_down(place: Place) -> None:
    line = f'/test invite {JO} reason="a drill"'
    first = await place.asks("test invite", email=JO, words=line)
    assert (await place.asks("test invite", email=JO.lower(), words=line.lower())).run == first.run
    assert (await place.asks("test invite", email=KIM, words=line.replace(JO, KIM))).run != first.run
    assert "canary" not in await place.stored()


async def test_an_amended_request_is_about_whom_it_names_now(place: Place) -> None:
    run = await place.run("test invite", email=JO, grave=True)
    row = await place.factory.state(run, State.AWAITING)
    entry = place.service.house.entry("test invite")
    params = entry.params.model_validate({"email": Personal.typed(KIM), "grave": True, "reason": "the other one"})
    outcome = await place.service.amend(who("ana"), run, row.fingerprint or "", entry, params, "a1")
    assert outcome.ok
    await place.factory.until(run, lambda row: row.state is State.AWAITING and row.params["email"] in (row.plan or ""))
    assert await place.sentence(run) == "Invite k…@customers.example"
    said = json.dumps(render.card(await place.view(run)).content, ensure_ascii=False)
    assert "email: J…@customers.example → k…@customers.example" in said
    assert not TOKEN.search(said)
    [waiting] = await place.factory.views.awaiting()
    assert waiting.brief.changes[:1] == (f"email: {HIDDEN} → {HIDDEN}",)
    assert "canary" not in await place.stored()


async def test_who_may_see_the_whole_and_that_they_looked_is_an_event(place: Place) -> None:
    run = await place.run("test invite", email=JO, grave=True)
    await place.factory.state(run, State.AWAITING)
    token = await place.token(run)
    for person, code in (("ana", "done"), ("ben", "done"), ("emil", "no_approver"), ("dora", "no_approver")):
        outcome, values = await place.service.unmask(who(person), run)
        assert outcome.code == code, person
        assert {t: secret.reveal() for t, secret in values.items()} == ({token: JO} if code == "done" else {})
    looked = [e.actor for e in await place.factory.ledger.events(run) if e.kind == "unmasked"]
    assert looked == ["ana", "ben"]
    await place.service.cancel(who("ana"), run, "", "c2")
    await place.factory.end(run)
    outcome, values = await place.service.unmask(who("ben"), run)
    assert (outcome.code, values) == ("masked_for_good", {})


async def test_whoever_asks_again_what_another_typed_sees_the_mask_alone(place: Place) -> None:
    first = await place.run("test invite", email=JO, grave=True)
    await place.factory.state(first, State.AWAITING)
    entry = place.service.house.entry("test invite")
    params = entry.params.model_validate((await place.view(first)).given)
    again = await place.service.ask(who("dora"), "C0OPS", entry, params, key="doras")
    assert again.run is not None
    await place.factory.state(again.run, State.AWAITING)
    outcome, values = await place.service.unmask(who("dora"), again.run)
    assert (outcome.code, values) == ("no_approver", {})
