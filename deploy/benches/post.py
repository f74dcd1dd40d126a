"""The client: a process of its own that signs and sends requests as Slack does, and times each answer.

`python -m deploy.benches.post` reads one Job as JSON from standard input and prints what it Saw.
"""

import asyncio
import sys
from time import perf_counter, time
from urllib.parse import urlsplit

import asyncpg
from pydantic import BaseModel

from deploy.local.slack.delivery.http import FORM, sign

ANSWER_WITHIN = 10.0  # seconds
REST = 0.02  # seconds after the last trace of work in the database: the bot looks once more whether there is any
SETTLED = """
SELECT NOT EXISTS (SELECT 1 FROM tandem.runs WHERE state IN ('planning', 'queued', 'running'))
   AND NOT EXISTS (SELECT 1 FROM tandem.threads WHERE due < now() + interval '10 s')
"""


class Lane(BaseModel):
    """One contestant: where it listens and what it is sent."""

    name: str
    url: str
    secret: str
    bodies: list[str]


class Job(BaseModel):
    """`at_once` 1: the lanes in turns, one request each; more: each lane's bodies with so many in flight."""

    lanes: list[Lane]
    at_once: int = 1
    settles: str = ""  # a database URL: before each request (or lane) the engine and the poster have ended all work


class Seen(BaseModel):
    """Of one lane: seconds of each answer in order, of all together, and the answers' bodies."""

    seconds: list[float]
    elapsed: float
    answers: list[str]


class Saw(BaseModel):
    """What came of a job, by the lanes' names."""

    lanes: dict[str, Seen]


class Refused(Exception):
    """A contestant answered something other than 200."""


class Line:
    """One keep-alive connection."""

    def __init__(self, lane: Lane) -> None:
        parts = urlsplit(lane.url)
        self._host, self._port, self._path = parts.hostname or "", parts.port or 80, parts.path
        self._secret = lane.secret
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(self) -> "Line":
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    def close(self) -> None:
        self._writer.close()

    async def post(self, body: str) -> tuple[float, str]:
        """Seconds to the whole answer, and its body. Raises Refused, TimeoutError."""
        data = body.encode()
        headers = {"Host": self._host, "Content-Type": FORM, "Content-Length": str(len(data))}
        headers |= sign(self._secret, data, int(time()))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        request = f"POST {self._path} HTTP/1.1\r\n{lines}\r\n".encode() + data
        begin = perf_counter()
        self._writer.write(request)
        async with asyncio.timeout(ANSWER_WITHIN):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            answer = await self._reader.readexactly(_length(head))
        took = perf_counter() - begin
        if head.split(" ", 2)[1] != "200":
            raise Refused(f"{self._host}:{self._port} answered {head.splitlines()[0]}: {answer.decode()[:200]}")
        return took, answer.decode()


def _length(head: str) -> int:
    lines = (line.partition(":") for line in head.splitlines())
    return next((int(value) for name, _, value in lines if name.lower() == "content-length"), 0)


async def in_turns(job: Job) -> Saw:
    """One request of each lane after the other, so that whatever else the machine does hits all of them alike."""
    lines = {lane.name: await Line(lane).open() for lane in job.lanes}
    seen = {lane.name: Seen(seconds=[], elapsed=0.0, answers=[]) for lane in job.lanes}
    database = await asyncpg.connect(job.settles) if job.settles else None
    for bodies in zip(*(lane.bodies for lane in job.lanes), strict=True):
        for lane, body in zip(job.lanes, bodies, strict=True):
            if database is not None:
                await settled(database)
                await asyncio.sleep(REST)
            took, answer = await lines[lane.name].post(body)
            seen[lane.name].seconds.append(took)
            seen[lane.name].answers.append(answer)
    for name, line in lines.items():
        line.close()
        seen[name].elapsed = sum(seen[name].seconds)
    if database is not None:
        await database.close()
    return Saw(lanes=seen)


async def settled(database: asyncpg.Connection, within: float = 60.0) -> None:
    """Returns once nothing is under way in the bot. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not await database.fetchval(SETTLED):  # noqa: ASYNC110  another process's state
            await asyncio.sleep(0.002)


async def in_flight(job: Job) -> Saw:
    """Each lane alone, with so many requests in flight."""
    seen = {}
    for lane in job.lanes:
        if job.settles:
            database = await asyncpg.connect(job.settles)
            await settled(database)
            await database.close()
        seen[lane.name] = await _flood(lane, job.at_once)
    return Saw(lanes=seen)


async def _flood(lane: Lane, at_once: int) -> Seen:
    lines = [await Line(lane).open() for _ in range(at_once)]
    bodies = iter(lane.bodies)
    seconds, answers = [], []

    async def sends(line: Line) -> None:
        for body in bodies:
            took, answer = await line.post(body)
            seconds.append(took)
            answers.append(answer)

    begin = perf_counter()
    await asyncio.gather(*(sends(line) for line in lines))
    elapsed = perf_counter() - begin
    for line in lines:
        line.close()
    return Seen(seconds=seconds, elapsed=elapsed, answers=answers)


async def post(job: Job) -> Saw:
    """Runs a job in a process of its own. Raises RuntimeError with what it said where it failed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.benches.post",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, wrong = await child.communicate(job.model_dump_json().encode())
    if child.returncode:
        raise RuntimeError(f"the client ended with {child.returncode}: {wrong.decode()[-2000:]}")
    return Saw.model_validate_json(said)


def main() -> None:
    job = Job.model_validate_json(sys.stdin.read())
    print(asyncio.run(in_turns(job) if job.at_once == 1 else in_flight(job)).model_dump_json())


if __name__ == "__main__":
    main()
