"""A restore meets a full disk, cut connections, a locked table, a killed pg_restore: shop is as it was, and told so."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import psutil
import pytest

from deploy.local.postgres import Server
from deploy.local.stage import COMPANY, Stage
from tests.databases import limited
from tests.scenario.played import apart
from tests.scenario.story import LONG, Run, Story, people, until

AS_IT_WAS = "shop is as it was and goes on as before"
TRIES, GIVEN_UP = 4, "Did not happen (attempt 4)"
BACKUP = "troubled"
# Whoever writes a row of this table meets the trouble of the day: pg_restore does, in the database it loads.
GOODS = """
CREATE FUNCTION public.gate() RETURNS boolean LANGUAGE plpgsql AS $gate$ BEGIN
  CASE coalesce(current_setting('trouble.kind', true), '')
    WHEN 'cut' THEN PERFORM pg_terminate_backend(pg_backend_pid());
    WHEN 'hang' THEN PERFORM pg_sleep(3600);
    WHEN 'fill' THEN CREATE TEMP TABLE filling AS SELECT generate_series(1, 1000000);
    ELSE NULL;
  END CASE;
  RETURN true;
END $gate$;
CREATE TABLE goods (n int CHECK (public.gate()));
INSERT INTO goods VALUES (1);
"""
FULL = 24 << 20  # bytes: more than a segment of the server's log, less than what fills the disk
HANGS = "SELECT true FROM pg_stat_activity WHERE datname LIKE 'shop_r%' AND wait_event = 'PgSleep'"


class Frail(Stage):
    """A sample company whose server has little room, and which waits for a lock for a moment only."""

    async def start(self) -> None:
        self.home.mkdir(mode=0o711, parents=True, exist_ok=True)
        with limited(FULL):
            await asyncio.to_thread(Server.start, self.home / "postgres", durable=False)  # the stage finds it running
        company = self.home / "company"
        shutil.copytree(COMPANY, company)
        services = company / "services.toml"
        services.write_text(
            services.read_text().replace("[databases.shop]\n", '[databases.shop]\nlock_wait = "300ms"\n')
        )
        await super().start()

    def _environment(self, mail_port: int) -> Mapping[str, str]:
        return {**super()._environment(mail_port), "TANDEM_CONFIG": str(self.home / "company")}


@pytest.fixture
async def story(request: pytest.FixtureRequest) -> AsyncIterator[Story]:
    """People before a shop of their own, with a verified backup that can be made to fail as it comes back."""
    async with people(apart(request.config, "faults", Frail)) as story:
        if not await story.ledger.fetchval("SELECT EXISTS (SELECT 1 FROM tandem.runs)"):
            await _backed_up(story)
        yield story


async def _backed_up(story: Story) -> None:
    async with story.stage.databases.server.connect("shop") as shop:
        owner = await shop.fetchval("SELECT tableowner FROM pg_tables WHERE tablename = 'orders'")
        await shop.execute(f'SET ROLE "{owner}"')
        await shop.execute(GOODS)
        await (await story.asks("ana", f"/ops db backup shop name={BACKUP} reason=first")).ends()
        await (await story.asks("ana", f"/ops db verify-backup shop backup={BACKUP} reason=first")).ends()
        await shop.execute("DROP TABLE goods")


@asynccontextmanager
async def trouble(story: Story, kind: str) -> AsyncIterator[None]:
    """It befalls sessions that begin from now on."""
    await story.ledger.execute(f"ALTER ROLE ALL SET trouble.kind = '{kind}'")
    try:
        yield
    finally:
        await story.ledger.execute("ALTER ROLE ALL RESET trouble.kind")


async def begun(story: Story, reason: str) -> Run:
    run = await story.restore(reason, backup=BACKUP)
    await run.press("ben", "Approve")
    return run


async def failed(run: Run, step: str, attempt: int) -> None:
    """Until that attempt came to nothing; the next one is made now."""
    sql = "SELECT count(*) FROM tandem.events WHERE run = $1 AND step = $2 AND mark = 'not_done'"

    async def counted() -> bool:
        return int(await run.story.ledger.fetchval(sql, run.id, step)) >= attempt

    await until(counted, f"failure {attempt} of {step}", LONG)
    await run.story.move_clock(timedelta(seconds=30))


async def as_it_was(run: Run, orders: int, there: set[str]) -> None:
    """The shop serves, nothing was left beside it, and nothing that people read says otherwise."""
    story = run.story
    assert await story.public()
    assert await story.orders() == orders
    await story.sells(1)
    assert await story.databases() == there
    card = await run.shows(f"{AS_IT_WAS}.", "Was to: Restore shop")
    assert "undone" not in card
    assert (await run.card())["text"].count(AS_IT_WAS) == 1
    said = await run.thread()
    assert AS_IT_WAS in said[-1]
    assert "undone" not in "\n".join(said).replace("nothing is undone", "")
    assert f'type it again: /ops db restore database=shop backup={BACKUP} reason="..."' in said[-1]


async def kept(run: Run, said: str, cause: str) -> None:
    """The load failed, which is told so for that reason, and the safety backup is all that stays."""
    assert re.search(cause, await run.tells(f"{said}: Load {BACKUP}"))
    assert "There is nothing to undo." in await run.tells("A step failed")
    stays = f"the backup before-{run.tag} in the vault"
    assert f"Stays: {stays}" in await run.tells("Did not go through. Apart from what stays")
    assert stays in await run.shows("What stays")


async def test_a_locked_table_changes_nothing_and_that_is_said(story: Story) -> None:
    before, there = await story.orders(), await story.databases()
    async with story.busy_shop():
        run = await begun(story, "a table is locked")
        for attempt in range(1, TRIES + 1):
            await failed(run, "safety", attempt)
        await run.ends("failed")
    assert "a lock was not free in time" in await run.tells(f"{GIVEN_UP}: Back shop up")
    assert "Nothing had been changed, so nothing is undone." in await run.tells("A step failed")
    assert f"Failed; nothing was changed. {AS_IT_WAS}." in await run.tells("nothing was changed")
    assert "Stays" not in "\n".join(await run.thread())
    assert "What stays" not in await run.shows("nothing was changed")
    await as_it_was(run, before, there)


@pytest.mark.prove
async def test_a_connection_that_is_cut_again_and_again_leaves_shop_as_it_was(story: Story) -> None:
    before, there = await story.orders(), await story.databases()
    async with trouble(story, "cut"):
        run = await begun(story, "connections are cut")
        for attempt in range(1, TRIES + 1):
            await failed(run, "load", attempt)
        await run.ends("undone")
    await kept(run, GIVEN_UP, "its connection was ended by somebody|the connection to the server broke")
    await as_it_was(run, before, there)


@pytest.mark.prove
async def test_a_pg_restore_that_is_killed_again_and_again_leaves_shop_as_it_was(story: Story) -> None:
    before, there = await story.orders(), await story.databases()
    async with trouble(story, "hang"):
        run = await begun(story, "pg_restore is killed")
        for attempt in range(1, TRIES + 1):
            await until(lambda: story.ledger.fetchval(HANGS), f"load {attempt} that hangs", LONG)
            os.kill(_pg_restore(story), signal.SIGKILL)
            await failed(run, "load", attempt)
        await run.ends("undone")
    await kept(run, GIVEN_UP, "killed")
    await as_it_was(run, before, there)


def _pg_restore(story: Story) -> int:
    programs = psutil.Process(story.stage.bot.pid).children(recursive=True)
    (found,) = [program.pid for program in programs if program.name() == "pg_restore"]
    return found


async def test_a_server_whose_disk_is_full_serves_the_old_database_and_says_so(story: Story) -> None:
    before, there = await story.orders(), await story.databases()
    async with trouble(story, "fill"):
        run = await begun(story, "the disk is full")
        await run.ends("undone")
    await kept(run, "Failed", "the server's disk is full")
    await as_it_was(run, before, there)


async def test_a_byte_that_was_flipped_in_the_vault_is_told_without_contradiction(story: Story) -> None:
    before, there = await story.orders(), await story.databases()
    (dump,) = (story.stage.home / "vault" / "shop").glob(f"{BACKUP}.*.dump")
    sound = dump.read_bytes()
    middle = len(sound) // 2
    dump.write_bytes(sound[:middle] + bytes([sound[middle] ^ 1]) + sound[middle + 1 :])
    try:
        run = await begun(story, "a byte was flipped")
        await run.ends("undone")
    finally:
        dump.write_bytes(sound)
    await kept(run, "Failed", "The live database was not touched")
    await as_it_was(run, before, there)
