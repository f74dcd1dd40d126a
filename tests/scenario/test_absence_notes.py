"""Who goes away and who stands in are told by a direct message when that begins or ends by itself; each once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from bot.metrics import CountedClient, Metrics
from bot.render.message import Names
from bot.store.absences import NEWS, AbsenceNotes
from bot.thread.absences import HOLD, QUIET, AbsenceTeller
from deploy.local.slack import SlackServer, Workspace
from deploy.local.slack.client import shown_text
from tests.integration.test_delegations import DAY, Stage
from tests.scenario.door import workspace
from tests.scenario.story import until
from tests.support.company import PEOPLE, account
from tests.support.plugin import Home

NAMES = Names(people={p: p.title() for p in PEOPLE}, accounts={p: (account(p),) for p in PEOPLE})
OTHERS = ("drop", "ratelimited", "server_error")


class House:
    """A workspace, an absence of Cleo's for whom Emil stands in, and who tells the two."""

    def __init__(self, home: Home, slack: Workspace, client: Any, bot_id: str) -> None:
        self.stage, self.slack, self.bot_id, self.names = Stage(home), slack, bot_id, NAMES
        self.home, self.teller = home, AbsenceTeller(AbsenceNotes(home.pool), client, lambda: self.names)

    async def away(self, later: timedelta | None = None) -> int:
        """For a day; `later`: it begins so long from now."""
        starts = (await self.home.ledger.now() + later).isoformat() if later else None
        return await self.stage.away("cleo", "emil", starts=starts)

    async def goes_on(self, by: timedelta) -> None:
        await self.home.move_clock(by)
        self.teller.wake()

    async def told(self, person: str, text: str = "") -> list[str]:
        return [shown_text(one) for one in await self.slack.messages(person, "@bot") if text in shown_text(one)]

    async def hears(self, person: str, text: str) -> str:
        return shown_text(await self.slack.wait_for_message(person, "@bot", text=text))

    async def count(self, which: str, many: int) -> bool:
        """Whether so many notes are like that."""
        return bool(await self.home.pool.fetchval(f"SELECT count(*) FROM absence_notes WHERE {which}") == many)


@pytest.fixture
async def house(home: Home) -> AsyncIterator[House]:
    server = SlackServer(workspace(socket=False), limits=False)
    await server.start()
    try:
        client = CountedClient(Metrics(), token=server.app().bot_token, base_url=server.api_url, timeout=3)
        house = House(home, server.workspace(), client, str((await client.auth_test())["bot_id"]))
        for person in ("cleo", "emil"):
            await house.slack.open_home(person, tab="messages")
        yield house
    finally:
        await server.stop()


@asynccontextmanager
async def telling(house: House, copies: int = 1) -> AsyncIterator[None]:
    jobs = [asyncio.create_task(house.teller.run(lambda: house.bot_id)) for _ in range(copies)]
    try:
        yield
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


async def test_both_are_told_when_it_begins_later_and_when_it_is_over(house: House) -> None:
    run = await house.away(later=timedelta(hours=1))
    async with telling(house, copies=2):
        await house.goes_on(timedelta(hours=1, minutes=1))
        hers = await house.hears("cleo", "Emil now decides in your place")
        assert f"/ops approvals withdraw r{run}" in hers
        await house.hears("emil", "You now decide in place of Cleo")
        await house.goes_on(DAY)
        await house.hears("cleo", "Emil no longer decides in your place")
        assert "asks again" in await house.hears("emil", "You no longer decide in place of Cleo")
        await house.goes_on(timedelta(minutes=1))
        await until(lambda: house.count("due = 'infinity'", 4), "notes that are kept as told")
        assert [len(await house.told(person)) for person in ("cleo", "emil")] == [2, 2]


async def test_what_begins_at_once_is_told_by_its_run_alone_and_its_end_by_itself(house: House) -> None:
    await house.away()
    async with telling(house):
        await house.goes_on(timedelta(hours=23))
        await house.goes_on(timedelta(hours=1, minutes=1))
        await house.hears("emil", "You no longer decide in place of Cleo")
    assert await house.count("what = 'begins'", 0)


async def test_what_somebody_ended_is_not_told_again(house: House) -> None:
    run = await house.away(later=timedelta(hours=1))
    await house.stage.back("cleo", run)
    for by in (timedelta(hours=2), DAY):
        await house.home.move_clock(by)
        assert await house.teller.notes.claim(9, HOLD) == []


async def test_what_is_ended_before_quiet_hours_are_over_is_told_no_more(house: House) -> None:
    run = await house.away(later=timedelta(hours=1))
    house.names = NAMES.model_copy(update={"quiet": frozenset({"cleo", "emil"})})
    async with telling(house):
        await house.goes_on(timedelta(hours=1, minutes=1))
        await until(lambda: house.count("due > clock() AND due <> 'infinity'", 2), "notes that are put off")
        await house.stage.back("cleo", run)
        house.names = NAMES
        await house.goes_on(QUIET)
        await until(lambda: house.count("due = 'infinity'", 2), "notes that are dropped")
    assert [await house.told(person) for person in ("cleo", "emil")] == [[], []]


async def test_nobody_is_told_in_quiet_hours_but_when_they_are_over(house: House) -> None:
    await house.away()
    house.names = NAMES.model_copy(update={"quiet": frozenset({"emil"})})
    async with telling(house):
        await house.goes_on(DAY + timedelta(minutes=1))
        await house.hears("cleo", "Emil no longer decides")
        await until(lambda: house.count("due > clock() AND due <> 'infinity'", 1), "note that is put off")
        assert await house.told("emil") == []
        house.names = NAMES
        await house.goes_on(QUIET)
        await house.hears("emil", "You no longer decide")


async def test_what_is_no_news_any_more_is_not_told(house: House) -> None:
    await house.away()
    await house.home.move_clock(DAY + NEWS)
    assert await house.teller.notes.claim(9, HOLD) == []


@pytest.mark.parametrize("kind", ["lost", *(pytest.param(k, marks=pytest.mark.prove) for k in OTHERS)])
async def test_with_slack_in_trouble_each_is_told_once(house: House, kind: str) -> None:
    await house.away()
    await house.slack.fault("chat.postMessage", kind, times=2)
    async with telling(house):
        await house.goes_on(DAY + timedelta(minutes=1))
        for person, text in (("cleo", "Emil no longer decides"), ("emil", "You no longer decide")):
            await house.hears(person, text)
        await house.goes_on(timedelta(minutes=1))
        await until(lambda: house.count("due = 'infinity'", 2), "notes that are kept as told")
    assert [len(await house.told(person)) for person in ("cleo", "emil")] == [1, 1]


async def test_whom_slack_brings_no_message_holds_up_nobody(house: House) -> None:
    await house.away()
    await house.slack.fault("conversations.open", "error", code="user_disabled")
    async with telling(house):
        await house.goes_on(DAY + timedelta(minutes=1))
        await until(lambda: house.count("due = 'infinity'", 2), "end of both notes")
    assert sum([len(await house.told(person)) for person in ("cleo", "emil")]) == 1
