"""Counts the engine's commits by name, and kills its own process at one of them."""

import os
import re
import signal
from pathlib import Path
from typing import Any

VERB = re.compile(r"SELECT (?:\* FROM )?(\w+)\(")
COMMITS = ("planned", "begin_run", "started", "settled", "park", "turned", "doubted", "finished", "ask", "not_begun")


def name_of(sql: str, args: tuple[Any, ...]) -> str | None:
    """ "settled r1 a/do/1 done": a commit that moves a run, named the same in every repetition; None for the others."""
    found = VERB.match(sql)
    if found is None or found[1] not in COMMITS:
        return None
    verb = found[1]
    if verb == "ask":
        return f"ask {args[0]['command'].replace(' ', '-')}"
    words = [verb, f"r{args[0]}"]
    if verb in ("started", "settled"):
        words.append("/".join(str(arg) for arg in args[3:6]))
    if verb == "settled":
        words.append(str(args[6]))
    return " ".join(words)


class Tripwire:
    """A pool that writes down each commit in `reached`, and dies before or after the one named by `fatal`."""

    def __init__(self, pool: Any, reached: Path, fatal: str = "") -> None:
        self._pool, self._reached, self._fatal = pool, reached, fatal

    async def fetchval(self, sql: str, *args: Any) -> Any:
        name = name_of(sql, args)
        self._pass(name, "before")
        answer = await self._pool.fetchval(sql, *args)
        self._pass(name, "after")
        return answer

    async def fetch(self, sql: str, *args: Any) -> Any:
        rows = await self._pool.fetch(sql, *args)
        if " claim(" in sql:
            for row in rows:
                self._pass(f"claim r{row['id']} {row['state']}", "after")
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> Any:
        return await self._pool.fetchrow(sql, *args)

    def _pass(self, name: str | None, side: str) -> None:
        if name is None:
            return
        point = f"{side} {name}"
        with self._reached.open("a") as reached:
            reached.write(f"{point}\n")
        if point == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)
