"""What Slack says of people and user groups, read at most so often: an approval counts only on a fresh word of it."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from typing import Any, Protocol

from slack_sdk.errors import SlackApiError

from bot.people.roster import Roster
from bot.store.pool import DATABASE_AWAY

log = logging.getLogger("tandem.directory")
EVERY = 20.0  # seconds between two readings while anything awaits approval; a word older than 60 s counts for nothing
LEAST = 0.1  # of that time passes between two looks, however much changes
SELDOM = 60.0  # seconds between two readings of a group by which nothing waits: it says who may ask, too
AGED = 1.5  # of EVERY: what is younger is not read again, whichever replica read it
WITHIN = 2.0  # seconds that a look may wait for Slack's word of those whom it names
ACCOUNTS, GROUPS = 25, 5  # read each time at most, by all replicas: Slack takes 100 and 20 such calls a minute
GONE = "no_such_subteam"  # the group was deleted or switched off
UNREACHABLE = (SlackApiError, *DATABASE_AWAY)

# Who said yes comes first. A standing approval counts while its people were read within 15 minutes.
WANTED = """
WITH waits AS (SELECT r AS whole, r.id, r.fingerprint, r.question_seq FROM runs r
  WHERE state IN ('awaiting_approval', 'in_doubt') AND ended_at IS NULL),
said AS (
  SELECT a.person FROM waits w JOIN approvals a ON a.run = w.id AND a.fingerprint = w.fingerprint
  UNION SELECT n.person FROM waits w JOIN latest_answers n ON n.run = w.id AND n.question = w.question_seq),
away AS (
  SELECT giver, taker FROM delegations d WHERE starts <= clock() AND ends > clock()
    AND NOT EXISTS (SELECT 1 FROM withdrawals w WHERE w.delegation = d.run)),
decide AS (SELECT DISTINCT grp FROM waits w, unnest(deciders(w.whole)) AS grp),
concerned AS (
  SELECT person, 0 AS rank, $1::interval AS age FROM said
  UNION ALL SELECT giver, 0, $1 FROM away JOIN said ON person = taker
  UNION ALL SELECT a.person, 0, interval '10 min' FROM standings s JOIN approvals a USING (run)
    WHERE s.until > clock() AND NOT EXISTS (SELECT 1 FROM revocations v WHERE v.standing = s.run)
  UNION ALL SELECT person, 1, $1 FROM decide JOIN members USING (grp)
  UNION ALL SELECT person, 1, $1 FROM decide JOIN slack_members USING (grp)
  UNION ALL SELECT person, 1, $1 FROM waits w JOIN askers k ON k.run = w.id
  UNION ALL SELECT unnest(ARRAY[giver, taker]), 1, $1 FROM away WHERE EXISTS (SELECT 1 FROM waits))
SELECT c.team, c.slack_user FROM concerned JOIN people p USING (person) JOIN accounts c USING (person)
  LEFT JOIN directory d USING (team, slack_user)
  WHERE p.active AND (coalesce(d.seen < clock() - age, true) OR c.slack_user = ANY ($2))
  GROUP BY c.team, c.slack_user, d.seen ORDER BY min(rank), d.seen NULLS FIRST
  LIMIT greatest(0, $3 - (SELECT count(*) FROM directory WHERE seen > clock() - $4::interval))
"""
AGES = """
SELECT key, extract(epoch FROM clock() - (SELECT max(seen) FROM slack_members WHERE grp = key))::float8 AS age,
  EXISTS (SELECT 1 FROM runs r
    WHERE state IN ('awaiting_approval', 'in_doubt') AND ended_at IS NULL AND key = ANY (deciders(r))) AS waits
FROM unnest($1::text[]) AS key
"""
OLD = """
SELECT c.team, c.slack_user FROM accounts c LEFT JOIN directory d USING (team, slack_user)
WHERE c.person = ANY ($1) AND coalesce(d.seen < clock() - interval '60 s', true)
"""


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
        self._kept = {key: group.slack for key, group in listed.groups.items() if getattr(group, "slack", None)}
        self._locks: dict[object, asyncio.Lock] = defaultdict(asyncio.Lock)  # an older word never replaces a newer one
        self._not_before: dict[str, float] = {}  # method -> when Slack takes it again
        self._tried: dict[str, float] = {}  # group -> when it was last asked for
        self._named: set[str] = set()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Looks again and again whether anybody must be read. Until cancelled."""
        while True:
            self._changed.clear()
            try:
                await self.look()
            except UNREACHABLE as error:
                log.warning("people could not be read", extra={"error": type(error).__name__})
            except Exception as error:  # what was not read grows old and counts for nothing; the engine goes on
                log.exception("people could not be read", extra={"error": type(error).__name__})
            await asyncio.sleep(LEAST * self.every)
            with suppress(TimeoutError):
                async with asyncio.timeout((1 - LEAST) * self.every):
                    await self._changed.wait()

    def wake(self, changed: str = "") -> None:
        """A word is wanted sooner. `changed`: the user or user group that Slack says has changed, by its id."""
        if changed:
            if changed not in {*self._kept.values(), *(user for _, user in self._accounts())}:
                return
            self._named.add(changed)
        self._changed.set()

    async def look(self) -> None:
        """Reads whoever decides about what waits and was not read lately, by any replica."""
        named, self._named = self._named, set()
        wanted = (timedelta(seconds=AGED * self.every), list(named), ACCOUNTS, timedelta(seconds=self.every))
        accounts = [(row["team"], row["slack_user"]) for row in await self.pool.fetch(WANTED, *wanted)]
        await asyncio.gather(self._read_groups(await self._due(named)), self._read_accounts(accounts))
        await self._known()

    async def refresh(self, accounts: Sequence[tuple[str, str]], groups: Sequence[str] = ()) -> None:
        """Reads these accounts and groups now. What cannot be read stays as old as it is, and counts for nothing."""
        await asyncio.gather(self._read_accounts(accounts), self._read_groups(groups))
        if groups:
            await self._known()

    async def people(self, people: Sequence[str]) -> None:
        """Sees to a fresh word of these people, for as long as a look may wait for it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(WITHIN):
                await self._read_accounts(
                    [(row["team"], row["slack_user"]) for row in await self.pool.fetch(OLD, people)]
                )

    def _accounts(self) -> list[tuple[str, str]]:
        accounts = [account.partition("/") for person in self.listed.people.values() for account in person.accounts]
        return [(team, user) for team, _, user in accounts]

    async def _due(self, named: set[str]) -> list[str]:
        """The groups to read: those by which something waits before the others, the oldest word first."""
        if not self._kept:
            return []
        found: list[tuple[bool, float, str]] = []
        for row in await self.pool.fetch(AGES, list(self._kept)):
            key, waits = row["key"], row["waits"]
            age = min(SELDOM if row["age"] is None else row["age"], monotonic() - self._tried.get(key, -SELDOM))
            if age >= (AGED * self.every if waits else SELDOM) or self._kept[key] in named:
                found.append((not waits, -age, key))
        return [key for _, _, key in sorted(found)[:GROUPS]]

    async def _known(self) -> None:
        """What the database knows of the groups becomes what this replica knows of them."""
        if not self._kept:
            return
        read = {key: set[str]() for key in self._kept}
        for row in await self.pool.fetch("SELECT grp, person FROM slack_members WHERE grp = ANY ($1)", list(read)):
            read[row["grp"]].add(row["person"])
        if read != self.roster.read:
            self.roster.read = {key: frozenset(people) for key, people in read.items()}

    async def _ask(self, method: str, part: str, **named: Any) -> Any:
        """This part of an answer of Slack's; no call is made while Slack wants none. Raises UNREACHABLE."""
        if monotonic() < self._not_before.get(method, 0):
            raise ConnectionError(f"Slack wants no {method} yet")
        try:
            answer = await getattr(self.client, method)(**named)
        except SlackApiError as error:
            if error.response.status_code == 429:
                self._not_before[method] = monotonic() + int(error.response.headers.get("Retry-After", 1))
            raise
        if answer.get(part) is None:
            raise ConnectionError(f"an answer without {part}")
        return answer[part]

    async def _read_accounts(self, accounts: Iterable[tuple[str, str]]) -> None:
        for team, user in accounts:
            async with self._locks[team, user]:
                try:
                    await self._saw(team, user, await self._ask("users_info", "user", user=user))
                except UNREACHABLE as error:
                    log.warning("Slack said nothing of an account", extra={"error": type(error).__name__})
            if monotonic() < self._not_before.get("users_info", 0):
                return

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

    async def _read_groups(self, groups: Iterable[str]) -> None:
        """These groups as they are now; who is new in one is dated from now.

        A group that cannot be read stays as old as it is, and holds up no other; one that is gone has nobody.
        """
        for key in groups:
            if key not in self._kept:
                continue
            async with self._locks[key]:
                try:
                    await self._saw_group(key, await self._members(key))
                except UNREACHABLE as error:
                    log.warning("Slack said nothing of a group", extra={"group": key, "error": type(error).__name__})
            if monotonic() < self._not_before.get("usergroups_users_list", 0):
                return

    async def _members(self, key: str) -> list[str]:
        self._tried[key] = monotonic()
        try:
            users = await self._ask("usergroups_users_list", "users", usergroup=self._kept[key])
        except SlackApiError as error:
            if error.response.get("error") != GONE:
                raise
            log.warning("a Slack group is gone: nobody is in it", extra={"group": key})
            return []
        team = next((team for team, _ in self._accounts()), "")
        people = {self.roster.who(team, user).person for user in users}
        return sorted(person for person in people if person)

    async def _saw_group(self, key: str, people: Sequence[str]) -> None:
        async with self.pool.acquire() as conn, conn.transaction():
            await conn.execute("DELETE FROM slack_members WHERE grp = $1 AND person <> ALL ($2)", key, people)
            await conn.execute(
                "INSERT INTO slack_members SELECT $1, p, clock(), clock() FROM unnest($2::text[]) AS p "
                "ON CONFLICT (grp, person) DO UPDATE SET seen = clock()",
                key, people,
            )  # fmt: skip
