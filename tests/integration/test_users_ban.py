"""Ban and unban on a real database with Supabase's tables: one transaction, asked about after every kind of crash."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from bot.connectors.postgres import Postgres
from bot.connectors.users import FOREVER, Ban, Banned, Lift, Unban, User, Users, masked
from bot.effect import CannotTell, Changed, No, Permanent, Temporary, Yes
from bot.operation import Database
from tests.integration.reached import ENDED, PASSWORD, Reached, Try, database, password

SHOP = Database(key="shop")
JANE, JOE = UUID(int=1), UUID(int=2)
ADDRESS = "jane.canary@example.com"
SQL = Path(__file__).parents[2] / "deploy" / "local" / "supabase.sql"
NEVER = Ban(database=SHOP, user_id=JANE, ban="ban-r142", lasting=timedelta(days=7), reason="spam", expect=None)
BACK = Unban(database=SHOP, user_id=JANE, ban="ban-r142", reason="r142 went back")


@pytest.fixture
async def url(make_database: Any) -> str:
    made: str = await make_database()
    return made


@pytest.fixture
async def db(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    await connection.execute(SQL.read_text())
    for user, address in ((JANE, ADDRESS), (JOE, "joe@example.com")):
        await connection.execute("INSERT INTO auth.users (id, email) VALUES ($1, $2)", user, address)
        await connection.execute("INSERT INTO public.users (id) VALUES ($1)", user)
        for _ in range(2):
            session = await connection.fetchval("INSERT INTO auth.sessions (user_id) VALUES ($1) RETURNING id", user)
            token = "INSERT INTO auth.refresh_tokens (token, user_id, session_id) VALUES ($1, $2, $3)"
            await connection.execute(token, str(session), str(user), session)
    yield connection
    await connection.close()


@pytest.fixture
async def reached(url: str, db: asyncpg.Connection) -> AsyncIterator[Reached]:
    joined = Reached({PASSWORD: password(url)}, {"shop": database(url)})
    await joined.add(Postgres)
    await joined.add(Users)
    yield joined
    await joined.close()


@pytest.fixture
async def hands(reached: Reached) -> Any:
    return await reached[Users].hands(SHOP)


async def look(reached: Reached, user_id: UUID = JANE) -> User:
    found = await (await reached[Users].reads(SHOP)).user(user_id)
    assert found is not None
    return found


async def counts(db: asyncpg.Connection) -> tuple[int, ...]:
    """Sessions, tokens, audit rows, incidents."""
    tables = ("auth.sessions", "auth.refresh_tokens", "public.audit_logs", "public.security_incidents")
    return tuple([await db.fetchval(f"SELECT count(*) FROM {table}") for table in tables])


async def test_a_ban_ends_the_users_sessions_and_tokens_and_nobody_elses(
    reached: Reached, hands: Any, db: asyncpg.Connection
) -> None:
    done = await NEVER.do(hands, Try("ban"))
    assert done.sessions == 2
    assert timedelta(days=6) < done.until - datetime.now(UTC) <= timedelta(days=7)
    assert await counts(db) == (2, 2, 1, 1), "Joe's are left"
    user = await look(reached)
    assert (user.banned, user.ban, user.sessions) == (True, "ban-r142", 0)
    assert await db.fetchval("SELECT ban_reason FROM public.users WHERE id = $1", JANE) == "spam"
    assert not (await look(reached, JOE)).banned


async def test_a_ban_done_twice_is_one_ban_and_one_audit_row(hands: Any, db: asyncpg.Connection) -> None:
    first = await NEVER.do(hands, Try("ban"))
    again = await NEVER.do(hands, Try("ban", 2))
    assert again.until == first.until
    assert await counts(db) == (2, 2, 1, 1)


async def test_the_probe_says_yes_with_the_result_and_no_where_nothing_was_written(hands: Any) -> None:
    assert await NEVER.happened(hands, Try("ban")) == No()
    done = await NEVER.do(hands, Try("ban"))
    assert await NEVER.happened(hands, Try("ban")) == Yes(done)
    assert isinstance(done, Banned)
    other = NEVER.model_copy(update={"ban": "ban-r143"})
    assert await other.happened(hands, Try("ban", tag="r143")) == No()


async def test_half_a_ban_is_no_ban_and_the_probe_cannot_tell_while_it_is_open(
    reached: Reached, hands: Any, db: asyncpg.Connection
) -> None:
    async with hands.session(Try("ban")) as first:
        await first.execute("BEGIN")
        await first.execute("DELETE FROM auth.sessions WHERE user_id = $1", JANE)
        assert isinstance(await NEVER.happened(hands, Try("ban")), CannotTell)
        assert await NEVER.bar(hands, Try("ban", 2))
        assert first.is_closed() or await _dead(first)
    assert await NEVER.happened(hands, Try("ban", 2)) == No()
    assert (await look(reached)).sessions == 2, "rolled back"
    await NEVER.do(hands, Try("ban", 2))
    assert await counts(db) == (2, 2, 1, 1)


async def _dead(connection: asyncpg.Connection) -> bool:
    try:
        await connection.fetchval("SELECT 1")
    except ENDED:
        return True
    return False


async def test_a_commit_that_breaks_off_is_neither_temporary_nor_permanent(hands: Any, db: asyncpg.Connection) -> None:
    # The worst of it: the server dies the moment it is told to commit.
    await db.execute(
        """
        CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER die AFTER INSERT ON public.audit_logs
          DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();
        """
    )
    with pytest.raises(ENDED) as broken:
        await NEVER.do(hands, Try("ban"))
    assert not isinstance(broken.value, Temporary | Permanent)
    assert await NEVER.happened(hands, Try("ban")) == No()


async def test_a_failure_in_the_middle_leaves_nothing_and_is_proof(hands: Any, db: asyncpg.Connection) -> None:
    await db.execute("ALTER TABLE public.security_incidents ADD CHECK (type <> 'account_banned')")
    with pytest.raises(Permanent, match="nobody was banned") as refused:
        await NEVER.do(hands, Try("ban"))
    assert ADDRESS not in str(refused.value)
    assert await counts(db) == (4, 4, 0, 0)


async def test_a_ban_that_changed_since_it_was_looked_at_is_not_overwritten(
    reached: Reached, hands: Any, db: asyncpg.Connection
) -> None:
    await db.execute("UPDATE auth.users SET banned_until = now() + interval '1 year' WHERE id = $1", JANE)
    assert await NEVER.holds(hands) == "somebody else changed the user's ban"
    with pytest.raises(Changed, match="nobody was banned"):
        await NEVER.do(hands, Try("ban"))
    assert (await look(reached)).sessions == 2


async def test_a_user_who_is_gone_is_permanent(hands: Any) -> None:
    gone = NEVER.model_copy(update={"user_id": UUID(int=9)})
    with pytest.raises(Permanent, match="no user of that id"):
        await gone.do(hands, Try("ban"))


async def test_the_way_back_bears_not_done_done_and_done_twice_and_restores_what_was_before(
    reached: Reached, hands: Any, db: asyncpg.Connection
) -> None:
    over = datetime(2020, 1, 1, tzinfo=UTC)
    await db.execute("UPDATE auth.users SET banned_until = $2 WHERE id = $1", JANE, over)
    ban = NEVER.model_copy(update={"expect": over})
    back = BACK.model_copy(update={"restore": over})
    await back.do(hands, Try("ban.undo"))
    assert await counts(db) == (4, 4, 0, 0), "nothing to undo, nothing written"
    await ban.do(hands, Try("ban"))
    for number in (1, 2):
        await back.do(hands, Try("ban.undo", number))
    user = await look(reached)
    assert (user.banned, user.banned_until, user.ban) == (False, over, None)
    assert await db.fetchval("SELECT banned_at FROM public.users WHERE id = $1", JANE) is None
    assert (await counts(db))[2] == 2, "one audit row each way"
    assert await back.happened(hands, Try("ban.undo")) == Yes(None)


async def test_the_way_back_does_not_lift_somebody_elses_ban(hands: Any, db: asyncpg.Connection) -> None:
    await NEVER.do(hands, Try("ban"))
    await db.execute(
        "UPDATE auth.users SET raw_app_meta_data = '{}', banned_until = now() + interval '1 year' WHERE id = $1", JANE
    )
    with pytest.raises(Changed, match="another ban"):
        await BACK.do(hands, Try("ban.undo"))


async def test_a_ban_set_by_hand_is_lifted_too(reached: Reached, hands: Any, db: asyncpg.Connection) -> None:
    await db.execute("UPDATE auth.users SET banned_until = now() + interval '1 year' WHERE id = $1", JANE)
    lift = await lifting(reached)
    assert await lift.holds(hands) is None
    for number in (1, 2):
        await lift.do(hands, Try("unban", number))
    assert not (await look(reached)).banned
    assert (await counts(db))[2] == 1


@pytest.mark.parametrize("by_hand", [True, False])
async def test_another_ban_than_the_one_that_was_shown_stays(
    reached: Reached, hands: Any, db: asyncpg.Connection, by_hand: bool
) -> None:
    longer = "UPDATE auth.users SET banned_until = now() + interval '1 year' WHERE id = $1"
    await db.execute(longer, JANE) if by_hand else await NEVER.do(hands, Try("ban"))
    lift = await lifting(reached)
    await db.execute(longer, JANE)
    changed = await look(reached)
    assert await lift.holds(hands) == "somebody else changed the user's ban"
    with pytest.raises(Changed, match="another ban by now: it stays"):
        await lift.do(hands, Try("unban"))
    assert await look(reached) == changed


async def lifting(reached: Reached) -> Lift:
    """What lifts the ban that is in force now, by its plan."""
    user = await look(reached)
    assert user.banned_until is not None
    return Lift(database=SHOP, user_id=JANE, ban=user.ban, reason="appeal granted", expect=user.banned_until)


async def test_a_ban_without_an_end_is_supabases_hundred_years(reached: Reached, hands: Any) -> None:
    await NEVER.model_copy(update={"lasting": FOREVER}).do(hands, Try("ban"))
    user = await look(reached)
    assert user.banned_until is not None
    assert user.banned_until.year > datetime.now(UTC).year + 98
    assert [u.id for u in await (await reached[Users].reads(SHOP)).banned(10)] == [JANE]


async def test_no_address_is_in_what_a_handler_reads_or_in_what_the_company_keeps(
    reached: Reached, hands: Any, db: asyncpg.Connection
) -> None:
    user = await look(reached)
    assert user.mask == "j…@example.com"
    assert ADDRESS not in repr(user) + user.model_dump_json()
    await NEVER.do(hands, Try("ban"))
    written = await db.fetch(
        "SELECT details::text FROM audit_logs UNION ALL SELECT details::text FROM security_incidents"
    )
    assert ADDRESS not in repr(written) + NEVER.model_dump_json()


def test_a_mask_shows_one_letter_and_the_domain() -> None:
    assert (masked("jane@x.com"), masked(None), masked("")) == ("j…@x.com", "", "")
