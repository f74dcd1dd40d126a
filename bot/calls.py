"""Somebody who may not do a thing themselves asks those who could: recorded, and told where all can read it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot import parse
from bot.catalogue import Entry
from bot.durations import about_duration
from bot.fields import personal
from bot.house import House
from bot.model import State, Who
from bot.operation import Input
from bot.people.could import Callees, Could
from bot.policy import Verdict
from bot.render import words
from bot.store.store import Doors
from bot.store.views import Views
from bot.view import Outcome

MINUTE = timedelta(minutes=1)
WAITS = (State.AWAITING, State.IN_DOUBT)  # for people's word


class Calls:
    """`committed` is called after every commit."""

    def __init__(self, house: House, could: Could, doors: Doors, views: Views, committed: Callable[[], None]) -> None:
        self.house, self.could, self.doors, self.views, self.committed = house, could, doors, views, committed

    async def not_an_approver(self, who: Who, run: int, code: str) -> Outcome:
        """The refusal with who could decide, those on call first; while it waits for them, they can be called."""
        view = await self.views.run(run)
        if view is None:
            return Outcome(code="no_run", ok=False)
        could = [person for person in self.could.decide(view) if person != who.person]
        waits = could and view.state in WAITS and not view.look_only
        return Outcome(
            code=code, run=run, tag=view.tag, rule=code, who=self.could.named(could, view.now),
            waits=(view.fingerprint or "") if waits else "", ok=False,
        )  # fmt: skip

    async def to_decide(self, who: Who, run: int, fingerprint: str) -> Outcome:
        """Calls those who could decide about a plan, in its run's thread. Raises NotRecorded, Uncertain."""
        view = await self.views.run(run)
        if view is None:
            return Outcome(code="no_run", ok=False)
        if view.state not in WAITS or view.look_only:
            return Outcome(code="not_waiting", run=run, ok=False)
        away = {one.giver: one.taker for one in view.delegations if one.giver not in view.barred}
        callees = self.could.callees(self.could.decide(view), view.now, (who.person or "",), away)
        if not callees.whom:
            return self._nobody(callees, run)
        word = {"kind": "called_in", "run": run, "team": who.team, "user": who.user, "fingerprint": fingerprint}
        answer = await self.doors.heed(word | callees.model_dump(mode="json"))
        return self._called(answer, run, callees, view.now)

    async def to_ask(
        self,
        who: Who,
        channel: str | None,
        entry: Entry,
        params: Input | None,
        verdict: Verdict,
        at: datetime,
        key: str,
    ) -> Outcome:
        """Calls those who may ask for what this verdict refuses: a request that ends as it begins, refused.

        Without params, or where one is secret or personal, it holds the operation's name alone. Raises NotRecorded,
        Uncertain.
        """
        if params is not None and _private(entry, params):
            params = None
        callees = self.could.callees(self.could.ask(verdict.who), at, (who.person or "",))
        if not callees.whom:
            return self._nobody(callees)
        refused = {
            "code": verdict.code.value, "sentence": verdict.said, "line": _line(entry, params),
            **callees.model_dump(mode="json"),
        }  # fmt: skip
        environment = self.house.environment(params) if params is not None else ""
        asked: dict[str, Any] = {
            "key": key, "team": who.team, "user": who.user, "channel": channel, "via": "slack",
            "command": entry.command, "params": params.model_dump(mode="json") if params is not None else {},
            "reason": params.reason if params is not None else "", "environment": environment,
            "risk": int(entry.risk), "config": self.house.config, "subjects": [], "refused": refused,
        }  # fmt: skip
        return self._called(await self.doors.ask(asked), None, callees, at)

    def _called(self, answer: Mapping[str, Any], run: int | None, callees: Callees, at: datetime) -> Outcome:
        self.committed()
        code = str(answer["code"])
        if code == "called_before":
            whom = words.listed(self.could.named(answer["whom"], at))
            ago = _ago(timedelta(seconds=float(answer["ago"])))
            sentence = f"{answer['by']} asked {whom} {ago} ago ({answer['tag']}), so nobody is called once more yet."
            return Outcome(code=code, run=run, sentence=sentence, ok=False)
        if code not in ("done", "asked"):
            return Outcome(code=code, run=run, ok=False)
        named = self.could.named(answer.get("whom", callees.whom), at)
        are = "is" if len(named) == 1 else "are"
        sentence = f"Recorded as {answer['tag']}: {words.listed(named)} {are} called in its thread."
        return Outcome(code="called", run=run, sentence=f"{sentence}{self._spared(callees)}")

    def _nobody(self, callees: Callees, run: int | None = None) -> Outcome:
        lacks = self._spared(callees) or " There is nobody else who could be."
        return Outcome(code="nobody_there", run=run, sentence=f"Nobody is called now.{lacks}", ok=False)

    def _spared(self, callees: Callees) -> str:
        names = [self.could.name(person) for person in callees.spared]
        if not names:
            return ""
        return f" {words.listed(names)} {'has' if len(names) == 1 else 'have'} quiet hours."


def _ago(time: timedelta) -> str:
    return "less than a minute" if time < MINUTE else about_duration(time // MINUTE * MINUTE)


def _line(entry: Entry, params: Input | None) -> str:
    """As it can be typed; of what cannot be, the command alone."""
    try:
        return parse.line(entry.command, params) if params is not None else f"/{entry.command}"
    except ValueError:
        return f"/{entry.command}"


def _private(entry: Entry, params: Input) -> bool:
    """Whether they hold what no channel may."""
    secret = [spec.name for spec in entry.fields if spec.secret]
    return bool(personal(params)) or any(getattr(params, name) not in (None, "", ()) for name in secret)
