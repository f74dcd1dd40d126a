"""D3: is a backup any good? Restored into a scratch database, compared, marked; the scratch database always goes."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.connectors.postgres import Beside, DropDatabase, Postgres
from bot.connectors.vault import Backup, Load, MarkVerified, Matches, Vault, Verified
from bot.operation import (
    Answer,
    Call,
    Choice,
    Database,
    Field,
    Input,
    Observed,
    Offer,
    Operation,
    Plan,
    Refusal,
    Results,
    Risk,
    See,
    Step,
)


class Params(Input):
    database: Database
    backup: str = Field(default="latest", description="latest is the newest full one")


class Facts(Observed):
    backup: Backup | None
    name: str  # of the live database
    names: tuple[str, ...]
    version: int
    free: int | None  # bytes; None where nobody can know from here
    unrestorable: str | None = None  # why no program here brings the backup back


class VerifyBackup(Operation[Params, Facts]):
    """Restores a backup into a scratch database and compares it with what was dumped.

    Tables, rows of each and newest rows must be those of the moment of the backup. The scratch database is dropped
    whatever happens; a backup that came back equal is marked as verified.
    """

    risk = Risk.WRITE
    examples = ("/ops db verify-backup shop", "/ops db verify-backup shop backup=shop-20261121T0200-full")
    words = ("test", "check", "drill", "restore")
    locks = ("verify/{database}",)

    async def choices(self, field: str, typed: str, params: Mapping[str, str], see: See) -> Sequence[Choice]:
        if field != "backup" or "database" not in params:
            return ()
        vault = await see(Vault, Database(key=params["database"]))
        return await vault.choices(typed, see.at, lambda backup: backup.kind != "data")

    async def resolve(self, params: Params, see: See) -> Params:
        vault = await see(Vault, params.database)
        return params.model_copy(update={"backup": await vault.named(params.backup)})

    async def observe(self, params: Params, see: See) -> Facts:
        live = await see(Postgres, params.database)
        backup = await (await see(Vault, params.database)).find(params.backup)
        return Facts(
            run=see.run,
            at=see.at,
            backup=backup,
            name=live.name,
            names=await live.names(),
            version=await live.version(),
            free=await live.free_disk(),
            unrestorable=await live.unrestorable(backup.dump_version) if backup else None,
        )

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        backup = facts.backup
        if backup is None:
            return _refuse(params, "no_backup", f"{params.database.key} has no backup called {params.backup}.")
        if backup.kind == "data":
            return _refuse(params, "data_only", f"{backup.name} holds rows without tables: alone it restores nothing.")
        if misfit := backup.misfit(facts.version, facts.free):
            return _refuse(params, *misfit)
        if facts.unrestorable:
            return _refuse(params, "program", f"{backup.name} cannot be restored here. {facts.unrestorable}.")
        if _scratch(facts) in facts.names:
            return _refuse(params, "name_taken", f"A database called {_scratch(facts)} is in the way.")
        return Plan(
            sentence=f"Restore {backup.name} into {_scratch(facts)}, compare it, drop it again",
            steps=_steps(params, facts, backup),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer | None:
        found = results.get(_compare(params, facts, facts.backup).result) if facts.backup else None
        if found is None:
            return None
        return Answer(
            headline=f"{params.backup} is good",
            lines=(f"{found.tables:,} tables with {found.rows:,} rows came back as they were dumped.",),
        )


def _scratch(facts: Facts) -> str:
    return f"{facts.name}_{facts.run.tag}_scratch"


def _load(params: Params, facts: Facts, backup: Backup) -> Step[Beside]:
    load = Load(database=params.database, backup=backup, into=_scratch(facts))
    return Step("load", load, tells=f"Restore {backup.name} into {_scratch(facts)}")


def _compare(params: Params, facts: Facts, backup: Backup) -> Step[Verified]:
    fresh = _load(params, facts, backup).result
    return Step("compare", Matches(database=params.database, backup=backup, fresh=fresh), tells="Compare every table")


def _steps(params: Params, facts: Facts, backup: Backup) -> tuple[Step[Any], ...]:
    load, compare = _load(params, facts, backup), _compare(params, facts, backup)
    mark = MarkVerified(database=params.database, backup=backup, verified=compare.result)
    return (
        load,
        compare,
        Step(
            "drop",
            DropDatabase(database=params.database, name=_scratch(facts)),
            closes="load",
            tells=f"Drop {_scratch(facts)}",
        ),
        Step("mark", mark, leaves="the mark that it is good", tells="Mark the backup as verified"),
    )


def _refuse(params: Params, code: str, sentence: str) -> Refusal:
    offer = Offer(label="List backups", call=Call(command="ops db backups", params={"database": params.database.key}))
    return Refusal(code=code, sentence=sentence, offers=(offer,))
