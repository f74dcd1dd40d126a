"""D11: log slow statements for a while. The run lasts as long as the setting does; its last step puts it back."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.connectors.postgres import Postgres
from bot.connectors.postgres_settings import Parameter, Parameters, Place, SetParameter
from bot.operation import (
    Answer,
    Database,
    Field,
    Input,
    Observed,
    Operation,
    Plan,
    Refusal,
    Results,
    Risk,
    See,
    Step,
    Unseen,
    Wait,
    about_duration,
    print_duration,
)

NAME = "log_min_duration_statement"
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=12)
WITHIN = timedelta(seconds=4)  # for the other databases, of which one may be away
FINEST = timedelta(milliseconds=10)  # below that a busy server's log fills its disk


class Params(Input):
    database: Database
    over: timedelta = Field(default=timedelta(seconds=1), description="statements that take longer are logged")
    lasting: timedelta = Field(default=timedelta(hours=1), description="then the setting is put back")


class Facts(Observed):
    parameter: Parameter | None
    services: tuple[str, ...]  # that live on what it changes
    server: str = ""  # its own number
    name: str = ""  # the database's on that server


class SlowLog(Operation[Params, Facts]):
    """Log every statement that takes too long, for a while.

    The server's setting is changed and read back; when the time is over it is put back exactly as it was, also where
    it had not been set at all. Cancelling the run puts it back at once. Where somebody else changed it in between,
    theirs stays, and the run says so.
    """

    risk = Risk.WRITE
    examples = (
        '/ops db slow-log shop reason="which query is it"',
        '/ops db slow-log shop over=250ms lasting=30m reason="latency at noon"',
    )
    words = ("slow queries", "log_min_duration_statement", "logging", "latency")
    locks = ("parameter/{where}/" + NAME,)  # not the database: a restore is not kept out for an hour
    changes = ("{services}",)

    def names(self, params: Params, facts: Facts) -> Mapping[str, Sequence[str]]:
        """What it changes: the whole server under whichever key, or one database there."""
        whole = facts.parameter is not None and facts.parameter.place is Place.SYSTEM
        return {"where": (facts.server if whole else f"{facts.server}.{facts.name}",)}

    async def observe(self, params: Params, see: See) -> Facts:
        found = await (await see(Parameters, params.database)).parameter(NAME)
        live = await see(Postgres, params.database)
        server, name = await live.server(), await live.own_name()
        services = await _services(see, params.database, found, server)
        return Facts(run=see.run, at=see.at, parameter=found, services=services, server=server, name=name)

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        if not SHORTEST <= params.lasting <= LONGEST:
            return Refusal(code="bounds", sentence="Slow statements are logged for 1m to 12h: type e.g. lasting=30m.")
        if params.over < FINEST:
            return Refusal(
                code="bounds", sentence="Below 10ms the log would fill the server's disk: type e.g. over=250ms."
            )
        before = facts.parameter
        if before is None or before.fixed:
            return Refusal(
                code="fixed",
                sentence=f"{NAME} is given on the command line of {params.database.key}'s server, which no setting "
                "outweighs: change it where the server is started.",
            )
        wished = str(params.over // timedelta(milliseconds=1))
        if before.stored == wished:
            return Plan(sentence=f"{params.database.key} logs statements over {print_duration(params.over)} already")
        return Plan(sentence=_sentence(params, before), steps=_steps(params.database, params, before, wished))

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        stored = facts.parameter.stored if facts.parameter else None
        back = "taken out again" if stored is None else f"back at {stored}"
        return Answer(headline=f"{params.database.key}: {NAME} is {back}")


async def _services(see: See, database: Database, parameter: Parameter | None, server: str) -> tuple[str, ...]:
    """Those on the database, and where the whole server changes, on every database of that server."""
    mine = see.config(database)
    found = set(mine.services)
    if parameter is not None and parameter.place is Place.SYSTEM:
        others = {key: _server(see, key) for key in see.targets(Database) if key != database.key}
        for key, seen in (await see.all(others, WITHIN)).items():
            other = see.config(Database(key=key))
            at_its_address = (other.host, other.port) == (mine.host, mine.port)
            if at_its_address if isinstance(seen, Unseen) else seen == server:
                found.update(other.services)
    return tuple(sorted(found))


async def _server(see: See, key: str) -> str:
    return await (await see(Postgres, Database(key=key))).server()


def _sentence(params: Params, before: Parameter) -> str:
    key = params.database.key
    whole = before.place is Place.SYSTEM
    where = f"{key}'s whole server (all its databases)" if whole else f"{key} (only in sessions that begin after that)"
    roles = f"; {before.roles} roles have a value of their own, which wins" if before.roles else ""
    return (
        f"Log statements over {print_duration(params.over)} on {where} for {about_duration(params.lasting)}, "
        f"then put it back (now {'off' if before.now.startswith('-1') else before.now}){roles}"
    )


def _steps(database: Database, params: Params, before: Parameter, wished: str) -> tuple[Step[None], ...]:
    there = SetParameter(database=database, name=NAME, value=wished, expect=before.stored, place=before.place)
    back = SetParameter(database=database, name=NAME, value=before.stored, expect=wished, place=before.place)
    return (
        Step("set", there, tells=f"Set {NAME} to {wished} ms and read it back"),
        Step("for", Wait(lasting=params.lasting), tells=f"Wait {about_duration(params.lasting)}"),
        Step("put-back", back, closes="set", tells="Put it back as it was"),
    )
