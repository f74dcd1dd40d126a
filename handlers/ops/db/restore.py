"""D4: restore a database from a verified backup. Every write since the backup is lost to whoever goes on working."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import Any

from bot.connectors.http import Healthy, MaintenanceOff, MaintenanceOn, Switches, UnderMaintenance, switches
from bot.connectors.postgres import Beheld, CloseDoor, DropDatabase, OpenDoor, Postgres, Swap, SwapBack, Written, kept
from bot.connectors.vault import Backup, Load, Matches, Take, Vault
from bot.operation import (
    Answer,
    Call,
    Choice,
    Database,
    Field,
    IfFails,
    Input,
    Loss,
    Observed,
    Offer,
    Operation,
    Plan,
    Refusal,
    Results,
    Risk,
    See,
    Service,
    Step,
    Unseen,
    Until,
)

YOUNG = 10  # minutes: what was written right after a backup says little of the pace
# Minutes that may pass until it starts, by policy's usual expiry: the bounds on what is lost include them.
LATER = ceil((timedelta(minutes=30) + Operation.start_by) / timedelta(minutes=1))


class Params(Input):
    database: Database
    backup: str = Field(default="latest", description="latest is the newest full one that was verified")


class Facts(Observed):
    backup: Backup | None
    damaged: bool = False
    newer: Backup | None = None  # the newest full one, where nobody verified it and it is younger than that
    live: Beheld | None
    names: tuple[str, ...]
    version: int
    free: int | None  # bytes; None where nobody can know from here
    written: Written | None  # None where the live database cannot be asked
    services: tuple[str, ...]
    switchless: tuple[str, ...]  # services that cannot be put under maintenance
    unrestorable: str | None = None  # why no program here brings the backup back
    switches: Switches = Switches()
    unending: str | None = None  # sessions that would keep the live database from being closed, in a sentence


class RestoreDatabase(Operation[Params, Facts]):
    """Restores a database from a verified backup.

    A safety backup first; the backup is loaded beside the live database and compared; then, under maintenance, the two
    change names. The old database is kept until somebody drops it.
    """

    risk = Risk.DESTRUCTIVE
    examples = ('/ops db restore shop reason="orders were deleted at 14:05"',)
    words = ("recover", "roll back", "backup", "pg_restore")
    locks = ("database/{database}", "deploy/{services}")
    confirm = "database"

    async def choices(self, field: str, typed: str, params: Mapping[str, str], see: See) -> Sequence[Choice]:
        if field != "backup" or "database" not in params:
            return ()
        vault = await see(Vault, Database(key=params["database"]))
        return await vault.choices(typed, see.at, lambda b: b.kind == "full" and b.verified is not None)

    def names(self, params: Params, facts: Facts) -> Mapping[str, Sequence[str]]:
        return {"services": facts.services}

    async def resolve(self, params: Params, see: See) -> Params:
        vault = await see(Vault, params.database)
        return params.model_copy(update={"backup": await vault.named(params.backup, verified=True)})

    async def observe(self, params: Params, see: See) -> Facts:
        live, vault = await see(Postgres, params.database), await see(Vault, params.database)
        services = see.config(params.database).services
        manifest = await vault.manifest(params.backup)
        asked: dict[str, Any] = {"newest": vault.latest()}
        asked |= {"written": live.written_since(manifest.counters)} if manifest else {}
        seen = await see.all(asked, timedelta(seconds=5))
        written, newest = seen.get("written"), seen["newest"]
        return Facts(
            run=see.run,
            at=see.at,
            backup=await vault.find(params.backup),
            damaged=await vault.damaged(params.backup),
            newer=_newer(newest, manifest.backup) if manifest and isinstance(newest, Backup) else None,
            live=await live.identity(),
            names=await live.names(),
            version=await live.version(),
            free=await live.free_disk(),
            written=None if isinstance(written, Unseen) else written,
            services=services,
            switchless=tuple(key for key in services if not see.config(Service(key=key)).maintenance_url),
            unrestorable=await live.unrestorable(manifest.backup.dump_version) if manifest else None,
            switches=await switches(see, services),
            unending=await live.unending(),
        )

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        refusal = _refusal(params, facts)
        if refusal or not facts.backup or not facts.live:
            return refusal or _refuse(params, "gone", f"{params.database.key} or its backup is gone.")
        fresh, aside = _names(facts, facts.live)
        newer = facts.newer
        room = "" if facts.free is not None else " (nobody can see from here whether the server's disk has room)"
        stays = f"; {facts.switches.words}" if facts.switches.on else ""
        return Plan(
            sentence=f"Restore {params.database.key} from {_chosen(facts, facts.backup)}; "
            f"the old database stays as {aside}{room}{stays}",
            steps=_steps(params, facts, facts.backup, facts.live, fresh, aside),
            loses=_losses(facts, facts.backup, facts.live, aside),
            offers=(
                _offer(f"Drop {aside}", "ops db drop-old", database=params.database.key, name=aside),
                _offer("Swap back", "ops db swap-back", database=params.database.key, name=aside),
                *((_verify(params, newer, "awaiting_approval"),) if newer else ()),
            ),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer | None:
        if facts.backup is None or facts.live is None:
            return None
        _, aside = _names(facts, facts.live)
        rows = f"{facts.backup.tables:,} tables, {facts.backup.rows:,} rows"
        return Answer(
            headline=f"{params.database.key} is as it was {facts.backup.taken_at:%Y-%m-%d %H:%M} UTC",
            lines=(
                f"{rows} from {facts.backup.name}.",
                f"What was there before is kept as {aside}.",
                *((f"{facts.switches.words}.",) if facts.switches.on else ()),
            ),
        )


def _newer(newest: Backup, chosen: Backup) -> Backup | None:
    return newest if newest.verified is None and newest.taken_at > chosen.taken_at else None


def _chosen(facts: Facts, backup: Backup) -> str:
    """Which backup, and which newer one is passed over because nobody verified it."""
    if (newer := facts.newer) is None:
        return backup.name
    age = newer.age_text(facts.at)
    return f"{backup.name} (verified), passing over the newer {newer.name} ({age} old, never verified)"


def _names(facts: Facts, live: Beheld) -> tuple[str, str]:
    return f"{live.name}_{facts.run.tag}_new", f"{live.name}_{facts.run.tag}_old"


def _steps(params: Params, facts: Facts, backup: Backup, live: Beheld, fresh: str, aside: str) -> tuple[Step[Any], ...]:
    db, services = params.database, tuple(Service(key=key) for key in facts.services)
    switched = tuple(service for service in services if service.key not in facts.switches.on)
    load = Step(
        "load",
        Load(database=db, backup=backup, into=fresh),
        undo=DropDatabase(database=db, name=fresh),
        tells=f"Load {backup.name} beside the live database",
    )
    swap = Step(
        "swap",
        Swap(database=db, live_oid=live.oid, fresh=load.result, aside=aside),
        undo=SwapBack(database=db, live_oid=live.oid, fresh=load.result, aside=aside),
        tells=f"Swap: the restored database becomes {live.name}, the old one {aside}",
    )
    return (
        Step(
            "safety",
            Take(database=db, name=f"before-{facts.run.tag}"),
            leaves=f"the backup before-{facts.run.tag} in the vault",
            tells=f"Back {live.name} up as it is now",
        ),
        load,
        Step("verify", Matches(database=db, backup=backup, fresh=load.result), tells="Compare every table"),
        *_maintained(services, switched),
        Step("shut", CloseDoor(database=db, oid=live.oid), tells=f"Close {live.name}"),
        swap,
        Step("open", OpenDoor(database=db), closes="shut", no_return=not services, tells=f"Open {live.name}"),
        *_released(services, switched, kept(fresh)),
    )


def _maintained(services: tuple[Service, ...], switched: tuple[Service, ...]) -> tuple[Step[Any], ...]:
    if not services:
        return ()
    public: Until[None] = Until(check=UnderMaintenance(services=services), within=timedelta(minutes=2))
    seen = Step("public", public, tells="The public sees the maintenance page")
    if not switched:
        return (seen,)
    return (Step("maintenance", MaintenanceOn(services=switched), tells="Maintenance on"), seen)


def _released(services: tuple[Service, ...], switched: tuple[Service, ...], left: str) -> tuple[Step[Any], ...]:
    """`switched`: those that are under maintenance only for this. `left`: what is restored, if it goes back here."""
    if not services:
        return ()
    behind: Until[None] = Until(check=Healthy(services=services, behind_maintenance=True), within=timedelta(minutes=5))
    healthy = Step("healthy", behind, tells=f"Healthy behind maintenance (if not, what was restored is kept as {left})")
    if not switched:
        return (healthy,)
    off, public = MaintenanceOff(services=switched), Healthy(services=switched)
    return (
        healthy,
        Step("reopen", off, closes="maintenance", no_return=True, tells="Maintenance off"),
        Step(
            "look",
            Until(check=public, within=timedelta(minutes=5)),
            if_fails=IfFails.ASK,
            tells="Healthy for the public",
        ),
    )


def _losses(facts: Facts, backup: Backup, live: Beheld, aside: str) -> tuple[Loss, ...]:
    """Bounds hold for the start; what is written while it dumps and loads, nobody can know before."""
    minutes = ceil(backup.age(facts.at) / timedelta(minutes=1))
    time = Loss(
        what=f"everything since {backup.name} was taken, and whatever is written until “Close {live.name}”",
        now=minutes,
        at_most=minutes + LATER,
        unit="minutes",
    )
    return (time, *_rows(facts.written, minutes, aside))


def _rows(written: Written | None, minutes: int, aside: str) -> tuple[Loss, ...]:
    """The figure with a bound for twice the pace until now, and as a loss without bounds what it cannot hold."""
    if written is None or written.rows is None:
        why = f": {written.why}" if written else ""
        what = f"rows written since (kept in {aside}), nobody can say how many{why}"
        return (Loss(what=what, unit="rows", at_least=True),)
    now = written.rows
    counted = Loss(
        what=f"rows written since (kept in {aside}), but for the last seconds, rolled-back ones included",
        now=now,
        at_most=now + 2 * ceil(now / max(minutes, YOUNG) * LATER) + 1000,
        unit="rows",
        at_least=written.at_least,
    )
    if not written.at_least:
        return (counted,)
    more = Loss(what=f"more rows, nobody can say how many: {written.why}", unit="rows", at_least=True)
    return (counted, more)


def _refusal(params: Params, facts: Facts) -> Refusal | None:
    key, backup = params.database.key, facts.backup
    if backup is None:
        return _refuse(params, "no_backup", f"{key} has no backup called {params.backup}.")
    if backup.kind != "full":
        return _refuse(params, "not_full", f"{backup.name} is a {backup.kind} backup; only a full one can be restored.")
    if told := _unproven(params, facts, backup):
        return told
    if misfit := backup.misfit(facts.version, facts.free):
        return _refuse(params, *misfit)
    if facts.unrestorable:
        return _refuse(params, "program", f"{backup.name} cannot be restored here. {facts.unrestorable}.")
    if facts.switchless:
        lacking = ", ".join(facts.switchless)
        return _refuse(
            params, "no_maintenance", f"{lacking}: no maintenance_url in config, so writes could not be held."
        )
    if told := facts.switches.refusal:
        return told
    if told := _unfit(params, facts):
        return told
    fresh, aside = _names(facts, facts.live) if facts.live else ("", "")
    if taken := [name for name in (fresh, aside, kept(fresh)) if name in facts.names]:
        return _refuse(params, "name_taken", f"A database called {taken[0]} is in the way. Drop it first.")
    return None


def _unfit(params: Params, facts: Facts) -> Refusal | None:
    """What keeps the live database from being backed up and swapped."""
    key, live = params.database.key, facts.live
    if live is None:
        sentence = f"The server of {key} has no database under its name. See what was at work on it: /ops runs {key}"
        return _refuse(params, "gone", sentence)
    if not live.open:
        why = f"{live.name} takes no sessions, so it cannot be backed up first."
        mend = f'its owner opens it: ALTER DATABASE "{live.name}" ALLOW_CONNECTIONS true'
        return _refuse(params, "closed", f"{why} If no run is at work on it (/ops runs {key}), {mend}. Then ask again.")
    if facts.unending:
        return _refuse(params, "sessions", f"{facts.unending}, so it could not be closed. End them, then ask again.")
    return None


def _unproven(params: Params, facts: Facts, backup: Backup) -> Refusal | None:
    if facts.damaged:
        todo = f"Choose an earlier one: /ops db backups {params.database.key}"
        return _refuse(params, "damaged", f"{backup.name} was found damaged when it was last read. {todo}")
    if backup.verified is None:
        sentence = f"{backup.name} was never restored and compared, so it may be no good. Verify it first."
        return Refusal(code="unverified", sentence=sentence, offers=(_verify(params, backup, "any"),))
    return None


def _refuse(params: Params, code: str, sentence: str) -> Refusal:
    offers = (_offer("List backups", "ops db backups", database=params.database.key),)
    return Refusal(code=code, sentence=sentence, offers=offers)


def _verify(params: Params, backup: Backup, on: str) -> Offer:
    call = Call(command="ops db verify-backup", params={"database": params.database.key, "backup": backup.name})
    return Offer(label=f"Verify {backup.name}", call=call, on=on)


def _offer(label: str, command: str, **params: str) -> Offer:
    return Offer(label=label, call=Call(command=command, params=params))
