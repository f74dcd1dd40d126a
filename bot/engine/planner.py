"""From an ask to a plan: resolve, observe, plan; and once more just before the first step."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

import asyncpg
from pydantic import ValidationError

from bot import codec
from bot.effect import Effect, Permanent, Target, Temporary
from bot.engine.holds import changed_by, deployed, held_by, identity
from bot.engine.reach import Connectors, NotConfigured, Seeing
from bot.engine.results import NoResults
from bot.engine.retrying import retried
from bot.help import RISK_WORDS
from bot.model import Record, Risk, run_of
from bot.operation import Answer, Operation, Plan, Refusal, RunRef
from bot.parse import suggest
from bot.plans import covers, faults
from bot.policy import Verdict
from bot.render.changes import values
from bot.render.plan import differences
from bot.render.words import listed, moved
from bot.store.pool import DATABASE_AWAY, StaleClaim
from bot.store.store import Claimed, Ledger, RunRow

log = logging.getLogger("tandem.engine")
OF_THE_LEDGER = (StaleClaim, *DATABASE_AWAY, asyncpg.PostgresError)  # troubles that say nothing of a handler
SHORT = timedelta(minutes=2)  # an effect that may take longer weighs on the engine


class Entry(Protocol):
    """What the catalogue knows of one command."""

    @property
    def command(self) -> str: ...
    @property
    def operation(self) -> Operation[Any, Any]: ...
    @property
    def params(self) -> type[Any]: ...
    @property
    def facts(self) -> type[Any]: ...


class Handlers(Protocol):
    """What the engine needs of catalogue and config."""

    @property
    def deeds(self) -> Mapping[str, type[Any]]: ...

    @property
    def channels(self) -> Collection[str]: ...

    def entry(self, command: str) -> Entry: ...

    def environment(self, params: Any) -> str: ...

    def lifted(self, command: str, environment: str, risk: Risk) -> Risk: ...

    def seeing(self, connectors: Connectors, run: RunRef, at: Any) -> Seeing: ...

    async def frozen(self, services: Sequence[str]) -> Refusal | None: ...

    async def may_have_asked(
        self, command: str, environment: str, risk: Risk, person: str, channel: str | None
    ) -> Verdict: ...


class Made(Record):
    """What planning came to: exactly one of plan, refusal, broke."""

    params: Any
    facts: Any = None
    plan: Any = None
    refusal: Any = None
    broke: str = ""
    locks: list[str] = []
    changes: list[str] = []


class Planner:
    """Plans claimed runs. Never raises for what a handler or an outside system does wrong: that is told in the run."""

    def __init__(self, ledger: Ledger, handlers: Handlers, connectors: Connectors) -> None:
        self.ledger, self.handlers, self.connectors = ledger, handlers, connectors

    async def plan(self, claimed: Claimed, row: RunRow) -> None:
        """A run in planning: proposes, admits, answers, refuses or breaks. Raises what the ledger raises."""
        try:
            await self._plan(claimed, row)
        except OF_THE_LEDGER:
            raise
        except Exception as error:
            log.exception("a handler broke off", extra={"error": type(error).__name__})
            await self.ledger.planned(claimed, {"signal": "break", "body": {"why": _defect(error)}})

    async def still(self, claimed: Claimed, row: RunRow) -> bool:
        """Just before the first step: does the world still allow what was approved? If not, says so and asks again.

        Raises what the ledger raises.
        """
        try:
            return await self._still(claimed, row)
        except OF_THE_LEDGER:
            raise
        except Exception as error:
            log.exception("a handler broke off", extra={"error": type(error).__name__})
            await self.ledger.not_begun(
                claimed,
                "refuse",
                {"code": "broken", "sentence": f"Looking once more failed: {_defect(error)}. Nothing was done."},
            )
            return False

    async def _plan(self, claimed: Claimed, row: RunRow) -> None:
        made = await self._make(row, first=True)
        entry = self.handlers.entry(row.command)
        if made.broke:
            await self._say(claimed, row, "break", {"why": made.broke}, made)
        elif made.refusal:
            await self._say(claimed, row, "refuse", made.refusal.model_dump(mode="json"), made)
        elif row.look_only:
            await self._say(claimed, row, "answer", {"look": codec.encode_plan(made.plan)}, made)
        elif not made.plan.steps:
            answer = entry.operation.answer(made.params, made.facts, NoResults()) or Answer(headline=made.plan.sentence)
            await self._say(claimed, row, "answer", {"answer": answer.model_dump(mode="json")}, made)
        elif row.plan is None and (frozen := await self.handlers.frozen(made.changes)):
            # only what is new: what is amended while it waits goes on waiting, as it would have done untouched
            await self._say(claimed, row, "refuse", frozen.model_dump(mode="json"), made)
        else:
            word = self._proposal("propose", row, made)
            word["body"] = self._amended(row, word)
            if amiss := await self._amiss(row, word):
                await self._say(claimed, row, "refuse", amiss.model_dump(mode="json"), made)
            else:
                await self.ledger.planned(claimed, word)

    def _amended(self, row: RunRow, word: Mapping[str, Any]) -> dict[str, Any]:
        """What is different from the plan before the amendment, for those who read that one; empty for a first plan."""
        if row.plan is None:
            return {}
        was, now = codec.asked(row.plan), codec.asked(word["plan"])
        other = values(was, now)
        renamed = any(not line.startswith("reason:") for line in other)
        try:
            steps = differences(self._stored(row.plan), self._stored(word["plan"]), moved(was, now))
        except codec.UnknownDeed:
            steps = ["the steps of the plan before were of an earlier version of the bot: read all of the new ones"]
        return {"before": row.fingerprint, "changes": [*other, *_moved(row, word, renamed), *steps]}

    async def _amiss(self, row: RunRow, word: Mapping[str, Any]) -> Refusal | None:
        """Why whoever asked, or changed it last, may not ask for this as planned.

        What a run calls was approved with its parent.
        """
        if row.parent is not None:
            return None
        risk = Risk(word["risk"])
        for person in await self.ledger.worded(row.id):
            verdict = await self.handlers.may_have_asked(row.command, word["environment"], risk, person, row.channel)
            if not verdict.may:
                sentence = f"As planned, it {RISK_WORDS[risk]}, and {verdict.sentence}."
                return Refusal(code=verdict.code, sentence=sentence)
        return None

    async def _still(self, claimed: Claimed, row: RunRow) -> bool:
        entry = self.handlers.entry(row.command)
        now = await self.ledger.now()
        if frozen := await self.handlers.frozen(_changes(row)):
            await self.ledger.not_begun(claimed, "refuse", frozen.model_dump(mode="json"))
            return False
        if row.planned_at and now - row.planned_at <= entry.operation.fresh_for:
            return True
        before = self._stored(row.plan or "")
        made = await self._make(row, first=False)
        if made.broke:
            await self.ledger.not_begun(claimed, "refuse", {"code": "unseen", "sentence": made.broke})
        elif made.refusal:
            await self.ledger.not_begun(claimed, "refuse", made.refusal.model_dump(mode="json"))
        else:
            word = self._proposal("differ", row, made)
            leads, fresh = _moved(row, word), self._stored(word["plan"])
            if not leads and covers(before, fresh):
                return True
            word["body"] = {"before": row.fingerprint, "changes": [*leads, *differences(before, fresh)]}
            await self.ledger.planned(claimed, word)
        return False

    def _stored(self, text: str) -> Plan:
        """A plan as its text says it. A fresh one is compared so too: what a driver reads is of types of its own."""
        return codec.decode_plan(text, self.handlers.deeds)

    async def unapproved(self, claimed: Claimed, row: RunRow) -> None:
        """An approval counts no longer: the same plan is asked again."""
        word = {
            "signal": "differ", "plan": row.plan, "facts": row.facts, "risk": int(row.risk),
            "environment": row.environment, "locks": list(row.locks), "kinds": sorted(codec.kinds(row.plan or "")),
            "long": row.long,
            "start_by": _interval(row.start_by), "resume_within": _interval(row.resume_within),
            "body": {"why": "unapproved"},
        }  # fmt: skip
        await self.ledger.planned(claimed, word)

    async def _make(self, row: RunRow, first: bool) -> Made:
        operation = self.handlers.entry(row.command).operation
        try:
            params = self.handlers.entry(row.command).params.model_validate(row.params)
        except ValidationError:
            return Made(params=None, broke="its parameters do not fit the present version of the operation; ask anew")
        run = RunRef(tag=row.tag, requester=row.requester, askers=await self.ledger.askers(row.id))
        see = self.handlers.seeing(self.connectors, run, await self.ledger.now())
        try:
            async with asyncio.timeout(operation.deadline.total_seconds()):
                if row.retries is not None:
                    facts, plan = await self._retried(row, row.retries)
                else:
                    params = await operation.resolve(params, see) if first else params
                    facts = await operation.observe(params, see)
                    plan = operation.plan(params, facts)
                locks = [] if isinstance(plan, Refusal) else await held_by(operation, params, facts, self._identity)
        except TimeoutError:
            seconds = operation.deadline.total_seconds()
            return Made(params=params, broke=f"looking took longer than {seconds:g} s")
        except (Temporary, Permanent, NotConfigured) as error:
            return Made(params=params, broke=str(error))
        except Exception as error:  # whatever a handler does wrong is told in the run, by class only
            log.exception("a handler could not look", extra={"error": type(error).__name__})
            return Made(params=params, broke=f"it could not look at what is there: {_defect(error)}")
        if isinstance(plan, Refusal):
            return Made(params=params, facts=facts, refusal=plan)
        if wrong := faults(plan):
            return Made(params=params, broke="the plan is not well-formed: " + "; ".join(wrong))
        if strangers := [key for key in plan.tells if key not in self.handlers.channels and run_of(key) is None]:
            return Made(params=params, broke=_no_channel(strangers[0], self.handlers.channels))
        changes = changed_by(operation, params, facts, locks)
        return Made(params=params, facts=facts, plan=plan, locks=locks, changes=changes)

    async def _retried(self, row: RunRow, of: int) -> tuple[Any, Plan | Refusal]:
        """Facts and plan of a run that tries again what failed in another: that one's. Raises Permanent."""
        before = await self.ledger.row(of)
        try:
            facts = self.handlers.entry(row.command).facts.model_validate(before.facts)
            return facts, await retried(self.ledger, self.handlers.deeds, before)
        except (codec.UnknownDeed, ValidationError) as changed:
            raise Permanent(f"{before.tag} was planned by another version of the operation; ask anew") from changed

    async def _identity(self, target: Target) -> str:
        return await identity(target, self.handlers.deeds, self.connectors)

    async def _say(self, claimed: Claimed, row: RunRow, signal: str, body: dict[str, Any], made: Made) -> None:
        facts = made.facts.model_dump(mode="json") if made.facts is not None else None
        await self.ledger.planned(claimed, {"signal": signal, "body": body, "facts": facts})

    def _proposal(self, signal: str, row: RunRow, made: Made) -> dict[str, Any]:
        entry = self.handlers.entry(row.command)
        environment = self.handlers.environment(made.params)
        raised = entry.operation.raises(made.params, made.facts) or entry.operation.risk
        risk = self.handlers.lifted(row.command, environment, max(raised, entry.operation.risk))
        params = made.params.model_dump(mode="json")
        upon = {"risk": int(risk), "environment": environment, "locks": sorted(made.locks), "changes": made.changes}
        text = codec.encode_plan(made.plan, {**params, "reason": row.reason}, upon)
        return {
            "signal": signal,
            "params": params,
            "plan": text,
            "kinds": sorted(codec.kinds(text)),
            "facts": made.facts.model_dump(mode="json"),
            **upon,
            "long": takes_long(made.plan),
            "start_by": _interval(entry.operation.start_by),
            "resume_within": _interval(entry.operation.resume_within),
            "body": {},
        }


def _defect(error: Exception) -> str:
    """A handler's fault, or a command that is gone: told by class only."""
    return f"the operation itself broke off; tell whoever keeps the bot: its log has more ({type(error).__name__})"


def _moved(row: RunRow, word: Mapping[str, Any], renamed: bool = False) -> list[str]:
    """What an approval was given for besides the plan, and is another thing now.

    `renamed`: other values were asked for, so that other targets are no news.
    """
    lines = []
    if word["locks"] != sorted(row.locks) and not renamed:
        lines.append("what its target's name leads to is another one now")
    if word["changes"] != _changes(row):
        lines.append(f"it changes {listed(word['changes']) or 'no service'} now")
    if word["environment"] != row.environment:
        lines.append(f"its target is {word['environment'] or 'in no environment'} now")
    if word["risk"] > row.risk:
        lines.append(f"it is {Risk(word['risk']).name.lower()} now")
    return lines


def _changes(row: RunRow) -> list[str]:
    """The services that the stored plan changes."""
    found: list[str] = codec.upon(row.plan).get("changes", deployed(row.locks)) if row.plan else []
    return found


def _no_channel(key: str, known: Collection[str]) -> str:
    near = suggest(key, known, 1)
    meant = f"write {near[0]} in the operation, or " if near else ""
    return f"it would tell #{key}, a channel that tandem.toml does not name; {meant}add {key} below [channels]"


def takes_long(plan: Plan) -> bool:
    """Whether one attempt at one of its effects may hold a place in the engine for minutes."""
    deeds = (deed for step in plan.steps for deed in (step.does, step.undo))
    return any(deed.timeout > SHORT for deed in deeds if isinstance(deed, Effect))


def _interval(span: timedelta | None) -> str | None:
    return f"{span.total_seconds()} seconds" if span is not None else None
