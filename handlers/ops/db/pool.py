"""D15: the pools of the services on a database: used and most, and whether somebody waits for a connection."""

from datetime import timedelta

from bot.connectors.http import Http
from bot.connectors.http_looks import PoolStatus
from bot.operation import (
    Answer,
    Call,
    Database,
    Input,
    Observed,
    Offer,
    Operation,
    Plan,
    Refusal,
    Results,
    Risk,
    See,
    Service,
    Unseen,
    Voice,
)

WITHIN = timedelta(seconds=6)  # every look has a shorter limit of its own
HEADINGS = ("service", "in use", "kept", "overflow", "most", "state")


class Params(Input):
    database: Database


class Facts(Observed):
    pools: dict[str, PoolStatus]  # service -> its own count
    unseen: dict[str, str]  # service -> why


class DatabasePool(Operation[Params, Facts]):
    """See the connection pools of the services on a database.

    Each service tells in its detailed health how many connections its pool has in use and how many it may have. One
    whose pool is used up is called out: whoever wants a connection there waits. Who holds the server's connections is
    told by `/ops db connections`.
    """

    risk = Risk.READ
    examples = ("/ops db pool shop",)
    words = ("exhausted", "saturated", "checked out", "overflow", "pool size", "connections")
    voice = Voice.QUIET  # so that a schedule may ask every few minutes: only saturation is told aloud

    async def observe(self, params: Params, see: See) -> Facts:
        key = params.database.key
        named = set(see.config(params.database).services)
        named |= {one for one in see.targets(Service) if see.config(Service(key=one)).database == key}
        seen = await see.all({one: _pool(see, Service(key=one)) for one in sorted(named)}, WITHIN)
        return Facts(
            run=see.run,
            at=see.at,
            pools={one: look for one, look in seen.items() if isinstance(look, PoolStatus)},
            unseen={one: look.why for one, look in seen.items() if isinstance(look, Unseen)},
        )

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        key = params.database.key
        if not facts.pools and not facts.unseen:
            sentence = f"Config names no service that lives on {key}: set `database` there, or type"
            return Refusal(code="no_services", sentence=f"{sentence} /ops db connections {key}")
        return Plan(sentence=f"Look at the pools of the services on {key}")

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        key = params.database.key
        full = [one for one, pool in facts.pools.items() if pool.saturated]
        return Answer(
            headline=f"{key}: {_state(full, facts)}",
            lines=(
                *(f"{one}: its pool is used up. Raise its size, or end what holds it." for one in full),
                *(f"{one} could not be looked at: {why}. Type /ops health {one}" for one, why in facts.unseen.items()),
            ),
            table=(HEADINGS, *(_row(one, pool) for one, pool in facts.pools.items())),
            offers=(_holders(key),) if full else (),
            loud=bool(full),
        )


async def _pool(see: See, service: Service) -> PoolStatus | Unseen:
    return await (await see(Http, service)).pool()


def _state(full: list[str], facts: Facts) -> str:
    used, most = sum(p.used for p in facts.pools.values()), sum(p.most for p in facts.pools.values())
    if not facts.pools:
        return "no pool could be seen"
    state = f"SATURATED ({', '.join(full)}), " if full else ""
    unseen = f", {len(facts.unseen)} not seen" if facts.unseen else ""
    return f"{state}{used} of {most} pooled connections in use{unseen}"


def _row(service: str, pool: PoolStatus) -> tuple[str, ...]:
    state = "saturated" if pool.saturated else "ok"
    return (service, str(pool.used), str(pool.size), str(pool.overflow), str(pool.most), state)


def _holders(key: str) -> Offer:
    return Offer(label="See who holds them", call=Call(command="ops db connections", params={"database": key}))
