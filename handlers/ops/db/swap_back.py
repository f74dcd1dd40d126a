"""Puts a database that was swapped aside back in its place."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from bot.connectors.http import Healthy, MaintenanceOff, MaintenanceOn, Switches, switches
from bot.connectors.postgres import Beheld, Beside, CloseDoor, OpenDoor, Postgres, Swap, SwapBack
from bot.operation import (
    Choice,
    Database,
    IfFails,
    Input,
    Loss,
    Observed,
    Operation,
    Plan,
    Refusal,
    Risk,
    See,
    Service,
    Step,
    Until,
)

MIB = 1 << 20


class Params(Input):
    database: Database
    name: str


class Facts(Observed):
    live: Beheld | None
    beside: Beheld | None
    names: tuple[str, ...]
    services: tuple[str, ...]
    switchless: tuple[str, ...]  # services that cannot be put under maintenance
    switches: Switches = Switches()
    unending: str | None = None  # sessions that would keep the live database from being closed, in a sentence


class SwapBackDatabase(Operation[Params, Facts]):
    """Swaps the live database with one that a restore put aside.

    Under maintenance the two change names. What was written since the restore is in the one that leaves; it is kept
    until somebody drops it.
    """

    risk = Risk.DESTRUCTIVE
    examples = ('/ops db swap-back shop shop_r142_old reason="the backup was too old"',)
    words = ("undo", "revert", "restore", "old")
    locks = ("database/{database}", "deploy/{services}")
    confirm = "database"

    async def choices(self, field: str, typed: str, params: Mapping[str, str], see: See) -> Sequence[Choice]:
        if field != "name" or "database" not in params:
            return ()
        found = await (await see(Postgres, Database(key=params["database"]))).besides()
        return [Choice(value=b.name, text=f"{b.name}, {b.bytes / MIB:.0f} MiB") for b in found if typed in b.name][:100]

    def names(self, params: Params, facts: Facts) -> Mapping[str, Sequence[str]]:
        return {"services": facts.services}

    async def observe(self, params: Params, see: See) -> Facts:
        server = await see(Postgres, params.database)
        services = see.config(params.database).services
        return Facts(
            run=see.run,
            at=see.at,
            live=await server.identity(),
            beside=next((b for b in await server.besides() if b.name == params.name), None),
            names=await server.names(),
            services=services,
            switchless=tuple(key for key in services if not see.config(Service(key=key)).maintenance_url),
            switches=await switches(see, services),
            unending=await server.unending(),
        )

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        key, live, beside = params.database.key, facts.live, facts.beside
        if live is None or beside is None:
            missing = f"called {params.name} beside {key}" if live else f"under the name of {key}"
            return Refusal(code="no_such", sentence=f"There is no database {missing}. Pick one that the form lists.")
        if facts.switchless:
            lacking = ", ".join(facts.switchless)
            return Refusal(code="no_maintenance", sentence=f"{lacking}: set maintenance_url in config first.")
        if told := facts.switches.refusal:
            return told
        if facts.unending:
            sentence = f"{facts.unending}, so it could not be closed. End them, then ask again."
            return Refusal(code="sessions", sentence=sentence)
        aside = f"{live.name}_{facts.run.tag}_old"
        if aside in facts.names:
            return Refusal(code="name_taken", sentence=f"A database called {aside} is in the way. Drop it first.")
        stays = f"; {facts.switches.words}" if facts.switches.on else ""
        return Plan(
            sentence=f"Put {beside.name} back as {live.name}; the present one stays as {aside}{stays}",
            steps=_steps(params, facts, live, beside, aside),
            loses=(Loss(what=f"what was written to {live.name} while {beside.name} was aside (kept in {aside})"),),
        )


def _steps(params: Params, facts: Facts, live: Beheld, beside: Beheld, aside: str) -> tuple[Step[Any], ...]:
    db, services = params.database, tuple(Service(key=key) for key in facts.services)
    fresh = Beside(name=beside.name, oid=beside.oid)
    swap = Step(
        "swap",
        Swap(database=db, live_oid=live.oid, fresh=fresh, aside=aside),
        undo=SwapBack(database=db, live_oid=live.oid, fresh=fresh, aside=aside),
        tells=f"Swap: {beside.name} becomes {live.name}, the present one {aside}",
    )
    shut = Step("shut", CloseDoor(database=db, oid=live.oid), tells=f"Close {live.name}")
    opened = Step("open", OpenDoor(database=db), closes="shut", no_return=not services, tells=f"Open {live.name}")
    if not services:
        return (shut, swap, opened)
    five = timedelta(minutes=5)
    behind: Until[None] = Until(check=Healthy(services=services, behind_maintenance=True), within=five)
    healthy = Step("healthy", behind, tells="Healthy behind maintenance")
    switched = tuple(service for service in services if service.key not in facts.switches.on)
    if not switched:
        return (shut, swap, opened, healthy)
    public: Until[None] = Until(check=Healthy(services=switched), within=five)
    off = MaintenanceOff(services=switched)
    return (
        Step("maintenance", MaintenanceOn(services=switched), tells="Maintenance on"),
        shut,
        swap,
        opened,
        healthy,
        Step("reopen", off, closes="maintenance", no_return=True, tells="Maintenance off"),
        Step("look", public, if_fails=IfFails.ASK, tells="Healthy for the public"),
    )
