"""The only way in: every door's act is one transaction. Who may ask is judged here; whose word counts, in SQL."""

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot import parse
from bot.calls import Calls
from bot.catalogue import Entry
from bot.effect import Permanent, Personal, Secret
from bot.engine.reach import Connectors, NotConfigured
from bot.fields import personal, replaced, subjects
from bot.house import House
from bot.keeping import Keeping
from bot.model import Choice, Risk, State, Who
from bot.operation import Choice as Entered
from bot.operation import Input, RunRef
from bot.people.confirmation import Confirmation, Freshener, Verb
from bot.people.could import Could
from bot.people.roster import Roster
from bot.policy import Verdict, could_approve, with_stand_ins
from bot.render.approvals import frozen
from bot.seal import Seal
from bot.store.personal import NoKey, PersonalStore
from bot.store.pool import NotRecorded as NotRecorded
from bot.store.pool import Uncertain as Uncertain
from bot.store.store import Doors, Ledger
from bot.store.views import Awaiting, Views
from bot.view import Brief, DelegationView, FreezeView, HomeView, Outcome, RunView

TOO_MANY = {
    "yours_are_many": "You have {most} runs that have not ended, the most one person may have; nothing was asked. "
    "Wait for one to end, or cancel one: /ops runs shows them.",
    "all_are_many": "{most} runs have not ended, which is the most the bot takes at once; nothing was asked. "
    "Wait for one to end, or cancel one: /ops runs shows them.",
}
NOT_THEIRS = frozenset({"asker", "subject", "no_approver", "unfit"})  # codes: others decide
UNCONFIRMED = "Recorded. It counts once Slack has confirmed you and your groups. It did not just now; the bot asks on."
NO_GUEST = (
    "Recorded, but it does not count: in Slack this account is deactivated, a guest or a bot. "
    "Somebody else must approve it."
)


class Service(Keeping):
    """Asks, approves, answers. `committed` is called after every commit: it wakes engine and poster in this process."""

    def __init__(
        self, house: House, roster: Roster, doors: Doors, ledger: Ledger, views: Views, connectors: Connectors,
        freshener: Freshener, committed: Callable[[], None], seal: Seal | None = None,
        kept: PersonalStore | None = None,
    ) -> None:  # fmt: skip
        """Without a seal nobody is shown a secret through this service; without `kept`, no personal value is taken."""
        self.house, self.roster = house, roster
        self.doors, self.ledger, self.views = doors, ledger, views
        self.connectors, self.committed, self.seal = connectors, committed, seal
        self.confirmation = Confirmation(freshener, committed)
        self.kept = kept or PersonalStore(None, None)
        self.could = Could(roster)
        self.calls = Calls(house, self.could, doors, views, committed)

    async def person(self, team: str, user: str) -> Who:
        """The account with its person, if the roster lists it."""
        return self.roster.who(team, user)

    async def may_ask(self, who: Who, entry: Entry, channel: str | None, params: Input | None = None) -> Verdict:
        """Whether somebody may ask for this here and now; without params, for the operation in general."""
        return self._may_ask(who, entry, channel, params, await self.ledger.now())

    def _may_ask(self, who: Who, entry: Entry, channel: str | None, params: Input | None, at: datetime) -> Verdict:
        environment = self.house.environment(params) if params is not None else ""
        key = self.roster.people.channel_key(channel)
        return self.house.may_ask(entry, environment, self.roster.groups(who.person), key, at)

    async def ask(
        self, who: Who, channel: str | None, entry: Entry, params: Input, *, key: str, words: str = "",
        via: str = "slack", look_only: bool = False, anew: bool = False, about: int | None = None,
    ) -> Outcome:  # fmt: skip
        """A run that is asked for, or why it is not. One round trip. Raises NotRecorded, Uncertain.

        `about`: the run in whose thread it is begun; that thread is told of it.
        """
        try:
            environment = self.house.environment(params)
        except LookupError as error:
            return Outcome(code="unknown_target", sentence=str(error), ok=False)
        key_of_channel = self.roster.people.channel_key(channel)
        groups = self.roster.groups(who.person)
        now = datetime.now(UTC)
        verdict = self.house.may_ask(entry, environment, groups, key_of_channel, now)
        if not verdict.may:
            return self._refused(verdict, now)
        if entry.risk is not Risk.READ and not params.reason.strip() and not look_only:
            sentence = 'It changes something, so it needs a reason: add reason="why" to the line.'
            return Outcome(code="no_reason", sentence=sentence, rule="reason", ok=False)
        if words and personal(params):
            words = parse.line(entry.command, params)  # the same values are found by their subjects, not by this
        asked = {
            "key": key, "team": who.team, "user": who.user, "channel": channel, "about": about, "via": via,
            "command": entry.command, "reason": params.reason,
            "words": words, "environment": environment, "risk": int(entry.risk), "config": self.house.config,
            "look_only": look_only, "anew": anew, "subjects": subjects(params),
            "limits": (self.house.limits or None) if entry.risk is not Risk.READ and not look_only else None,
        }  # fmt: skip
        try:
            answer = await self._recorded(self.doors.ask, asked, params)
        except NoKey as error:
            return Outcome(code="no_key", sentence=f"Nothing was asked: {error}.", ok=False)
        return self._asked(answer)

    def _asked(self, answer: Mapping[str, Any]) -> Outcome:
        self.committed()
        code, again = answer["code"], "again" in answer
        if code in TOO_MANY:
            sentence = TOO_MANY[code].format(most=answer["most"])
            return Outcome(code=code, sentence=sentence, rule="limits", ok=False)
        return Outcome(code=code, run=answer.get("run"), tag=answer.get("tag"), ok=code == "asked", again=again)

    async def retry(self, who: Who, channel: str | None, entry: Entry, params: Input, of: int, *, key: str) -> Outcome:
        """Another run for what failed in the run `of`, which went on without it. `params`: what that was asked with.

        Raises NotRecorded, Uncertain, LookupError.
        """
        now = datetime.now(UTC)
        verdict = self._may_ask(who, entry, channel, params, now)
        if not verdict.may:
            return self._refused(verdict, now)
        asked = {
            "key": key, "team": who.team, "user": who.user, "channel": channel, "via": "slack", "run": of,
            "risk": int(entry.risk), "config": self.house.config, "limits": self.house.limits or None,
        }  # fmt: skip
        return self._asked(await self.doors.retry(asked))

    async def _recorded(self, verb: Verb, word: Mapping[str, Any], params: Input) -> dict[str, Any]:
        """Sends the word with its Params; personal values go beside them, sealed, and stand in them as tokens alone.

        Raises NoKey, NotRecorded, Uncertain.
        """

        async def send(tokens: Mapping[Personal, Personal], kept: list[Any]) -> dict[str, Any]:
            known = replaced(params, tokens)
            used = [value.token for value in personal(known)]
            more = {"tokens": used or None, "personal": kept or None}
            return await verb({**word, "params": known.model_dump(mode="json"), **more})

        return await self.kept.recorded(personal(params), send)

    async def ask_as_nobody(
        self, channel: str, entry: Entry, params: Input, reason: str, *, key: str, via: str, source: str
    ) -> Outcome:
        """What config itself asks for: it has no asker, so that two people approve what destroys.

        Raises NotRecorded, Uncertain, and LookupError where config does not hold a target.
        """
        asked = {
            "key": key, "channel": channel, "via": via, "source": source, "command": entry.command,
            "params": params.model_dump(mode="json"), "reason": reason, "environment": self.house.environment(params),
            "risk": int(entry.risk), "config": self.house.config, "subjects": subjects(params),
        }  # fmt: skip
        answer = await self.doors.ask(asked)
        self.committed()
        return Outcome(code=answer["code"], run=answer["run"], tag=answer["tag"])

    def _refused(self, verdict: Verdict, at: datetime) -> Outcome:
        who = self.could.named(self.could.ask(verdict.who), at)
        return Outcome(code=verdict.code.value, sentence=verdict.said, rule=verdict.code.value, who=who, ok=False)

    async def approve(self, who: Who, run: int, fingerprint: str) -> Outcome:
        """One person's yes to one plan. If Slack was not asked about them within a minute, it is asked now."""
        word = {"run": run, "team": who.team, "user": who.user, "fingerprint": fingerprint, "config": self.house.config}
        answer = await self.confirmation.counted(self.doors.approve, word)
        code = str(answer["code"])
        if code in NOT_THEIRS:
            return await self.calls.not_an_approver(who, run, code)
        sentence = ""
        if answer.get("policy"):
            sentence = "Recorded, but no rule in policy.toml allows this any more: it will lapse."
        elif answer.get("unfit"):
            sentence = NO_GUEST
        elif answer.get("moment"):
            sentence = "Recorded. Something changed at this very moment; it is counted again within seconds."
        elif answer.get("held_by"):
            sentence = f"Recorded. It starts when {answer['held_by']} has ended, which works on the same target."
        elif answer.get("stale"):
            sentence = UNCONFIRMED
        elif code == "recorded" and "need" in answer:  # without it the run is queued, perhaps by the sweep meanwhile
            missing = answer["need"] - answer["have"]
            sentence = f"Recorded. {missing} more approval{'s' if missing != 1 else ''} needed."
        return Outcome(code=code, sentence=_frozen(sentence, answer), run=run, ok=code in ("recorded", "already"))

    async def call_in(self, who: Who, run: int, fingerprint: str) -> Outcome:
        """Calls those who could decide about a plan that waits. Raises NotRecorded, Uncertain."""
        return await self.calls.to_decide(who, run, fingerprint)

    async def call_to_ask(
        self, who: Who, channel: str | None, entry: Entry, params: Input, *, whole: bool, key: str
    ) -> Outcome:
        """Calls those who may ask for what this person may not. Raises NotRecorded, Uncertain.

        `whole`: the params are all of it, and may be shown; else they only say which environment it is about.
        """
        now = await self.ledger.now()
        try:
            verdict = self._may_ask(who, entry, channel, params, now)
        except LookupError as error:
            return Outcome(code="unknown_target", sentence=str(error), ok=False)
        if verdict.may or not verdict.who:
            return Outcome(code="may_ask", ok=False) if verdict.may else self._refused(verdict, now)
        return await self.calls.to_ask(who, channel, entry, params if whole else None, verdict, now, key)

    async def deny(self, who: Who, run: int, fingerprint: str, text: str, key: str) -> Outcome:
        return await self._say(who, run, "deny", key, fingerprint=fingerprint, text=text)

    async def ask_back(self, who: Who, run: int, text: str, key: str) -> Outcome:
        return await self._say(who, run, "ask_back", key, text=text)

    async def answer_back(self, who: Who, run: int, text: str, key: str) -> Outcome:
        return await self._say(who, run, "answer_back", key, text=text)

    async def cancel(self, who: Who, run: int, text: str, key: str) -> Outcome:
        return await self._say(who, run, "cancel", key, text=text)

    async def supersede(self, who: Who, run: int, by: int, key: str) -> Outcome:
        return await self._say(who, run, "supersede", key, by=by)

    async def amend(self, who: Who, run: int, fingerprint: str, entry: Entry, params: Input, key: str) -> Outcome:
        """New values for an ask that waits: a new plan, approvals dropped. Judged like an ask."""
        view = await self.views.run(run)
        if view is None or view.command != entry.command:
            return Outcome(code="no_run", ok=False)
        verdict = self._may_ask(who, entry, view.channel, params, view.now)
        if not verdict.may:
            return self._refused(verdict, view.now)
        word = {"verb": "amend", "run": run, "team": who.team, "user": who.user, "key": key, "fingerprint": fingerprint}
        word |= {"reason": params.reason, "subjects": subjects(params), "environment": self.house.environment(params)}
        try:
            answer = await self._recorded(self.doors.say, word, params)
        except NoKey as error:
            return Outcome(code="no_key", sentence=f"Nothing was changed: {error}.", ok=False)
        return await self._said(who, run, answer)

    async def _say(self, who: Who, run: int, verb: str, key: str, **more: Any) -> Outcome:
        word = {"verb": verb, "run": run, "team": who.team, "user": who.user, "key": key, **more}
        return await self._said(who, run, await self.confirmation.of_the_fit(self.doors.say, word))

    async def _said(self, who: Who, run: int, answer: Mapping[str, Any]) -> Outcome:
        self.committed()
        code = str(answer["code"])
        if code in NOT_THEIRS:
            return await self.calls.not_an_approver(who, run, code)
        return Outcome(code=code, run=run, tag=answer.get("tag"), ok=code in ("done", "already"))

    async def looked(self, who: Who, run: int) -> None:
        """Somebody who did not ask has the whole plan before them: its card says so."""
        await self._heed(who, run, "looked")

    async def follow(self, who: Who, run: int) -> Outcome:
        """Calls this account in the run's thread when it ends or asks."""
        return await self._heed(who, run, "followed")

    async def _heed(self, who: Who, run: int, kind: str) -> Outcome:
        answer = await self.doors.heed({"kind": kind, "run": run, "team": who.team, "user": who.user})
        self.committed()
        code = str(answer["code"])
        return Outcome(code=code, run=run, ok=code in ("done", "already"))

    async def unmask(self, who: Who, run: int) -> tuple[Outcome, dict[str, Secret]]:
        """The whole personal values of a run by token, for who may see them; that they look is an event before."""
        answer = await self.confirmation.of_the_fit(self.doors.unmask, {"run": run, "team": who.team, "user": who.user})
        self.committed()
        code = str(answer["code"])
        if code in NOT_THEIRS:
            return await self.calls.not_an_approver(who, run, code), {}
        rows = answer.get("values", ())
        try:
            return Outcome(code=code, run=run, ok=code == "done"), {r["token"]: self.kept.opened(r) for r in rows}
        except Permanent as error:
            return Outcome(code="no_key", run=run, sentence=f"Nothing is shown: {error}.", ok=False), {}

    async def masks(self, tokens: Sequence[str]) -> dict[str, str]:
        """What tokens are shown as."""
        return await self.kept.masks_of(tokens)

    async def answer_doubt(self, who: Who, run: int, question_seq: int, choice: Choice) -> Outcome:
        """One person's answer to a doubt."""
        word = {"run": run, "team": who.team, "user": who.user, "question": question_seq, "choice": choice.value}
        answer = await self.confirmation.counted(self.doors.answer, word)
        code = str(answer["code"])
        if code in NOT_THEIRS:
            return await self.calls.not_an_approver(who, run, code)
        sentence = UNCONFIRMED if answer.get("stale") else ""
        return Outcome(code=code, sentence=sentence, run=run, ok=code in ("answered", "recorded", "changed", "already"))

    async def tick(self, who: Who, run: int, step: str, shown: bool | None = None) -> Outcome:
        """A person's part of a run, done. Who may is read from the ledger.

        A secret is wiped and handed out; the step counts as done, or as failed, once `shown` says what came of it.
        """
        word = {"run": run, "team": who.team, "user": who.user, "step": step, "shown": shown}
        answer = await self.doors.tick(word)
        self.committed()
        code = str(answer["code"])
        if code == "not_yours":
            return await self._somebody_elses(run, str(answer["who"]))
        secret = (
            self.seal.unbox(f"{run}/{answer['of']}", b64decode(answer["box"]))
            if self.seal and "box" in answer
            else None
        )
        return Outcome(code=code, run=run, ok=code == "done", secret=secret)

    async def _somebody_elses(self, run: int, whose: str) -> Outcome:
        """A task's refusal with whose it is, those on call first. `whose`: a group's key, "requester" or "another"."""
        view = await self.views.run(run)
        if view is None:
            return Outcome(code="no_run", ok=False)
        could = self.could.task(view, whose)
        return Outcome(code="not_yours", run=run, tag=view.tag, who=self.could.named(could, view.now), ok=False)

    async def view(self, run: int | str, who: Who | None = None) -> RunView | None:
        return await self.views.run(run)

    async def run_of_thread(self, channel: str, ts: str) -> int | None:
        """The run whose thread begins with that message."""
        return await self.views.run_of_thread(channel, ts)

    async def runs(self, which: str = "live") -> list[Brief]:
        """ "live", "lately" or "doubt"."""
        return await self.views.briefs(which)

    async def brief(self, tag: str) -> Brief | None:
        """One run by its short name."""
        return await self.views.brief(tag)

    async def found(self, words: Sequence[str]) -> list[Brief]:
        """Live runs and those that ended lately, by target, words of the command, or who asked."""
        return await self.views.found(words)

    async def home(self, who: Who) -> HomeView:
        """What App Home shows this person."""
        awaiting = await self.views.awaiting()
        away = await self.views.delegations()
        live = await self.views.briefs("live")
        lately = [*await self.views.briefs("doubt"), *await self.views.briefs("lately", 5)]
        return HomeView(
            waiting=tuple(a.brief for a in awaiting if self._waits_for(a, away, who)),
            in_flight=tuple(b for b in live if b.state not in (State.AWAITING, State.IN_DOUBT)),
            mine=tuple(await self.views.mine(who.person)) if who.person else (),
            lately=tuple(lately),
            favourites=tuple(await self.favourites(who)),
            now=await self.ledger.now(),
        )

    def _waits_for(self, waiting: Awaiting, away: Sequence[DelegationView], who: Who) -> bool:
        pairs = [(one.taker, one.giver) for one in away if one.giver not in waiting.barred]
        everybody = with_stand_ins(self.roster.everybody(), pairs, waiting.approved)
        return who.person in could_approve(waiting.slots, everybody, waiting.approved, waiting.barred)

    async def choices(self, who: Who, entry: Entry, field: str, typed: str, values: Mapping[str, str]) -> list[Entered]:
        """Live entries for a picker; empty where the outside does not answer."""
        run = RunRef(tag="r0", requester=who.person)
        see = self.house.seeing(self.connectors, run, await self.ledger.now())
        try:
            return list(await entry.operation.choices(field, typed, values, see))[:100]
        except (NotConfigured, OSError, LookupError, TimeoutError):
            return []


def _frozen(sentence: str, answer: Mapping[str, Any]) -> str:
    if "frozen" not in answer or answer.get("queued"):
        return sentence
    return f"{sentence or 'Recorded.'} {frozen(FreezeView.model_validate(answer['frozen']))}"
