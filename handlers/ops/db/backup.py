"""D1: a backup of a database, sealed in its vault."""

from bot.connectors.postgres import Postgres
from bot.connectors.vault import Backup, Kind, Take, Vault, default_name, named_well
from bot.operation import Answer, Database, Field, Input, Observed, Operation, Plan, Refusal, Results, Risk, See, Step


class Params(Input):
    database: Database
    kind: Kind = "full"
    name: str = Field(default="", description="by default made of database, time and kind")


class Facts(Observed):
    taken: bool
    there: bool = True  # the database


class BackupDatabase(Operation[Params, Facts]):
    """Takes a backup of a database into its vault.

    A consistent dump while everybody goes on working, compressed, encrypted and listed back. `full` can be restored;
    `schema` holds no rows, `data` nothing but rows.
    """

    risk = Risk.WRITE
    examples = ("/ops db backup shop", "/ops db backup shop kind=schema")
    words = ("dump", "export", "snapshot", "pg_dump")
    locks = ("backup/{database}",)

    async def resolve(self, params: Params, see: See) -> Params:
        name = params.name or default_name(params.database.key, params.kind, see.at)
        return params.model_copy(update={"name": name})

    async def observe(self, params: Params, see: See) -> Facts:
        live = await (await see(Postgres, params.database)).identity()  # no plan for a server that cannot be reached
        found = await (await see(Vault, params.database)).find(params.name)
        return Facts(run=see.run, at=see.at, taken=found is not None, there=live is not None)

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        key = params.database.key
        if not facts.there:
            sentence = f"The server of {key} has no database under its name."
            return Refusal(code="gone", sentence=f"{sentence} See what was at work on it: /ops runs {key}")
        if not named_well(params.name):
            shape = "up to 80 letters of English, digits, - and _, the first a small letter or a digit"
            sentence = f"A backup's name is {shape}; latest and before-r… mean something already."
            return Refusal(code="bad_name", sentence=f"{sentence} Type e.g. name=import-day")
        if facts.taken:
            return Refusal(
                code="name_taken",
                sentence=f"The vault already has a backup called {params.name}. "
                "Ask again in a minute, or give another name, e.g. name=import-day",
            )
        return Plan(sentence=f"Back up {params.database.key} ({params.kind}) as {params.name}", steps=(_take(params),))

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer | None:
        made = results.get(_take(params).result)
        if made is None:
            return None
        return Answer(
            headline=f"{made.name} is in the vault",
            lines=(f"{made.size} stored in {made.took_text}, {made.tables:,} tables, {made.rows:,} rows.",),
        )


def _take(params: Params) -> Step[Backup]:
    return Step(
        "take",
        Take(database=params.database, name=params.name, kind=params.kind),
        leaves="the backup in the vault",
        tells=f"Dump, seal and store {params.database.key}",
    )
