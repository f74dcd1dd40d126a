"""An engine with the service that doors end in, for what happens between a typed value and its erasure."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bot.effect import Personal
from bot.house import House
from bot.model import State, Who
from bot.people.roster import Roster
from bot.service import Service
from bot.view import Outcome, RunView
from tests.scenario.door import Company
from tests.support.company import TEAM, account
from tests.support.factory import Factory, working
from tests.support.plugin import Home

JO, KIM = "Jo.Canary@customers.example", "kim.canary@customers.example"


class NoSlack:
    async def refresh(self, accounts: Any, groups: Any = ()) -> None:
        return None

    def wake(self) -> None:
        return None


@dataclass
class Place:
    """A whole engine with the service that doors end in."""

    factory: Factory
    service: Service
    keys: int = 0

    async def asks(self, command: str, person: str = "ana", *, words: str = "", **values: Any) -> Outcome:
        """As a door does it: typed values become Params, and the service is asked."""
        entry = self.service.house.entry(command)
        typed = {name: Personal.typed(v) if "@" in str(v) else v for name, v in values.items()}
        params = entry.params.model_validate({"reason": "a drill", **typed})
        self.keys += 1
        return await self.service.ask(who(person), "C0OPS", entry, params, key=f"k{self.keys}", words=words)

    async def run(self, command: str, **values: Any) -> int:
        outcome = await self.asks(command, **values)
        assert outcome.run is not None, outcome
        return outcome.run

    async def done(self, command: str, state: State = State.SUCCEEDED, **values: Any) -> int:
        run = await self.run(command, **values)
        assert (await self.factory.end(run)).state is state, await self.kinds(run)
        return run

    async def erased(self, state: State = State.SUCCEEDED, **values: Any) -> int:
        """An erasure that ben approves."""
        run = await self.run("ops personal erase", **values)
        await self.factory.state(run, State.AWAITING)
        return await self.approves(run, state)

    async def approves(self, run: int, state: State = State.SUCCEEDED) -> int:
        """Ben approves what waits, and it ends."""
        for someone in ("ana", "ben"):
            await self.factory.story.saw(someone)
        await self.factory.story.approve("ben", run)
        self.factory.worker.wake()
        assert (await self.factory.end(run)).state is state, await self.kinds(run)
        return run

    async def kinds(self, run: int) -> list[Any]:
        return [(e.kind, e.body.get("why") or e.body.get("sentence")) for e in await self.factory.ledger.events(run)]

    async def view(self, run: int | str) -> RunView:
        found = await self.factory.views.run(run)
        assert found is not None
        return found

    async def sentence(self, run: int) -> str:
        """The plan's sentence as it is shown."""
        plan = (await self.view(run)).plan
        assert plan is not None
        return plan.sentence

    async def headline(self, run: int) -> str:
        """The answer's, as it is shown."""
        answer = (await self.view(run)).answer
        assert answer is not None
        return answer.headline

    async def stored(self) -> str:
        """All that the bot's database holds, as text; bytes as text too where they are one."""
        own = self.factory.home.own
        tables = await own.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'tandem'")
        assert len(tables) > 30
        rows = [r[0] for (t,) in tables for r in await own.fetch(f"SELECT t::text FROM tandem.{t} t")]
        texts = [bytes.fromhex(h).decode("latin-1") for r in rows for h in _hex(r)]
        return "\n".join([*rows, *texts]).casefold()

    async def token(self, run: int) -> str:
        return str((await self.factory.story.row(run)).params["email"])


def _hex(row: str) -> list[str]:
    return [part.split('"')[0] for part in row.split("\\\\x")[1:]]


def who(person: str) -> Who:
    return Who(team=TEAM, user=account(person), person=person)


@asynccontextmanager
async def placed(home: Home, tmp_path: Path) -> AsyncIterator[Place]:
    """A place whose worker runs."""
    async with working(home, tmp_path) as factory:
        house = cast(House, factory.worker.runner.handlers)
        service = Service(
            house, Roster(Company()), home.doors, home.ledger, factory.views, factory.connectors, NoSlack(),
            factory.worker.wake, kept=factory.kept,
        )  # fmt: skip
        yield Place(factory, service)
