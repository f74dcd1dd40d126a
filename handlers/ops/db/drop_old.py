"""Drops a database that a restore left beside the live one."""

from collections.abc import Mapping, Sequence

from bot.connectors.postgres import Beheld, DropDatabase, Postgres
from bot.operation import Choice, Database, Input, Loss, Observed, Operation, Plan, Refusal, Risk, See, Step

MIB = 1 << 20


class Params(Input):
    database: Database
    name: str


class Facts(Observed):
    beside: Beheld | None


class DropOld(Operation[Params, Facts]):
    """Drops a database that a restore or a swap left beside the live one.

    Only databases that runs of Tandem made and named are offered; the live one never is.
    """

    risk = Risk.DESTRUCTIVE
    examples = ('/ops db drop-old shop shop_r142_old reason="the restore was right"',)
    words = ("delete", "remove", "old", "cleanup")
    locks = ("database/{database}",)
    confirm = "name"

    async def choices(self, field: str, typed: str, params: Mapping[str, str], see: See) -> Sequence[Choice]:
        if field != "name" or "database" not in params:
            return ()
        found = await (await see(Postgres, Database(key=params["database"]))).besides()
        return [Choice(value=b.name, text=f"{b.name}, {b.bytes / MIB:.0f} MiB") for b in found if typed in b.name][:100]

    async def observe(self, params: Params, see: See) -> Facts:
        found = await (await see(Postgres, params.database)).besides()
        return Facts(run=see.run, at=see.at, beside=next((b for b in found if b.name == params.name), None))

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        beside = facts.beside
        if beside is None:
            return Refusal(
                code="no_such",
                sentence=f"No restore left a database called {params.name} beside {params.database.key}. "
                "Pick one of those that the form lists.",
            )
        size = round(beside.bytes / MIB, 1)
        drop = DropDatabase(database=params.database, name=beside.name, oid=beside.oid)
        return Plan(
            sentence=f"Drop {beside.name} for good",
            steps=(Step("drop", drop, no_return=True, tells=f"Drop {beside.name}"),),
            loses=(Loss(what=f"everything in {beside.name}", now=size, at_most=round(size * 1.1 + 16, 1), unit="MiB"),),
        )
