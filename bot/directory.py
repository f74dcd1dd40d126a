"""What Slack says of people and user groups, read at most so often: an approval counts only on a fresh word of it."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from slack_sdk.errors import SlackApiError

from bot.roster import Roster
from bot.store.pool import DATABASE_AWAY

log = logging.getLogger("tandem.directory")
EVERY = 20.0  # seconds between two readings while anything awaits approval; a word older than 60 s counts for nothing
UNREACHABLE = (SlackApiError, *DATABASE_AWAY)


# A standing approval counts while its people were read within 15 minutes; they are read again after 10.
NEEDED = """SELECT EXISTS (
  SELECT 1 FROM runs WHERE state IN ('awaiting_approval', 'in_doubt') AND ended_at IS NULL) OR EXISTS (
  SELECT 1 FROM standings s JOIN approvals a USING (run) LEFT JOIN directory d USING (team, slack_user)
  WHERE s.until > clock() AND NOT EXISTS (SELECT 1 FROM revocations r WHERE r.standing = s.run)
    AND coalesce(d.seen < clock() - interval '10 min', true))"""


class Listed(Protocol):
    """What config says of accounts and Slack groups."""

    @property
    def people(self) -> Mapping[str, Any]: ...
    @property
    def groups(self) -> Mapping[str, Any]: ...


class Directory:
    """Reads users.info and usergroups.users.list, and writes what it saw for the database to judge by."""

    def __init__(self, pool: Any, client: Any, roster: Roster, listed: Listed, every: float = EVERY) -> None:
        self.every = every
        self.pool, self.client, self.roster, self.listed = pool, client, roster, listed
        self._lock = asyncio.Lock()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Reads again and again while anything awaits approval. Until cancelled."""
        while True:
            try:
                await self.read_groups()
                if accounts := await self._needed():
                    await self.refresh(accounts)
            except UNREACHABLE as error:
                log.warning("people could not be read", extra={"error": type(error).__name__})
            except Exception as error:  # what was not read grows old and counts for nothing; the engine goes on
                log.exception("people could not be read", extra={"error": type(error).__name__})
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.every):
                    await self._changed.wait()

    def wake(self) -> None:
        """Slack said that a person or a group changed."""
        self._changed.set()

    async def _needed(self) -> list[tuple[str, str]]:
        """The accounts of those who approved something that still waits, or may."""
        waiting = await self.pool.fetchval(NEEDED)
        if not waiting:
            return []
        accounts = [account for person in self.listed.people.values() for account in person.accounts if person.active]
        return [(team, user) for team, _, user in (account.partition("/") for account in accounts)]

    async def refresh(self, accounts: Sequence[tuple[str, str]]) -> None:
        """Reads these accounts now. What cannot be read stays as old as it is, and counts for nothing."""
        async with self._lock:
            for team, user in accounts:
                try:
                    answer = await self.client.users_info(user=user)
                except UNREACHABLE as error:
                    log.warning("Slack said nothing of an account", extra={"error": type(error).__name__})
                    continue
                await self._saw(team, user, answer["user"])

    async def _saw(self, team: str, user: str, found: Mapping[str, Any]) -> None:
        why = ""
        if found.get("deleted"):
            why = "deactivated in Slack"
        elif found.get("is_restricted") or found.get("is_ultra_restricted"):
            why = "a guest in Slack"
        elif found.get("is_bot") or found.get("is_stranger"):
            why = "no member of this workspace"
        await self.pool.execute(
            "INSERT INTO directory VALUES ($1, $2, $3, $4, clock()) "
            "ON CONFLICT (team, slack_user) DO UPDATE SET fit = $3, why = $4, seen = clock()",
            team, user, not why, why,
        )  # fmt: skip

    async def read_groups(self) -> None:
        """Every group that is kept in Slack, as it is now; who is new in it is dated from now.

        A group that cannot be read stays as old as it is, and holds up no other.
        """
        kept = {key: group.slack for key, group in self.listed.groups.items() if getattr(group, "slack", None)}
        read = {key: people for key, people in self.roster.read.items() if key in kept}
        for key, usergroup in kept.items():
            try:
                answer = await self.client.usergroups_users_list(usergroup=usergroup)
            except UNREACHABLE as error:
                log.warning("Slack said nothing of a group", extra={"group": key, "error": type(error).__name__})
                continue
            team = answer.get("team_id") or self._team()
            people = {self.roster.who(team, user).person for user in answer["users"]}
            read[key] = frozenset(person for person in people if person)
            await self._saw_group(key, sorted(read[key]))
        self.roster.read = read

    def _team(self) -> str:
        accounts = [account for person in self.listed.people.values() for account in person.accounts]
        return str(accounts[0].partition("/")[0]) if accounts else ""

    async def _saw_group(self, key: str, people: Sequence[str]) -> None:
        async with self.pool.acquire() as conn, conn.transaction():
            await conn.execute("DELETE FROM slack_members WHERE grp = $1 AND person <> ALL ($2)", key, people)
            await conn.execute(
                "INSERT INTO slack_members SELECT $1, p, clock(), clock() FROM unnest($2::text[]) AS p "
                "ON CONFLICT (grp, person) DO UPDATE SET seen = clock()",
                key, people,
            )  # fmt: skip
