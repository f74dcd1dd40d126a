"""Drives one claimed run: asks the pure `next_acts` what to do, does it, and again, until it ends, parks or asks."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot import codec
from bot.effect import Effect, Survival, Sweep
from bot.engine.attempts import Attempts, name
from bot.engine.planner import Handlers, Planner
from bot.engine.polling import Pause, Polling
from bot.engine.results import Stepping
from bot.engine.sweeping import Sweeping, counted, left_by
from bot.journey import Act, Ask, End, Perform, Probe, Settle, Turn, last_words, next_acts
from bot.model import Choice, Doubt, Entry, Heading, Mark, Signal, State, Way
from bot.operation import Answer, Plan, Step
from bot.plans import deed_of, find, refs
from bot.standing import entries_of
from bot.store.personal import holding
from bot.store.store import Claimed, Ledger, RunRow, Wished

T = TypeVar("T")
POISON = 3  # claims without a new ledger row
NOT_SHOWN_AGAIN = timedelta(seconds=5)
BARRED_AGAIN = timedelta(seconds=3), timedelta(minutes=1)  # the longer the attempt has been there, the rarer


@dataclass(frozen=True)
class Work:
    """One round's view of a run."""

    c: Claimed
    row: RunRow
    plan: Plan
    entries: Sequence[Entry]
    results: Stepping
    recall: datetime | None = None  # when a task that comes back is to be looked at

    def last(self, act: Perform | Settle | Probe | Ask) -> Entry:
        return last_words(self.entries)[act.step, act.way]


async def together(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Awaits all of them; when one breaks off, or we are cancelled, none goes on alone."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Runner:
    """One run at a time from claim to release; any number of these work side by side."""

    def __init__(
        self, ledger: Ledger, planner: Planner, attempts: Attempts, handlers: Handlers, backoff: timedelta
    ) -> None:
        self.ledger, self.planner, self.attempts, self.handlers = ledger, planner, attempts, handlers
        self.sweeping = Sweeping(attempts)
        self.polling = Polling(ledger, attempts.connectors, handlers)
        self.backoff = backoff

    async def drive(self, c: Claimed, row: RunRow) -> None:
        """From a claim to the next end, park, question or release. Raises StaleClaim when the run was lost."""
        with holding(c):
            await self._drive(c, row)

    async def _drive(self, c: Claimed, row: RunRow) -> None:
        if row.claims >= POISON:
            await self._poisoned(c, row)
        elif row.state is State.PLANNING:
            await self.planner.plan(c, row)
        elif row.state is State.QUEUED and not await self._begin(c, row):
            return
        row = await self.ledger.row(row.id)
        if row.worker != c.worker or row.fence != c.fence or row.ended_at:
            return
        if row.state is State.QUEUED:
            await self.ledger.release(c, await self.ledger.now(), row.due)
            return
        while await self._go_on(c, row.id):
            pass

    async def _poisoned(self, c: Claimed, row: RunRow) -> None:
        if row.state is State.PLANNING:
            why = "planning it ended three workers; ask anew with other values, or tell the operators"
            await self.ledger.planned(c, {"signal": "break", "body": {"why": why}})
            return
        sentence = "Three workers ended while they held this run."
        await self._ask(c, Doubt.POISON, None, (Choice.AGAIN, Choice.STOP), sentence)

    async def _begin(self, c: Claimed, row: RunRow) -> bool:
        if not await self.planner.still(c, row):
            return False
        match await self.ledger.begin(c):
            case "started":
                return True
            case "not_shown":
                await self.ledger.release(c, await self.ledger.now() + NOT_SHOWN_AGAIN, row.due)
            case "unapproved":
                await self.planner.unapproved(c, row)
            case "frozen":  # since it was looked at: the next look refuses it in words
                await self.ledger.release(c, await self.ledger.now(), row.due)
            case _:
                await self.ledger.not_begun(c, "expire", {"why": "start_by"})
        return False

    async def _go_on(self, c: Claimed, run: int) -> bool:
        """One round: True where there is more to do now."""
        row = await self.ledger.row(run)
        if row.ended_at or row.worker != c.worker or row.fence != c.fence:
            return False
        events = await self.ledger.events(run)
        plan = codec.decode_plan(row.plan or "", self.handlers.deeds)
        entries = entries_of(events)
        acts = next_acts(plan, entries, row.heading, row.why, row.wish == "cancel")
        results = Stepping(plan, events, await self._secrets(run))
        if await self._changed(c, row, plan, entries, acts, results):
            return False
        recall = await self.polling.recall(c, plan, events) if row.heading is Heading.FORTH and not row.wish else None
        work = Work(c, row, plan, entries, results, recall)
        if isinstance(acts[0], Perform):
            return await self._perform_all(work, [act for act in acts if isinstance(act, Perform)])
        if isinstance(acts[0], (Settle, Probe)):
            return await self._find_out(work, [act for act in acts if isinstance(act, (Settle, Probe))])
        return await self._decide(work, acts[0])

    async def _secrets(self, run: int) -> dict[str, Any]:
        boxes = await self.ledger.boxes(run)
        return {step: self.attempts.seal.unbox(f"{run}/{step}", box) for step, box in boxes.items()}

    async def _decide(self, work: Work, act: Act) -> bool:
        match act:
            case End():
                await self._end(work.c, work.row, work.plan, act, work.results)
                return False
            case Turn():
                await self.ledger.turned(work.c, act.heading, act.why, act.step)
                return True
            case Ask():
                last, deed = work.last(act), deed_of(find(work.plan, act.step), act.way)
                probes = isinstance(deed, Effect) and deed.survives is Survival.PROBE
                await self._ask(work.c, act.doubt, act, act.choices, str(last.body.get("why", "")), last, probes)
                return False
            case _:
                raise TypeError(f"{type(act).__name__} is nothing to decide")

    async def _perform_all(self, work: Work, acts: Sequence[Perform]) -> bool:
        """The steps of one group at once. The claim is given back, or people asked, only when none is under way."""
        now = await self.ledger.now()
        due = {act.step: max(self._due(work, act, now), await self._over(work, act, now)) for act in acts}
        ready = [act for act in acts if due[act.step] <= now]
        if not ready:
            await self.ledger.release(work.c, min(due.values()), work.row.due)
            return False
        in_time = await together(self._perform(work, act) for act in ready)
        late = [act for act, started in zip(ready, in_time, strict=True) if not started]
        if late:
            choices = (Choice.AGAIN, Choice.BACK, Choice.STOP)
            await self._ask(work.c, Doubt.LATE, late[0], choices, "It became due too long ago to go on unasked.")
        return not late

    def _due(self, work: Work, act: Perform, now: datetime) -> datetime:
        """When it may be tried again: longer after each failure."""
        return work.last(act).at + self.backoff * 2**act.after_failures if act.after_failures else now

    async def _over(self, work: Work, act: Perform | Probe, now: datetime) -> datetime:
        """When the attempt before can surely no longer act: at once where it was barred, else at its deadline."""
        key = (act.step, act.way)
        unknown = [e for e in work.entries if (e.step, e.way) == key and e.mark is Mark.UNKNOWN]
        if not unknown or unknown[-1].body.get("barred"):
            return now
        attempt = unknown[-1].attempt
        started = [e for e in work.entries if (e.step, e.way, e.attempt) == (*key, attempt) and e.mark is Mark.STARTED]
        return await self._may_act(work, *key, attempt, started[-1] if started else None) or now

    async def _may_act(self, work: Work, name: str, way: Way, attempt: int, started: Entry | None) -> datetime | None:
        """When to find out again whether that attempt can still act; None: it is barred, or its time is over."""
        step = find(work.plan, name)
        if await self.attempts.bar(work.row.tag, step, way, attempt, work.results.values):
            return None
        left = await self.ledger.left(started.deadline if started else None)
        if started is None or left <= timedelta(0):
            return None
        now = await self.ledger.now()
        if type(deed_of(step, way)).bar is Effect.bar:  # type: ignore[attr-defined]
            return now + left
        soon, late = BARRED_AGAIN  # what could not be reached may be there again in a moment
        return now + min(left, max(soon, min(late, (now - started.at) / 10)))

    async def _perform(self, work: Work, act: Perform) -> bool:
        """False where it is too late to start it."""
        try:
            return await self._started(work, act)
        except Wished:
            return True  # not late: the next round reads the wish, and turns back

    async def _started(self, work: Work, act: Perform) -> bool:
        step, values = find(work.plan, act.step), work.results.values
        deed = deed_of(step, act.way)
        if isinstance(deed, Sweep):
            mine = [e for e in work.entries if e.step == step.name and "after" in e.body]
            return await self.sweeping.batch(work.c, work.row.tag, step, act, values, mine[-1] if mine else None)
        if isinstance(deed, Effect):
            return await self.attempts.perform(work.c, work.row.tag, step, act, values)
        return await self.polling.start(work.c, step, act)

    async def _find_out(self, work: Work, acts: Sequence[Settle | Probe]) -> bool:
        """Everything that was begun is looked at; only if nothing came of any of it is the claim given back."""
        found = await together(self._look(work, act) for act in acts)
        if any(look is None for look in found):
            return True
        for act, look in zip(acts, found, strict=True):
            if isinstance(look, str):
                await self._ask(work.c, Doubt.BLIND, act, (Choice.AGAIN, Choice.BACK, Choice.STOP), look)
                return False
        pauses = [look for look in found if isinstance(look, Pause)]
        due = min((at for at in (*(pause.due for pause in pauses), work.recall) if at), default=None)
        if any(isinstance(deed_of(find(work.plan, act.step), act.way), Effect) for act in acts):
            # something may still be at work there: this is no waiting
            await self.ledger.release(work.c, due, work.row.due)
        else:
            progress = {name: told for pause in pauses for name, told in pause.progress.items()}
            await self.ledger.park(work.c, due, work.row.due, pauses[0].body, progress)
        return False

    async def _look(self, work: Work, act: Settle | Probe) -> Pause | str | None:
        """None where the ledger has a new row."""
        step, values = find(work.plan, act.step), work.results.values
        if isinstance(act, Probe):
            now = await self.ledger.now()
            if (over := await self._over(work, act, now)) > now:
                return Pause(due=over)
            await self.attempts.probe(work.c, work.row.tag, step, act, values)
            return None
        started = work.last(act)
        if not isinstance(deed_of(step, act.way), Effect):
            return await self.polling.look(work.c, work.row, step, started, values)
        if due := await self._may_act(work, act.step, act.way, act.attempt, started):
            return Pause(due=due)
        body: dict[str, Any] = {"why": "the worker that tried it ended before it could say how it went", "barred": True}
        mark = Mark.UNKNOWN
        if isinstance(step.does, Sweep) and act.way is Way.DO:
            mark, far = left_by(started.body, work.row.progress.get(step.name, {}))
            body |= far
        await self.ledger.settled(work.c, step.name, act.way, act.attempt, mark, body)
        return None

    async def _ask(
        self, c: Claimed, doubt: Doubt, act: Any, choices: Sequence[Choice], sentence: str, last: Entry | None = None,
        probes: bool = False,
    ) -> None:  # fmt: skip
        """`probes`: what people say happened is looked at before it counts."""
        question: dict[str, Any] = {"doubt": doubt, "choices": list(choices), "sentence": sentence}
        if probes and Choice.HAPPENED in choices:
            question["probes"] = True
        if act is not None:
            question |= {"step": act.step, "way": act.way, "attempt": act.attempt}
        if last is not None and "item" in last.body and Choice.HAPPENED in choices:
            question |= {"item": last.body["item"], "past": counted(last.body)}
        await self.ledger.doubted(c, question)

    async def _changed(
        self, c: Claimed, row: RunRow, plan: Plan, entries: Sequence[Entry], acts: Sequence[Act], results: Stepping
    ) -> bool:
        """Looks at what the remaining steps rest on, before the first step, after a wait and before a barrier."""
        first = acts[0]
        if row.heading is not Heading.FORTH or not isinstance(first, Perform) or first.way is not Way.DO:
            return False
        waited = bool(entries) and not isinstance(find(plan, entries[-1].step).does, Effect)
        if entries and not waited and not find(plan, first.step).no_return:
            return False
        begun = {e.step for e in entries}
        for step in plan.steps:
            if step.name in begun or not isinstance(step.does, Effect):
                continue
            lacks = await self._lacks(step, results)
            if lacks:
                ask = first.model_copy(update={"step": step.name})
                await self._ask(c, Doubt.CHANGED, ask, (Choice.AGAIN, Choice.BACK, Choice.STOP), lacks)
                return True
        return False

    async def _lacks(self, step: Step[Any], results: Stepping) -> str | None:
        if any(ref not in results.values for ref in refs(step.does)):
            return None  # rests on a step that is still ahead
        deed: Any = codec.fill(step.does, results.values)
        if type(deed).holds is Effect.holds:
            return None
        try:
            return await deed.holds(await self.attempts.connectors.hands(deed))  # type: ignore[no-any-return]
        except Exception as error:  # noqa: BLE001  what cannot be looked at does not hold
            return f"what it rests on could not be looked at ({name(error)})"

    async def _end(self, c: Claimed, row: RunRow, plan: Plan, act: End, results: Stepping) -> None:
        answer: Answer | None = None
        body: dict[str, Any] = {"why": row.why} if row.why else {}
        if act.signal is Signal.SUCCEED and row.retries is None:  # the operation's own answer is of its whole plan
            try:
                entry = self.handlers.entry(row.command)
                params, facts = entry.params.model_validate(row.params), entry.facts.model_validate(row.facts)
                answer = entry.operation.answer(params, facts, results)
            except Exception as error:  # noqa: BLE001  a run that succeeded did, whatever its answer does
                answer = Answer(headline=f"{plan.sentence}: done. Its summary could not be made ({name(error)}).")
        if answer is not None:
            body["answer"] = answer.model_dump(mode="json")
        await self.ledger.finished(c, act.signal, body)
