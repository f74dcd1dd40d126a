"""Short words for what people and a worker do to a run, for tests of the store."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from bot.store.store import Claimed, RunRow
from tests.support.company import TEAM, account
from tests.support.plugin import Home

RISKS = {"test look": 0, "test write": 1, "test nested": 1, "test mail": 1}


class Story:
    """One test's people."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._worker: UUID | None = None
        self._keys = 0

    def word(self, person: str, run: int) -> dict[str, Any]:
        return {"run": run, "team": TEAM, "user": account(person)}

    async def ask(self, person: str | None, command: str, **more: Any) -> dict[str, Any]:
        self._keys += 1
        asked: dict[str, Any] = {
            "key": f"key-{self._keys}", "command": command, "params": {}, "via": "test", "channel": "C0INCIDENTS",
            "config": "c1", "risk": RISKS.get(command, 2), "reason": "a test",
        }  # fmt: skip
        if person is not None:
            asked |= {"team": TEAM, "user": account(person)}
        return await self.home.doors.ask(asked | more)

    async def worker(self) -> UUID:
        if self._worker is None:
            self._worker = uuid4()
            await self.home.ledger.enlist(self._worker, timedelta(hours=1), "c1", [])
        return self._worker

    async def claim(self, run: int) -> Claimed:
        worker = await self.worker()
        rows = [r for r in await self.home.ledger.claim(worker, 50) if r.id == run]
        assert rows, "the run was not due"
        return Claimed(run=run, worker=worker, fence=rows[0].fence)

    async def propose(
        self,
        run: int,
        *,
        locks: list[str] | None = None,
        plan: Any = None,
        signal: str = "propose",
        params: dict[str, Any] | None = None,
        risk: int | None = None,
    ) -> dict[str, Any]:
        row = await self.row(run)
        claimed = await self.claim(run)
        word = {
            "signal": signal, "plan": json.dumps(plan or {"plan": run}), "kinds": [], "facts": {},
            "risk": int(row.risk) if risk is None else risk, "environment": "", "locks": locks or [], "body": {},
            "start_by": "900 s", "resume_within": "900 s",
        }  # fmt: skip
        return await self.home.ledger.planned(claimed, word | ({"params": params} if params is not None else {}))

    async def show(self, run: int) -> None:
        row = await self.row(run)
        sql = "SELECT shown_at($1, $2, 'C0INCIDENTS', '1.1')"
        await self.home.pool.fetchval(sql, run, row.fingerprint)

    async def proposed(
        self, person: str | None, command: str, *, locks: list[str] | None = None, shown: bool = True, **more: Any
    ) -> int:
        """Asked, planned, shown; everybody was just read from Slack."""
        run = int((await self.ask(person, command, **more))["run"])
        await self.propose(run, locks=locks)
        if shown:
            await self.show(run)
        await self.read(dict.fromkeys(("ana", "ben", "cleo", "dora"), True))
        return run

    async def saw(self, person: str, fit: bool = True) -> None:
        await self.read({person: fit})

    async def read(self, fit: Mapping[str, bool]) -> None:
        """What Slack says of these people now."""
        await self.home.pool.execute(
            "INSERT INTO directory SELECT $1, u, f, '', clock() FROM unnest($2::text[], $3::bool[]) AS t(u, f) "
            "ON CONFLICT (team, slack_user) DO UPDATE SET fit = EXCLUDED.fit, seen = EXCLUDED.seen",
            TEAM, [account(person) for person in fit], list(fit.values()),
        )  # fmt: skip

    async def approve(self, person: str, run: int) -> dict[str, Any]:
        fingerprint = (await self.row(run)).fingerprint
        return await self.home.doors.approve(self.word(person, run) | {"fingerprint": fingerprint, "config": "c1"})

    async def say(self, person: str, run: int, verb: str, **more: Any) -> dict[str, Any]:
        return await self.home.doors.say(self.word(person, run) | {"verb": verb} | more)

    async def row(self, run: int) -> RunRow:
        return await self.home.ledger.row(run)

    async def slots(self, run: int) -> list[str]:
        rows = await self.home.pool.fetch("SELECT person FROM slots WHERE run = $1 ORDER BY queued_seq, slot", run)
        return [r["person"] for r in rows]
