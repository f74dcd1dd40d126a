"""TANDEM_PERSONAL_KEY is changed: what was kept is found, opened and erased by its former key, the new by the new."""

import asyncio
import copy
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.doctor.finding import Mark
from bot.doctor.ledger import personal_values
from bot.effect import Personal
from bot.model import State
from bot.personal import ERASED
from bot.seal import PersonalSeal
from bot.store.personal import PersonalStore
from bot.store.store import Doors
from config.settings import Settings, load
from tests.support.place import JO, KIM, Place, placed, who
from tests.support.plugin import Home

OLD, NEW, OTHER = b"p" * 32, b"q" * 32, b"r" * 32
OLD_ONLY, NEW_ONLY, BOTH = PersonalSeal(OLD), PersonalSeal(NEW), PersonalSeal(NEW, OLD)


@pytest.fixture
async def place(home: Home, tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(home, tmp_path) as place:
        yield place


def holds(place: Place, seal: PersonalSeal) -> None:
    """The bot is started again with these keys."""
    place.factory.kept.seal = seal


async def under(place: Place) -> dict[bytes, int]:
    """How many values are kept under each key."""
    rows = await place.factory.home.pool.fetch("SELECT mark, kept FROM personal_under()")
    return {row["mark"]: row["kept"] for row in rows}


async def refused(place: Place, seal: PersonalSeal, value: str = KIM) -> str:
    """What a copy of the bot with these keys says to a personal value."""
    before, place.service.kept = place.service.kept, PersonalStore(place.factory.home.pool, seal)
    try:
        outcome = await place.asks("test find", email=value)
    finally:
        place.service.kept = before
    assert outcome.code == "no_key", outcome
    return outcome.sentence


async def test_what_was_kept_before_is_shown_opened_and_erased_and_who_is_new_is_under_the_new_key(
    place: Place,
) -> None:
    first = await place.done("test invite", email=JO)
    holds(place, BOTH)
    assert await place.sentence(first) == "Invite J…@customers.example"
    found = await place.done("test find", email=JO)
    assert await place.headline(found) == "J…@customers.example has 1 letters", "one person still has one key"
    await place.done("test invite", email=KIM)
    assert await under(place) == {OLD_ONLY.mark: 2, NEW_ONLY.mark: 1}
    run = await place.erased(value=JO)
    assert await place.headline(run) == "Erased: 3 values of 3 runs, requests to erase included"
    assert await place.sentence(first) == f"Invite {ERASED}"
    assert await under(place) == {OLD_ONLY.mark: 0, NEW_ONLY.mark: 1}


async def test_the_former_key_may_go_once_nothing_is_kept_under_it(place: Place) -> None:
    await place.done("test invite", email=JO)
    holds(place, BOTH)
    await place.done("test invite", email=KIM)
    assert "is another than the one under which" in await refused(place, NEW_ONLY)
    await place.erased(value=JO)
    holds(place, NEW_ONLY)
    await place.done("test find", email=JO)
    assert await under(place) == {OLD_ONLY.mark: 0, NEW_ONLY.mark: 2}


async def test_a_copy_that_was_not_started_again_takes_no_more(place: Place) -> None:
    """Else one person could come to have two keys, and be half erased."""
    await place.done("test invite", email=JO)
    holds(place, BOTH)
    await place.done("test invite", email=KIM)
    for seal in (OLD_ONLY, PersonalSeal(OTHER), PersonalSeal(OTHER, NEW)):
        assert "is another than the one under which" in await refused(place, seal, JO)
    assert sum((await under(place)).values()) == 2


async def test_the_key_may_be_changed_back(place: Place) -> None:
    await place.done("test invite", email=JO)
    holds(place, BOTH)
    await place.done("test invite", email=KIM)
    holds(place, PersonalSeal(OLD, NEW))
    await place.done("test find", email=KIM)
    await place.done("test find", email="lou@customers.example")
    assert await under(place) == {OLD_ONLY.mark: 2, NEW_ONLY.mark: 2}


async def test_the_same_words_with_the_same_person_are_the_same_run_across_the_change(place: Place) -> None:
    line = "/test invite"
    first = await place.asks("test invite", email=JO, words=line)
    holds(place, BOTH)
    again = await place.asks("test invite", email=JO.lower(), words=line)
    assert (again.code, again.run) == ("same_words", first.run)
    other = await place.asks("test invite", email=KIM, words=line)
    assert (other.code, other.run != first.run) == ("asked", True)


async def test_of_two_copies_with_two_keys_one_takes_nothing_from_the_first_value_on(place: Place) -> None:
    async def keeps(seal: PersonalSeal, person: str) -> str:
        service = copy.copy(place.service)
        service.kept = PersonalStore(place.factory.home.pool, seal)
        entry, email = (
            service.house.entry("test find"),
            Personal.typed(f"{seal.mark.hex()[:8]}.{person}@customers.example"),
        )
        params = entry.params.model_validate({"email": email})
        return (await service.ask(who(person), "C0OPS", entry, params, key=f"{person} {seal.mark.hex()}")).code

    people = ("ana", "ben", "cleo", "dora")  # one person's asks go one after the other
    codes = await asyncio.gather(*(keeps(seal, one) for one in people for seal in (OLD_ONLY, NEW_ONLY)))
    assert sorted(codes) == ["asked"] * 4 + ["no_key"] * 4
    assert list((await under(place)).values()) == [4]


async def test_a_copy_of_the_version_before_is_served_while_it_is_replaced(place: Place) -> None:
    class Before(Doors):
        """Says what a door said before keys could be changed."""

        async def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
            kept = [
                {n: v for n, v in one.items() if n not in ("lookups", "held")} for one in asked.get("personal") or ()
            ]
            return await super().ask({**asked, **({"personal": kept} if kept else {})})

    place.service.doors = Before(place.factory.home.pool)
    await place.done("test invite", email=JO)
    found = await place.done("test find", email=JO)
    assert await place.headline(found) == "J…@customers.example has 1 letters"
    assert await under(place) == {OLD_ONLY.mark: 2}


async def doctor(place: Place, key: bytes, *former: bytes) -> list[tuple[bool, str]]:
    """Whether it is well, and what is said of the keys."""
    texts = [b64encode(one).decode() for one in (key, *former)]
    settings = load({"TANDEM_PERSONAL_KEY": texts[0], "TANDEM_PERSONAL_FORMER_KEYS": " ".join(texts[1:])})
    assert isinstance(settings, Settings)
    async with place.factory.home.pool.acquire() as conn:
        found = await personal_values(settings, conn)
    assert all(one.mend for one in found if one.mark is Mark.BAD)
    return [(one.mark is not Mark.BAD, one.said) for one in found]


async def test_doctor_says_how_many_values_still_need_a_former_key(place: Place) -> None:
    keep = "keep TANDEM_PERSONAL_FORMER_KEYS"
    assert await doctor(place, NEW, OLD) == [], "nothing is kept yet"
    await place.done("test invite", email=JO)
    assert await doctor(place, OLD) == []
    ((well, said),) = await doctor(place, NEW)
    assert (well, "is another than the one under which" in said) == (False, True)
    assert await doctor(place, NEW, OLD) == [(True, f"1 under a former key: {keep}")]
    await place.erased(value=JO)
    assert await doctor(place, NEW, OLD) == [(True, f"none under the present key yet: {keep}")]
    holds(place, BOTH)
    await place.done("test invite", email=KIM)
    assert await doctor(place, NEW, OLD) == [(True, "none under a former key: TANDEM_PERSONAL_FORMER_KEYS may go")]
    assert await doctor(place, NEW) == []


async def test_a_value_whose_key_is_not_held_is_hidden_and_opens_for_nobody(place: Place) -> None:
    run = await place.done("test invite", email=JO)
    live = await place.run("test invite", email=JO, grave=True)
    await place.factory.state(live, State.AWAITING)
    holds(place, NEW_ONLY)
    assert await place.sentence(run) == "Invite •••"
    outcome, values = await place.service.unmask(who("ben"), live)
    assert (outcome.code, values) == ("no_key", {})
