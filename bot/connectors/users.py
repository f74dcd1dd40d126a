"""A company's users as Supabase keeps them: looked at without an address, banned and let back in one transaction."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from uuid import UUID

from bot.connectors.postgres import Postgres
from bot.connectors.postgres.hands import Hands
from bot.connectors.postgres.session import LOOK, Connection, Login, proved, session
from bot.effect import (
    Attempt,
    CannotTell,
    Changed,
    Connector,
    Effect,
    Happened,
    No,
    Permanent,
    Survival,
    Target,
    Yes,
    mask,
)
from bot.model import Record
from bot.operation import Database

if TYPE_CHECKING:
    import asyncpg

ONE = """
SELECT u.id, u.email, u.banned_until, u.deleted_at, u.raw_app_meta_data -> 'ban' ->> 'name' AS ban,
       coalesce(u.banned_until > clock_timestamp(), false) AS banned,
       (SELECT count(*) FROM auth.sessions s WHERE s.user_id = u.id) AS sessions
FROM auth.users u WHERE u.id = $1
"""
LOCKED = ONE + " FOR UPDATE OF u"
BAN = """
UPDATE auth.users SET banned_until = clock_timestamp() + $2::interval, updated_at = clock_timestamp(),
    raw_app_meta_data = coalesce(raw_app_meta_data, '{}') || jsonb_build_object('ban',
        jsonb_build_object('name', $3::text, 'reason', $4::text, 'since', clock_timestamp()))
WHERE id = $1 RETURNING banned_until
"""
UNBAN = """
UPDATE auth.users SET banned_until = $2, updated_at = clock_timestamp(), raw_app_meta_data = raw_app_meta_data - 'ban'
WHERE id = $1
"""
PROFILE = """
UPDATE public.users SET banned_at = CASE WHEN $2::text IS NULL THEN NULL ELSE clock_timestamp() END, ban_reason = $2
WHERE id = $1
"""
HAS_PROFILE = "SELECT to_regclass('public.users') IS NOT NULL"
# By user as well: not every token hangs on a session, and the user is a text there.
END_TOKENS = "DELETE FROM auth.refresh_tokens WHERE user_id = $1"
END_SESSIONS = "DELETE FROM auth.sessions WHERE user_id = $1"
AUDIT = "INSERT INTO public.audit_logs (action, actor, details) VALUES ($1, 'tandem', $2::jsonb)"
INCIDENT = "INSERT INTO public.security_incidents (type, user_id, reason, details) VALUES ($1, $2, $3, $4::jsonb)"
WRITTEN = "SELECT details FROM public.audit_logs WHERE action = $1 AND details ->> 'tandem' = $2"
# Session names are "tandem/<run>/<step>/<attempt>": whoever of one step is connected.
LEFT = "SELECT count(*) FROM pg_stat_activity WHERE starts_with(application_name, $1)"
FOREVER = timedelta(days=36500)  # Supabase has no ban without an end


class User(Record):
    """What may be shown of a user: never the address, only its mask."""

    id: UUID
    mask: str  # "j…@x.com", empty without an address
    mail_ref: str  # names the reader in a plan
    banned: bool
    banned_until: datetime | None  # also of a ban that is over
    ban: str | None  # the ban's name, where Tandem set it
    sessions: int
    deleted: bool


class Banned(Record):
    """What a ban did."""

    until: datetime
    sessions: int


class UserReads(Protocol):
    """What a handler may read of a database's users."""

    async def user(self, user_id: UUID) -> User | None:
        """One user by id. Raises Temporary and Permanent."""

    async def banned(self, most: int) -> Sequence[User]:
        """Users whose ban is in force, the latest first."""


class Users(Connector[UserReads, "UserHands"]):
    """Works through the Postgres connector: the same settings, logins and session names."""

    serves = "database"

    async def reads(self, target: Target | None) -> UserReads:
        return _Reads(self.world.other(Postgres).login(target))

    async def hands(self, target: Target | None) -> "UserHands":
        return UserHands(await self.world.other(Postgres).hands(target))


def masked(email: str | None) -> str:
    """The first letter and the domain."""
    return mask(email) if email and "@" in email else ""


def _user(key: str, row: "asyncpg.Record") -> User:
    return User(
        id=row["id"],
        mask=masked(row["email"]),
        mail_ref=f"user/{key}/{row['id']}",
        banned=row["banned"],
        banned_until=row["banned_until"],
        ban=row["ban"],
        sessions=row["sessions"],
        deleted=row["deleted_at"] is not None,
    )


async def _one(login: Login, user_id: UUID) -> "asyncpg.Record | None":
    async with session(login, login.settings.database, LOOK, reading=True) as connection:
        with proved("the user cannot be read"):
            return await connection.fetchrow(ONE, user_id)


class _Reads:
    def __init__(self, login: Login) -> None:
        self._login = login

    async def user(self, user_id: UUID) -> User | None:
        row = await _one(self._login, user_id)
        return _user(self._login.key, row) if row else None

    async def banned(self, most: int) -> Sequence[User]:
        latest = ONE.replace("WHERE u.id = $1", "WHERE u.banned_until > clock_timestamp() ORDER BY u.updated_at DESC")
        async with session(self._login, self._login.settings.database, LOOK, reading=True) as connection:
            with proved("the banned users cannot be read"):
                rows = await connection.fetch(latest + " LIMIT $1", most)
        return [_user(self._login.key, row) for row in rows]


class UserHands:
    """The hands: sessions for the effects below, and the address for mail."""

    def __init__(self, hands: Hands) -> None:
        self._hands, self._login = hands, hands.login

    def session(self, at: Attempt) -> AbstractAsyncContextManager[Connection]:
        """This attempt's session in the users' database."""
        return self._hands.session(at, self._hands.live)

    async def address(self, user_id: UUID) -> str | None:
        """Where mail to this user goes; None without a user or an address. For the mail connector alone."""
        row = await _one(self._login, user_id)
        return (row["email"] or None) if row else None

    async def user(self, user_id: UUID) -> User | None:
        """One user, without the address."""
        row = await _one(self._login, user_id)
        return _user(self._login.key, row) if row else None

    async def written(self, action: str, at: Attempt) -> Happened[dict[str, Any]]:
        """What an attempt of this step left in the audit log; no while none can still write there."""
        async with self._hands.look(self._hands.live) as connection:
            with proved("the audit log cannot be read"):
                # sessions first: what ends between the two looks is then seen by the second
                left = await connection.fetchval(LEFT, _step(at))
                text = await connection.fetchval(WRITTEN, action, at.key)
        if text:
            return Yes(json.loads(text))
        return CannotTell("an earlier attempt is still connected to the database") if left else No()

    async def bar(self, at: Attempt) -> bool:
        """Ends what earlier attempts of this step still have open; True once none is left."""
        return await self._hands.bar(at)


def _step(at: Attempt) -> str:
    return at.session.rpartition("/")[0] + "/"


@asynccontextmanager
async def _changing(on: UserHands, at: Attempt, doing: str) -> AsyncIterator[Connection]:
    """One transaction. A refused statement is proof; a commit that breaks off proves nothing and passes as it is."""
    async with on.session(at) as connection:
        await connection.execute("BEGIN")
        with proved(doing):
            yield connection
        await connection.execute("COMMIT")


async def _lock(connection: Connection, user_id: UUID) -> "asyncpg.Record":
    row = await connection.fetchrow(LOCKED, user_id)
    if row is None:
        raise Permanent("there is no user of that id any more")
    return row


async def _record(connection: Connection, at: Attempt, action: str, details: Mapping[str, Any]) -> None:
    await connection.execute(AUDIT, action, json.dumps({"tandem": at.key, **details}))


async def _profile(connection: Connection, user_id: UUID, reason: str | None) -> None:
    if await connection.fetchval(HAS_PROFILE):
        await connection.execute(PROFILE, user_id, reason)


class Ban(Effect[Banned]):
    """Keeps a user out for `lasting`, ends all their sessions, writes audit row and security incident: one transaction.

    `ban` is its name, by which Unban finds it. Raises Changed where banned_until is not `expect` any more.
    """

    survives: ClassVar[Survival] = Survival.PROBE
    timeout: ClassVar[timedelta] = timedelta(seconds=30)
    internal: ClassVar[frozenset[str]] = frozenset({"expect", "lasting"})  # the step's words say how long
    connector = Users
    database: Database
    user_id: UUID
    ban: str
    lasting: timedelta
    reason: str
    expect: datetime | None

    async def do(self, on: Any, at: Attempt) -> Banned:
        async with _changing(on, at, "nobody was banned") as connection:
            row = await _lock(connection, self.user_id)
            if row["ban"] == self.ban:  # an earlier attempt's
                return Banned(until=row["banned_until"], sessions=row["sessions"])
            if row["banned_until"] != self.expect:
                raise Changed("somebody else changed the user's ban since it was looked at: nobody was banned")
            until = await connection.fetchval(BAN, self.user_id, self.lasting, self.ban, self.reason)
            await _profile(connection, self.user_id, self.reason)
            await connection.execute(END_TOKENS, str(self.user_id))
            await connection.execute(END_SESSIONS, self.user_id)
            done = Banned(until=until, sessions=row["sessions"])
            told = {"user_id": str(self.user_id), "ban": self.ban, "reason": self.reason}
            await _record(connection, at, "account_banned", told | {"result": done.model_dump(mode="json")})
            await connection.execute(
                INCIDENT, "account_banned", self.user_id, self.reason, json.dumps({"ban": self.ban})
            )
        return done

    async def happened(self, on: Any, at: Attempt) -> Happened[Banned]:
        found = await on.written("account_banned", at)
        return Yes(Banned.model_validate(found.value["result"])) if isinstance(found, Yes) else found

    async def bar(self, on: Any, at: Attempt) -> bool:
        barred: bool = await on.bar(at)
        return barred

    async def holds(self, on: Any) -> str | None:
        user = await on.user(self.user_id)
        if user is None:
            return "there is no user of that id any more"
        if user.ban != self.ban and user.banned_until != self.expect:
            return "somebody else changed the user's ban"
        return None


class Unban(Effect[None]):
    """Lifts the ban of that name (None: one that Tandem did not set) and puts `restore` in its place.

    Not banned is as wished; another ban than the one named is Changed and stays.
    """

    survives: ClassVar[Survival] = Survival.PROBE
    timeout: ClassVar[timedelta] = timedelta(seconds=30)
    connector = Users
    database: Database
    user_id: UUID
    ban: str | None
    reason: str
    restore: datetime | None = None

    def another(self, ban: str | None, until: datetime | None) -> bool:
        """Whether a ban in force is another than the one to lift: its name, and until when it lasts."""
        return ban != self.ban

    async def do(self, on: Any, at: Attempt) -> None:
        async with _changing(on, at, "no ban was lifted") as connection:
            row = await _lock(connection, self.user_id)
            if row["banned"] and self.another(row["ban"], row["banned_until"]):
                raise Changed("the user is under another ban by now: it stays")
            if row["ban"] != self.ban or (self.ban is None and not row["banned"]):
                return  # never banned, or let in already
            await connection.execute(UNBAN, self.user_id, self.restore)
            await _profile(connection, self.user_id, None)
            told = {"user_id": str(self.user_id), "ban": self.ban, "reason": self.reason}
            await _record(connection, at, "user_unbanned", told)

    async def happened(self, on: Any, at: Attempt) -> Happened[None]:
        found = await on.written("user_unbanned", at)
        return Yes(None) if isinstance(found, Yes) else found

    async def bar(self, on: Any, at: Attempt) -> bool:
        barred: bool = await on.bar(at)
        return barred


class Lift(Unban):
    """Lifts the very ban that was shown: of that name, and until `expect`. One that was set by hand has no name.

    Not banned is as wished; any other ban is Changed and stays.
    """

    internal: ClassVar[frozenset[str]] = frozenset({"expect"})
    expect: datetime

    def another(self, ban: str | None, until: datetime | None) -> bool:
        return (ban, until) != (self.ban, self.expect)

    async def holds(self, on: Any) -> str | None:
        user = await on.user(self.user_id)
        if user is None:
            return "there is no user of that id any more"
        changed = user.banned and self.another(user.ban, user.banned_until)
        return "somebody else changed the user's ban" if changed else None
