"""Plans for the machine's own tests, by name."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bot.model import Record
from bot.operation import Call, IfFails, Loss, Nudge, Plan, Refusal, Step, Task, Until, Wait, Watch
from tests.support.notebook import (
    BriefLetters,
    BriefMail,
    Each,
    Erase,
    Guarded,
    Letters,
    Mail,
    Mint,
    Number,
    Outlasting,
    OutlastingMail,
    Patient,
    Slow,
    SlowEach,
    SlowLetters,
    There,
    Use,
    Write,
)  # fmt: skip

SECOND = timedelta(seconds=1)


class Seen(Record):
    """What was in the notebook when the plan was made."""

    names: frozenset[str] = frozenset()


def _w(name: str, **more: Any) -> Step[Any]:
    more = more or {"undo": Erase(name=name)}
    return Step(name, Write(name=name), **more)


def _plan(*steps: Step[Any], **more: Any) -> Plan:
    return Plan(sentence="a test", steps=steps, **more)


def _secret() -> Plan:
    mint = Step("mint", Mint(), leaves="wiped at the end")
    return _plan(mint, Step("use", Use(value=mint.result), leaves="a line"))


def _reveal() -> Plan:
    mint = Step("mint", Mint(), leaves="wiped when shown")
    show = Task(text="Show me the word, once", who="requester", within=timedelta(minutes=15), reveals=mint.result)
    return _plan(_w("a"), mint, Step("take", show))


SCRIPTS: dict[str, Callable[[Any], Plan | Refusal]] = {
    "plain": lambda f: _plan(_w("a"), _w("b"), _w("c")),
    "telling": lambda f: _plan(_w("a"), _w("b"), tells=("gone", "ops", "releases")),
    "strange-channel": lambda f: _plan(_w("a"), tells=("relaeses", "ops")),
    "refused": lambda f: Refusal(code="never", sentence="Never on a Saturday."),
    "nothing": lambda f: _plan(),
    "broken": lambda f: _plan(_w("a"), _w("a")),
    "patient": lambda f: _plan(_w("a"), Step("b", Patient(name="b"), undo=Erase(name="b"))),
    "slow": lambda f: _plan(Step("s", Slow(name="s"), undo=Erase(name="s"))),
    "slow-too": lambda f: _plan(Step("t", Slow(name="t"), undo=Erase(name="t"))),
    "probe": lambda f: _plan(_w("a"), Step("n", Number(name="n"), leaves="a line"), _w("c")),
    "mail": lambda f: _plan(_w("a"), Step("m", Mail(name="m"), leaves="a mail"), _w("c")),
    "outlasting": lambda f: _plan(_w("a"), Step("b", Outlasting(name="b"), leaves="b"), _w("c")),
    "outlasting-mail": lambda f: _plan(_w("a"), Step("b", OutlastingMail(name="b"), leaves="a mail"), _w("c")),
    "brief-mail": lambda f: _plan(_w("a"), Step("b", BriefMail(name="b"), leaves="a mail"), _w("c")),
    "two-looks": lambda f: _plan(*(
        Step(name, Until(check=There(name=name), within=timedelta(minutes=5)), group="g") for name in ("never", "soon")
    )),
    "group-again": lambda f: _plan(
        _w("a", undo=Erase(name="a"), group="g"), Step("m", Mail(name="m"), leaves="a mail", group="g")
    ),
    "group": lambda f: _plan(
        _w("a", undo=Erase(name="a"), group="g"), _w("b", undo=Erase(name="b"), group="g"), _w("c")
    ),
    "barrier": lambda f: _plan(_w("a"), _w("b", no_return=True), _w("c"), _w("d")),
    "closing": lambda f: _plan(
        _w("z"), Step("open", Write(name="open")), _w("a"), Step("shut", Erase(name="open"), closes="open"), _w("b")
    ),
    "wait": lambda f: _plan(
        Step("set", Write(name="set")), Step("for", Wait(lasting=timedelta(hours=1))),
        Step("put-back", Erase(name="set"), closes="set"),
    ),
    "guarded": lambda f: _plan(
        _w("a"), Step("for", Wait(lasting=timedelta(hours=1))), Step("g", Guarded(name="g"), undo=Erase(name="g"))
    ),
    "guarded-barrier": lambda f: _plan(
        _w("a"), _w("b"), _w("n", no_return=True), Step("g", Guarded(name="g"), leaves="a file")
    ),
    "until": lambda f: _plan(_w("a"), Step("there", Until(check=There(name="x"), within=timedelta(minutes=5))), _w("c")),  # noqa: E501
    "watch": lambda f: _plan(
        _w("a"), Step("watch", Watch(check=There(name="x"), lasting=timedelta(minutes=2), bad_looks=2)), _w("c")
    ),
    "task": lambda f: _plan(_w("a"), Step("ask", Task(text="Look at it", who="another", within=timedelta(hours=1))), _w("c")),  # noqa: E501
    "recall": lambda f: _plan(
        _w("a"), Step("update", Task(text="Write an update", who="another", again=timedelta(minutes=30),
        nudges=(Nudge(after=timedelta(minutes=5), whom="requester"),))), Step("for", Wait(lasting=timedelta(hours=2))),
    ),
    "call": lambda f: _plan(_w("a"), Step("call", Call(command="test write", params={"script": "big-child"})), _w("c")),
    "call-about": lambda f: _plan(_w("a"), Step("call", Call(command="test about", params={"whom": "ben"}))),
    "call-gone": lambda f: _plan(_w("a"), Step("call", Call(command="test gone", params={})), _w("c")),
    "call-unfit": lambda f: _plan(_w("a"), Step("call", Call(command="test about", params={"who": "ben"})), _w("c")),
    "call-detached": lambda f: _plan(
        _w("a"), Step("call", Call(command="test write", params={"script": "big-child"}, detached=True)), _w("c")
    ),
    "call-undone": lambda f: _plan(
        Step("call", Call(command="test write", params={"script": "barrier"}), undo=Erase(name="called"))
    ),
    "big-child": lambda f: _plan(_w("child")),
    "go-on": lambda f: _plan(_w("a"), _w("b", undo=Erase(name="b"), if_fails=IfFails.GO_ON), _w("c")),
    "big-go-on": lambda f: _plan(_w("a"), _w("b", undo=Erase(name="b"), if_fails=IfFails.GO_ON), _w("c")),
    "ask": lambda f: _plan(_w("a"), _w("b", undo=Erase(name="b"), if_fails=IfFails.ASK), _w("c")),
    "sweep": lambda f: _plan(_w("a"), Step("each", Each(count=8), leaves="lines")),
    "letters": lambda f: _plan(Step("each", Letters(count=8), leaves="lines")),
    "brief-letters": lambda f: _plan(Step("each", BriefLetters(count=8), leaves="lines")),
    "slow-each": lambda f: _plan(Step("each", SlowEach(count=8), leaves="lines")),
    "slow-letters": lambda f: _plan(Step("each", SlowLetters(count=8), leaves="lines")),
    "secret": lambda f: _secret(),
    "reveal": lambda f: _reveal(),
    "listing": lambda f: _plan(_w("a")),
    "big-many": lambda f: _plan(*(_w(f"n{number}") for number in range(60))),
    **{f"chatty-{n}": lambda f: _plan(*(_w(f"n{number}") for number in range(8))) for n in range(20)},
    "big-mail": lambda f: _plan(_w("a"), Step("m", Mail(name="m"), leaves="a mail")),
    "big-plain": lambda f: _plan(
        _w("a"), _w("b"), loses=(Loss(what="files", now=len(f.seen.names), at_most=len(f.seen.names) + 2),)
    ),
}  # fmt: skip
