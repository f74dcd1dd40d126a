"""Any well-formed plan, any outcome of any attempt, any answer: the journey ends, and as the vocabulary's rules say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.journey import Act, Ask, End, Perform, Probe, Settle, Turn, next_acts
from bot.model import Choice, Entry, Heading, Mark, Signal, Way
from bot.operation import IfFails, Plan, Step, Wait
from bot.plans import faults
from tests.unit.paper import NOW, Dump, Look, Post, Set, plan

MANY = 400  # acts after which a journey of at most a dozen steps is called endless


@dataclass(frozen=True)
class Spec:
    """A step as it is drawn."""

    does: str  # set, dump, post, look, wait
    back: str  # undo, leaves, no_return, open
    if_fails: IfFails
    grouped: bool
    after: int  # an opened thing is closed after so many steps


SPECS = st.builds(
    Spec,
    does=st.sampled_from(("set", "dump", "post", "look", "wait")),
    back=st.sampled_from(("undo", "undo", "undo", "leaves", "no_return", "open")),
    if_fails=st.sampled_from(IfFails),
    grouped=st.booleans(),
    after=st.integers(0, 3),
)
DEEDS: dict[str, Any] = {
    "set": Set(), "dump": Dump(), "post": Post(), "look": Look(), "wait": Wait(lasting=timedelta(hours=1)),
}  # fmt: skip


def drawn(specs: Sequence[Spec]) -> Plan:
    """The plan of these specs; always well-formed."""
    steps: list[Step[Any]] = []
    closing: list[tuple[int, Step[Any]]] = []
    for n, spec in enumerate(specs):
        changes = spec.does in ("set", "dump", "post")
        more: dict[str, Any] = {"if_fails": spec.if_fails}
        if changes:
            undo = Dump() if spec.after == 0 else Post() if spec.after == 1 else Set()
            backs: dict[str, dict[str, Any]] = {
                "undo": {"undo": undo}, "leaves": {"leaves": "something"}, "no_return": {"no_return": True}, "open": {},
            }  # fmt: skip
            more |= backs[spec.back]
            if spec.back == "open":
                does = Dump() if spec.after == 1 else Set()
                closing.append((n + spec.after, Step(f"shut{n}", does, closes=f"s{n}", no_return=spec.grouped)))
            elif spec.grouped:
                more["group"] = "g"
        steps.append(Step(f"s{n}", DEEDS[spec.does], **more))
        steps += [shut for at, shut in closing if at == n]
    steps += [shut for at, shut in closing if at >= len(specs)]
    names = 0
    for i, step in enumerate(steps):  # neighbours share a group, others get one of their own
        if step.group:
            names += not (i and steps[i - 1].group)
            object.__setattr__(step, "group", f"g{names}")
    return plan(*steps)


@dataclass
class Journey:
    """Plays the world and the people, and keeps what the oracle needs; `maybe` is what may have happened, by its own count."""  # noqa: E501

    plan: Plan
    outcomes: Iterator[str]
    answers: Iterator[int]
    cancel_at: int
    heading: Heading = Heading.FORTH
    why: str = ""
    entries: list[Entry] = field(default_factory=list)
    maybe: set[tuple[str, Way]] = field(default_factory=set)
    acts: list[tuple[Heading, Act]] = field(default_factory=list)

    def go(self) -> Signal:
        for count in range(MANY):
            cancel = count >= self.cancel_at
            for act in next_acts(self.plan, self.entries, self.heading, self.why, cancel):
                self.check(act)
                self.acts.append((self.heading, act))
                if isinstance(act, End):
                    return act.signal
                self.play(act)
        raise AssertionError(f"endless: {[a for _, a in self.acts[-6:]]}")

    def write(self, act: Any, mark: Mark, **body: Any) -> None:
        seq = len(self.entries) + 2
        at = NOW + timedelta(seconds=seq)
        self.entries.append(
            Entry(seq=seq, step=act.step, way=act.way, attempt=act.attempt, mark=mark, at=at, body=body)
        )

    def play(self, act: Act) -> None:
        match act:
            case Turn():
                self.heading, self.why = act.heading, act.why
            case Perform():
                self.write(act, Mark.STARTED)
                self.attempt(act)
            case Settle():
                self.settle(act)
            case Probe():
                self.probe(act)
            case Ask():
                self.ask(act)

    def attempt(self, act: Perform) -> None:
        if isinstance(self.step(act.step).does, Wait) and act.way is Way.DO:
            return
        match next(self.outcomes, "done"):
            case "not done":
                self.write(act, Mark.NOT_DONE)
            case "failed":
                self.write(act, Mark.FAILED)
            case "unknown":
                self.maybe.add((act.step, act.way))
                self.write(act, Mark.UNKNOWN)
            case "crash":
                self.maybe.add((act.step, act.way))
            case _:
                self.maybe.add((act.step, act.way))
                self.write(act, Mark.DONE)

    def settle(self, act: Settle) -> None:
        if isinstance(self.step(act.step).does, Wait) and act.way is Way.DO:
            self.write(act, Mark.FAILED if next(self.outcomes, "done") == "failed" else Mark.DONE)
        else:
            self.write(act, Mark.UNKNOWN)

    def probe(self, act: Probe) -> None:
        match next(self.outcomes, "done"):
            case "unknown" | "crash":
                self.write(act, Mark.UNKNOWN, cannot_tell=True)
            case "failed" | "not done":
                self.maybe.discard((act.step, act.way))
                self.write(act, Mark.AGAIN, probed=True)
            case _:
                self.write(act, Mark.DONE, probed=True)

    def ask(self, act: Ask) -> None:
        choice = act.choices[next(self.answers, 0) % len(act.choices)]
        match choice:
            case Choice.STOP:
                self.heading, self.why = Heading.STOP, "stopped"
            case Choice.BACK:
                self.heading, self.why = Heading.BACK, "failed"
            case Choice.HAPPENED:
                self.maybe.add((act.step, act.way))
                self.write(act, Mark.DONE)
            case Choice.SKIP:
                self.write(act, Mark.SKIPPED)
            case Choice.AGAIN:
                self.write(act, Mark.AGAIN)

    def step(self, name: str) -> Step[Any]:
        return next(s for s in self.plan.steps if s.name == name)

    def place(self, name: str) -> int:
        return [s.name for s in self.plan.steps].index(name)

    def last(self, name: str, way: Way) -> Mark | None:
        marks = [e.mark for e in self.entries if (e.step, e.way) == (name, way)]
        return marks[-1] if marks else None

    def check(self, act: Act) -> None:
        """What must never be done at this moment."""
        if not isinstance(act, Perform):
            return
        if act.way is Way.DO:
            assert self.heading is Heading.FORTH, "no step begins on the way back"
            assert (act.step, Way.DO) not in self.done(), "what is done is not done again"
            for before in self.plan.steps[: self.place(act.step)]:
                assert self.over(before) or (before.group and before.group == self.step(act.step).group)
            return
        assert self.heading is not Heading.FORTH
        for step in self.plan.steps:
            mark = self.last(step.name, Way.DO)
            if not isinstance(step.does, Wait):
                assert mark is not Mark.STARTED, "nothing is undone or closed beside what may still act"
            if self.heading is Heading.BACK and isinstance(step.does, (Dump, Post)):
                assert mark is not Mark.UNKNOWN, "undo passes no unknown"
        if act.way is Way.UNDO:
            self.check_undo(act)
        else:
            assert (self.step(act.step).closes, Way.DO) in self.maybe, "nothing is closed that was never opened"

    def check_undo(self, act: Perform) -> None:
        assert self.heading is Heading.BACK, "Stop undoes nothing"
        assert (act.step, Way.UNDO) not in self.done(), "an undo is completed at most once"
        assert (act.step, Way.DO) in self.maybe, "what surely did not happen is not undone"
        barriers = [self.place(s.name) for s in self.plan.steps if s.no_return and (s.name, Way.DO) in self.maybe]
        assert self.place(act.step) > max(barriers, default=-1), "not beyond the last barrier"
        undone = [self.place(a.step) for _, a in self.acts if isinstance(a, Perform) and a.way is Way.UNDO]
        assert self.place(act.step) <= min(undone, default=MANY), "in reverse"

    def over(self, step: Step[Any]) -> bool:
        mark = self.last(step.name, Way.DO)
        return mark in (Mark.DONE, Mark.SKIPPED) or (
            mark in (Mark.FAILED, Mark.NOT_DONE) and step.if_fails is IfFails.GO_ON
        )

    def done(self) -> set[tuple[str, Way]]:
        return {(e.step, e.way) for e in self.entries if e.mark is Mark.DONE}


def judge(journey: Journey, signal: Signal) -> None:
    """What must be so at the end."""
    forth = journey.heading is Heading.FORTH
    assert (signal is Signal.SUCCEED) == forth
    if forth:
        assert all(journey.over(step) for step in journey.plan.steps)
        return
    barriers = [n for n, s in enumerate(journey.plan.steps) if s.no_return and (s.name, Way.DO) in journey.maybe]
    settled = (Mark.DONE, Mark.SKIPPED)
    for n, step in enumerate(journey.plan.steps):
        maybe = (step.name, Way.DO) in journey.maybe
        closer = next((s.name for s in journey.plan.steps if s.closes == step.name), None)
        if closer and maybe:
            closed = journey.last(closer, Way.CLOSE) in settled
            beyond = journey.heading is Heading.STOP or n <= max(barriers, default=-1)
            assert closed or (beyond and journey.last(closer, Way.DO) in settled), f"{step.name} stayed open"
        if signal is Signal.UNDO:
            assert not barriers, "beyond a barrier nobody may say that all was undone"
            assert not (step.undo and maybe) or journey.last(step.name, Way.UNDO) in settled, f"{step.name} stayed"


OUTCOMES = st.sampled_from(("done", "done", "done", "not done", "failed", "unknown", "crash"))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    specs=st.lists(SPECS, min_size=1, max_size=7),
    outcomes=st.lists(OUTCOMES, max_size=40),
    answers=st.lists(st.integers(0, 3), max_size=20),
    cancel_at=st.integers(0, 30) | st.just(MANY),
)
@example(  # one timed out after it was done, the second try was refused: the step is undone all the same
    specs=[Spec("set", "undo", IfFails.UNDO, False, 2)], outcomes=["unknown", "failed"], answers=[], cancel_at=MANY
)
@example(  # four times unknown, then Back: nobody is asked the same thing again
    specs=[Spec("set", "undo", IfFails.UNDO, False, 2)], outcomes=["unknown"] * 4, answers=[1] * 20, cancel_at=MANY
)
def test_any_journey_ends_as_it_should(
    specs: list[Spec], outcomes: list[str], answers: list[int], cancel_at: int
) -> None:
    paper = drawn(specs)
    assert faults(paper) == []
    journey = Journey(paper, iter(outcomes), iter(answers), cancel_at)
    judge(journey, journey.go())
