"""A small company for the machine's own tests: five people, four groups, four commands of each risk."""

from datetime import timedelta
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from bot.store.migrate import Applied, migrate
from tests.databases import Template

TEAM = "T0TEST"
PEOPLE = ("ana", "ben", "cleo", "dora", "emil")
OWNER, BOT = "tandem_owner", "tandem_bot"
PASSWORD = "only-for-tests"
GROUPS = {
    "engineers": ("ana", "ben", "cleo", "dora"),
    "dba": ("ben", "cleo"),
    "lead": ("cleo",),
    "security": ("ben", "dora"),
}
POLICY: dict[tuple[str, int], tuple[str, ...]] = {
    ("test look", 0): (),
    ("test write", 1): (),
    ("test write", 2): ("dba",),
    ("test destroy", 2): ("dba",),
    ("test page", 2): ("dba",),
    ("test about", 2): ("dba",),
    ("test destroy-two", 2): ("dba", "security"),
    ("test nested", 1): (),
    ("test mail", 1): (),
    ("test whisper", 1): (),
    ("test find", 0): (),
    ("test invite", 1): (),
    ("test invite", 2): ("dba",),
    ("ops personal erase", 2): ("dba",),
}

ASK = ("engineers",)
BEYOND = {("test destroy", 2): [{"loses": "rows", "more_than": 1000, "approve": ["security"]}]}


TIMES = (timedelta(minutes=30), timedelta(minutes=10))  # until a request lapses, and how long before it is warned of


def account(person: str) -> str:
    """The Slack user id of a person."""
    return f"U0{person.upper()}"


def applied(config: str = "c1", policy: dict[tuple[str, int], tuple[str, ...]] | None = None) -> Applied:
    """The company as `migrate` takes it."""
    rows = POLICY if policy is None else policy
    floors: dict[str, int] = {}
    for command, risk in rows:
        floors[command] = min(risk, floors.get(command, 2))
    return Applied(
        config=config,
        team=TEAM,
        people=tuple((p, p.title()) for p in PEOPLE),
        accounts=tuple((TEAM, account(p), p) for p in PEOPLE),
        groups=tuple((g, None, False) for g in GROUPS),
        members=tuple((g, p) for g, people in GROUPS.items() for p in people),
        operations=tuple(floors.items()),
        policy=tuple(
            (command, "", risk, slots, *TIMES, BEYOND.get((command, risk), []), [], ASK)
            for (command, risk), slots in rows.items()
        ),
    )


def as_role(url: str, role: str) -> str:
    """The same database as another role."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(PASSWORD)}@{parts.hostname}:{parts.port}"))


async def build(url: str) -> None:
    """Makes the roles, and a migrated database, from the superuser's URL of an empty one."""
    conn = await asyncpg.connect(url)
    try:
        await conn.execute("SELECT pg_advisory_lock(4711)")
        for role in (OWNER, BOT):
            if not await conn.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                await conn.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
        database = await conn.fetchval("SELECT current_database()")
        await conn.execute(f'ALTER DATABASE "{database}" OWNER TO {OWNER}')
    finally:
        await conn.close()
    await migrate(as_role(url, OWNER), BOT, applied())


TEMPLATE = Template("tandem_bot_template", build)
