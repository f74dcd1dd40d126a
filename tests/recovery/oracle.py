"""What must be so after any crash, read from the raw tables and the folder's log; imports nothing of the bot."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

ENDS = {"succeeded", "failed", "undone", "refused", "denied", "expired", "superseded", "cancelled"}
OVER = {"done", "not_done", "failed", "unknown", "again", "skipped"}


@dataclass(frozen=True)
class Wanted:
    """How a scenario ends: the run's state, files that are there, files that are not, lines and how often at most."""

    state: str
    there: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    once: tuple[str, ...] = ()  # effects that nobody may repeat unasked: step names, whose line is "mail <step>"
    exactly: tuple[tuple[str, int], ...] = ()  # a line's beginning, how often it stands in the log
    at_least: tuple[str, ...] = ()
    asked: bool = False  # people may be asked, though none of `once` is why


async def faults(url: str, folder: Path, run: int, wanted: Wanted) -> list[str]:
    """All that is wrong, in words."""
    conn = await asyncpg.connect(url, server_settings={"search_path": "tandem"})
    try:
        runs = await conn.fetch("SELECT * FROM runs ORDER BY id")
        events = await conn.fetch("SELECT * FROM events ORDER BY run, seq")
        left = {table: await conn.fetch(f"SELECT * FROM {table}") for table in ("locks", "sealed")}
    finally:
        await conn.close()
    log = (folder / "log").read_text().splitlines() if (folder / "log").exists() else []
    found = [f"{table}: {len(rows)} left of runs that have ended" for table, rows in left.items() if rows]
    for row in runs:
        found += _of_run(row, [e for e in events if e["run"] == row["id"]])
    state = next(row["state"] for row in runs if row["id"] == run)
    if state != wanted.state:
        found.append(f"it ended {state}, not {wanted.state}")
    found += [f"{name} is not there" for name in wanted.there if not (folder / name).exists()]
    found += [f"{name} is still there" for name in wanted.gone if (folder / name).exists()]
    found += _of_log(log, events, wanted)
    if "customers.example" in str(events) + str(runs):
        found.append("a personal value was written down")
    if "minted-canary" in str(events) + str(runs) + "".join(log):
        found.append("a secret was written down")
    return found


def _of_run(row: Any, events: list[Any]) -> list[str]:
    name, found = row["tag"], []
    if [e["seq"] for e in events] != list(range(1, row["seq"] + 1)):
        found.append(f"{name}: its events have gaps")
    if row["state"] not in ENDS:
        found.append(f"{name} has not ended: {row['state']}")
    if events[-1]["state"] != row["state"]:
        found.append(f"{name}: its last event says {events[-1]['state']}")
    open_attempts: dict[tuple[str, str], int] = {}
    done: Counter[tuple[str, str]] = Counter()
    for e in events:
        key = (e["step"], e["way"])
        if e["mark"] == "started":
            if key in open_attempts:
                found.append(f"{name}: {key} was begun again while its attempt {open_attempts[key]} was open")
            open_attempts[key] = e["attempt"]
        elif e["mark"] in OVER:
            open_attempts.pop(key, None)
        done[key] += e["mark"] == "done" and e["way"] in ("do", "undo")
    found += [f"{name}: {key} was done {times} times" for key, times in done.items() if times > 1]
    if open_attempts and row["state"] == "succeeded":
        found.append(f"{name}: succeeded with {open_attempts} open")
    return found


def _of_log(log: list[str], events: list[Any], wanted: Wanted) -> list[str]:
    found = []
    for step in wanted.once:
        mine = [e for e in events if e["step"] == step]
        unknown = sum(e["mark"] == "unknown" for e in mine)
        asked = sum(e["kind"] == "doubt" and json.loads(e["body"]).get("step") == step for e in events)
        again = sum(e["mark"] == "again" for e in mine)
        if asked != unknown:
            found.append(f"{step}: {unknown} times unknown, but asked {asked} times")
        if log.count(f"mail {step}") > 1 + again:
            found.append(f"{step}: {log.count(f'mail {step}')} lines, though people said again {again} times")
        if any(e["mark"] == "done" for e in mine) and not log.count(f"mail {step}"):
            found.append(f"{step}: done, but it never happened")
    if not wanted.once and not wanted.asked and any(e["kind"] == "doubt" for e in events):
        found.append("people were asked, though nothing here is beyond finding out")
    for start, times in wanted.exactly:
        if sum(line.startswith(start) for line in log) != times:
            found.append(
                f"{start!r} stands {sum(line.startswith(start) for line in log)} times in the log, not {times}"
            )
    return found + [f"{line!r} never happened" for line in wanted.at_least if line not in log]
