"""Of the whole process: commands a second through the local Slack, memory, time until ready, a backup's memory."""

import asyncio
import json
import sys
from statistics import median
from typing import Any

from pydantic import BaseModel

from deploy.benches import bodies
from deploy.benches.ack import NotCounted
from deploy.benches.place import Place
from deploy.benches.post import settled
from deploy.benches.rivals import rival
from deploy.local.stage import ROOT

AT_ONCE = 16
MIB = 1 << 20


class Commands(BaseModel):
    """Commands a second that the local Slack saw acknowledged, by who answered; `bare` is its own limit."""

    bare: float
    default: float
    tandem: float


class Memory(BaseModel):
    """MiB resident: when ready, and after so many commands."""

    ready: float
    after: float
    operations: int
    commands: int


class Backup(BaseModel):
    """MiB resident at most, ours and the program's together, of a small and a large backup of noise."""

    small_mb: int
    large_mb: int
    small: float
    large: float


async def commands(place: Place, many: int, rounds: int = 3) -> Commands:
    """`many` reads in a burst to each, in turns; the median of the rounds."""
    rates: dict[str, list[float]] = {"bare": [], "default": [], "tandem": []}
    async with rival("bare") as bare, rival("default", place.secret) as default:
        for _ in range(rounds):
            for name, url in (("bare", bare), ("default", default), ("tandem", place.door)):
                place.slack.set_request_url(url)
                rates[name].append(await _burst(place, many))
    place.slack.set_request_url(place.door)
    return Commands(**{name: median(found) for name, found in rates.items()})


async def _burst(place: Place, many: int) -> float:
    """Raises NotCounted where one of them was not acknowledged."""
    async with place.databases.server.connect("tandem") as database:
        await settled(database)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    ran = await place.slack.workspace().burst("ana", "incidents", [f"/ops {bodies.READ}"] * many, at_once=AT_ONCE)
    took = loop.time() - begin
    acked = sum(one["result"] == "acked" for one in ran)
    if acked != many:
        raise NotCounted(f"{acked} of {many} commands were acknowledged")
    return many / took


async def memory(place: Place, many: int) -> Memory:
    """Of a bot that was just started: before, and after `many` commands and all that came of them."""
    await place.start_again()
    ready = place.memory() / MIB
    await _burst(place, many)
    async with place.databases.server.connect("tandem") as database:
        await settled(database)
        operations = await database.fetchval("SELECT count(*) FROM tandem.operations")
    return Memory(ready=ready, after=place.memory() / MIB, operations=operations, commands=many)


async def ready(place: Place, times: int) -> float:
    """Seconds from the start of the process until /readyz says 200; the median."""
    return median([await place.start_again() for _ in range(times)])


async def backup(place: Place, small: int, large: int) -> Backup:
    """Backs up so many MB of noise, twice; each in a process of its own."""
    found = [await _backup(place, size) / MIB for size in (small, large)]
    return Backup(small_mb=small, large_mb=large, small=found[0], large=found[1])


async def _backup(place: Place, megabytes: int) -> int:
    """Resident bytes at most. The tests measure it too, so the measuring stands there."""
    url = await place.databases.server.create_database(f"noise_{megabytes}")
    code = (
        "import asyncio, sys; from tests.integration.vault_memory import measure_backup_memory as measure; "
        "print(asyncio.run(measure(sys.argv[1], int(sys.argv[2]))))"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, url, str(megabytes), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    await place.databases.server.drop_database(f"noise_{megabytes}")
    if child.returncode:
        raise NotCounted(f"the backup of {megabytes} MB failed")
    peak: Any = json.loads(said)
    return int(peak)
