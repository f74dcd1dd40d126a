"""Lists name what each run is about as its card does, and times are read in UTC whatever the server's zone is."""

import asyncpg

from bot.personal import HIDDEN
from bot.render import words
from bot.store.pool import open_pool
from bot.store.views import Views
from tests.support.plugin import Home
from tests.support.story import Story

TARGETS = (
    ({"services": [], "lasting": "P3D"}, ""),
    ({"services": ["web", "checkout"], "lasting": "P3D"}, "web,checkout"),
    ({"schedule": "nightly", "lasting": "P30D"}, "nightly"),
    ({"address": f"p-{'0f' * 16}"}, HIDDEN),
)


async def test_a_list_names_the_target_by_the_same_rule_as_a_card(home: Home) -> None:
    story = Story(home)
    runs = [int((await story.ask("ana", "test destroy", params=params, anew=True))["run"]) for params, _ in TARGETS]
    briefs = {brief.id: brief for brief in await Views(home.pool, {}).briefs("live")}
    told = [words.target(None, briefs[run].params) for run in runs]
    assert told == [target for _, target in TARGETS]


async def test_an_event_holds_times_in_utc_whatever_the_servers_zone_is(home: Home) -> None:
    server = await asyncpg.connect(home.superuser)
    name = await server.fetchval("SELECT current_database()")
    await server.execute(f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'")
    await server.close()
    pool = await open_pool(home.bot, size=1)
    try:
        assert str(await pool.fetchval("SELECT to_jsonb(clock())")).endswith("+00:00")
    finally:
        await pool.close()
