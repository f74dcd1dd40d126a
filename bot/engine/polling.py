"""Steps that nobody works at: checks, waits, people's tasks and other runs, each looked at when it is due."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from bot import codec
from bot.effect import Bad, Blind, Check, Good, Look, Pending, Until, Watch
from bot.engine.attempts import OTHER_TYPE, name, said
from bot.engine.planner import Handlers
from bot.engine.reach import Connectors
from bot.fields import personal, subjects
from bot.journey import Perform
from bot.model import ENDS, Entry, Event, Mark, Record, State
from bot.operation import Call, Plan, Step, Task, Wait
from bot.plans import find
from bot.standing import recalls
from bot.store.store import Claimed, Ledger, RunRow

BLIND = 0.5  # of a watch: so much of it may pass without a look that sees, then people are asked
LOOK_WITHIN = 30.0  # seconds for one look


class Pause(Record):
    """Nothing to conclude yet: look again then (None: something else wakes it)."""

    due: datetime | None
    body: dict[str, Any] = {}
    progress: dict[str, Any] = {}


SHOWN_WITHIN = timedelta(minutes=10)  # the database keeps to it as well: what nobody took by then is wiped


class Polling:
    """Starts and looks at steps that are not effects; a conclusion is one ledger row, everything else a due time."""

    def __init__(self, ledger: Ledger, connectors: Connectors, handlers: Handlers) -> None:
        self.ledger, self.connectors, self.handlers = ledger, connectors, handlers

    async def start(self, c: Claimed, step: Step[Any], act: Perform) -> bool:
        """Commits *started*. False where it is too late."""
        body: dict[str, Any] = {}
        if isinstance(step.does, Task):
            body = {"task": step.does.text, "who": step.does.who}
            body |= {"reveals": step.does.reveals.step} if step.does.reveals is not None else {}
        timeout = timedelta(days=3650)  # nothing is in the air: a look and a wait have no attempt to outlive
        return await self.ledger.started(c, step.name, act.way, act.attempt, timeout, body) is not None

    async def look(
        self, c: Claimed, row: RunRow, step: Step[Any], started: Entry, results: dict[str, Any]
    ) -> Pause | str | None:
        """Concludes the step, or says when to look again. A sentence where it could not look for too long."""
        now = await self.ledger.now()
        match step.does:
            case Wait():
                return await self._wait(c, step, started, now)
            case Task():
                return await self._task(c, step, started, now)
            case Call():
                return await self._call(c, row, step, started)
            case Until() | Watch():
                return await self._check(c, row, step, started, now, results)
            case _:
                raise TypeError(f"a {type(step.does).__name__} cannot be polled")

    async def _conclude(self, c: Claimed, step: Step[Any], started: Entry, mark: Mark, body: dict[str, Any]) -> None:
        await self.ledger.settled(c, step.name, started.way, started.attempt, mark, body)

    async def _wait(self, c: Claimed, step: Step[Any], started: Entry, now: datetime) -> Pause | None:
        assert isinstance(step.does, Wait)  # noqa: S101
        until = started.at + step.does.lasting
        if now < until:
            return Pause(due=until, body={"until": until.isoformat()})
        await self._conclude(c, step, started, Mark.DONE, {})
        return None

    async def _task(self, c: Claimed, step: Step[Any], started: Entry, now: datetime) -> Pause | None:
        task = step.does
        assert isinstance(task, Task)  # noqa: S101
        within = task.within
        if task.reveals is not None:
            within = min(within or SHOWN_WITHIN, SHOWN_WITHIN)
        if within and now >= started.at + within:
            await self._conclude(c, step, started, Mark.FAILED, {"why": "nobody ticked it in time"})
            return None
        until = started.at + within if within else None
        due = _sooner(until, await self._nudges(c, step, started.at, now))
        return Pause(due=due, body={"task": task.text, "who": task.who})

    async def _nudges(
        self, c: Claimed, step: Step[Any], since: datetime, now: datetime, of: int = 0
    ) -> datetime | None:
        """Tells the nudges that are due of a task open since then; when the next one is."""
        task, next_due = step.does, None
        assert isinstance(task, Task)  # noqa: S101
        for n, nudge in enumerate(task.nudges):
            at = since + nudge.after
            if now < at:
                next_due = _sooner(next_due, at)
            else:
                body = {"whom": nudge.whom, "how": nudge.how, "task": task.text}
                await self.ledger.nudge(c, "nudge", step.name, of * len(task.nudges) + n, body)
        return next_due

    async def recall(self, c: Claimed, plan: Plan, events: Sequence[Event]) -> datetime | None:
        """Tasks that come back: opened anew when they are due, nudged while they are open; when to look again."""
        now, due = await self.ledger.now(), None
        for back in recalls(plan, events):
            step = find(plan, back.step)
            assert isinstance(step.does, Task)  # noqa: S101
            if back.since is not None:
                due = _sooner(due, await self._nudges(c, step, back.since, now, of=back.round))
            elif back.due is not None and now >= back.due:
                body = {"task": step.does.text, "who": step.does.who}
                await self.ledger.nudge(c, "recalled", step.name, back.round + 1, body)
                due = _sooner(due, min((now + n.after for n in step.does.nudges), default=None))
            else:
                due = _sooner(due, back.due)
        return due

    async def _call(self, c: Claimed, row: RunRow, step: Step[Any], started: Entry) -> Pause | None:
        call = step.does
        assert isinstance(call, Call)  # noqa: S101
        children = await self.ledger.children(row.id, step.name)  # for longer than its key is remembered
        child = next((child for child in children if child.created_at >= started.at), None)
        if child is None:
            try:
                asked = self._asked(row, step.name, started.attempt, call)
            except (LookupError, ValidationError) as error:
                why = said(error, f"its values do not fit the present `{call.command}`")
                await self._conclude(c, step, started, Mark.FAILED, {"why": f"nothing was asked for: {why}"})
                return None
            child = await self.ledger.row((await self.ledger.ask(asked))["run"])
        if call.detached or child.state is State.SUCCEEDED:
            await self._conclude(c, step, started, Mark.DONE, {"run": child.tag})
        elif child.state in ENDS:
            # A run that failed may have left a part of what it did; every other end is proof that nothing is left.
            partly = {"partly": True} if child.state is State.FAILED else {}
            why = f"{child.tag} {child.state}"
            await self._conclude(c, step, started, Mark.FAILED, {"run": child.tag, "why": why, **partly})
        else:
            return Pause(due=None, body={"run": child.tag})
        return None

    def _asked(self, row: RunRow, step: str, attempt: int, call: Call) -> dict[str, Any]:
        """The called run, asked for once: its key is the step's, and its askers are its parent's.

        Raises LookupError or ValidationError where the operation, its target or its values are here no more.
        """
        entry = self.handlers.entry(call.command)
        params = entry.params.model_validate(call.params)
        return {
            "key": f"call/{row.tag}/{step}/{attempt}", "command": call.command, "via": "run",
            "params": params.model_dump(mode="json"), "reason": row.reason, "channel": row.channel,
            "team": row.team, "user": row.slack_user, "parent": row.id, "parent_step": step,
            "detached": call.detached, "config": row.config, "risk": int(entry.operation.risk),
            "environment": self.handlers.environment(params), "subjects": subjects(params),
            "tokens": [value.token for value in personal(params)] or None,
        }  # fmt: skip

    async def _check(
        self, c: Claimed, row: RunRow, step: Step[Any], started: Entry, now: datetime, results: dict[str, Any]
    ) -> Pause | str | None:
        deed = step.does
        assert isinstance(deed, (Until, Watch))  # noqa: S101
        seen = await self._see(codec.fill(deed.check, results))
        if isinstance(deed, Until):
            return await self._until(c, step, deed, started, now, seen)
        return await self._watch(c, row, step, deed, started, now, seen)

    async def _see(self, check: Check[Any]) -> Look[Any]:
        try:
            async with asyncio.timeout(LOOK_WITHIN):
                seen = await check.look(await self.connectors.hands(check))
        except Exception as error:  # noqa: BLE001  a look that breaks is blind, never good and never bad
            return Blind(f"it could not look ({name(error)})")
        try:
            if isinstance(seen, Good):
                codec.encode_result(check, seen.value)
        except ValueError:
            return Blind(OTHER_TYPE)
        return seen

    async def _until(
        self, c: Claimed, step: Step[Any], deed: Until[Any], started: Entry, now: datetime, seen: Look[Any]
    ) -> Pause | str | None:
        over = now >= started.at + deed.within
        match seen:
            case Good(value):
                await self._conclude(c, step, started, Mark.DONE, {"result": codec.encode_result(deed, value)})
            case Bad(why):
                await self._conclude(c, step, started, Mark.FAILED, {"why": why})
            case Blind(why) if over:
                return why
            case Pending() if over:
                words = f"not so within {deed.within}: {seen.note}".rstrip(": ")
                await self._conclude(c, step, started, Mark.FAILED, {"why": words})
            case _:
                due = min(now + deed.every, started.at + deed.within)
                return Pause(due=due, body={"check": step.name}, progress={step.name: _shown(seen)})
        return None

    async def _watch(
        self, c: Claimed, row: RunRow, step: Step[Any], deed: Watch[Any], started: Entry, now: datetime,
        seen: Look[Any],
    ) -> Pause | str | None:  # fmt: skip
        before = row.progress.get(step.name, {})
        # A watch begins when all is well: what is not yet well any more counts as bad.
        if isinstance(seen, Pending):
            seen = Bad(seen.note or "not well any more")
        bad = int(before.get("bad", 0)) + isinstance(seen, Bad) if isinstance(seen, (Bad, Blind)) else 0
        blind = int(before.get("blind", 0)) + isinstance(seen, Blind)  # looks; neither good nor bad
        if isinstance(seen, Blind) and blind * deed.every > deed.lasting * BLIND:
            return seen.why
        if isinstance(seen, Bad) and bad >= deed.bad_looks:
            await self._conclude(c, step, started, Mark.FAILED, {"why": seen.why})
        elif now < started.at + deed.lasting:
            due = min(now + deed.every, started.at + deed.lasting)
            shown = {**_shown(seen), "bad": bad, "blind": blind}
            return Pause(due=due, body={"check": step.name}, progress={step.name: shown})
        elif isinstance(seen, Blind):
            return seen.why
        elif isinstance(seen, Bad):
            await self._conclude(c, step, started, Mark.FAILED, {"why": seen.why})
        else:
            await self._conclude(c, step, started, Mark.DONE, {"result": codec.encode_result(deed, seen.value)})
        return None


def _sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two times, None being never."""
    return min((at for at in (one, other) if at is not None), default=None)


def _shown(seen: Look[Any]) -> dict[str, Any]:
    if isinstance(seen, Pending):
        return {"done": seen.done, "total": seen.total, "note": seen.note}
    return {"note": getattr(seen, "why", "")}
