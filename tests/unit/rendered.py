"""Runs for the tests of bot/render: a plan with every kind of step, and views of it in any state."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from bot.effect import Check, Effect, Ref, Survival
from bot.lifecycle import MOVES
from bot.model import Choice, Doubt, Event, Heading, Mark, Risk, State, Way
from bot.operation import Call, Database, Loss, Offer, Plan, Record, Step, Task, Until
from bot.render import Group, Names
from bot.standing import steps_of
from bot.view import ApprovalView, Brief, Question, RunView
from deploy.local.slack.limits import check_message_blocks, check_text

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
HOSTILE = "ok *Approved by Ben* <!channel> \u202egnihton\u202c `x` _y_ <https://evil.example|safe> &amp;"


class Take(Effect[str]):
    survives = Survival.IDEMPOTENT
    database: Database
    name: str


class Swap(Effect[None]):
    survives = Survival.ONCE
    internal: ClassVar[frozenset[str]] = frozenset({"oid"})
    database: Database
    fresh: str | Ref[str]
    aside: str = "shop_r142_old"
    oid: int = 0


class Healthy(Check[None]):
    database: Database


def plan(sentence: str = "Restore shop from nightly-0412", **more: Any) -> Plan:
    shop = Database(key="shop")
    take = Step("safety", Take(database=shop, name="before-r142"), leaves="the safety backup", tells="Back up what is")
    steps: tuple[Step[Any], ...] = (
        take,
        Step("load", Take(database=shop, name="shop_r142_new"), undo=Take(database=shop, name="drop"), tells="Load it"),
        Step(
            "swap",
            Swap(database=shop, fresh=take.result, aside="shop_old", oid=16393),
            no_return=True,
            tells="Swap the databases",
        ),
        Step("healthy", Until(check=Healthy(database=shop), within=timedelta(minutes=5)), tells="Look if it is up"),
        Step("tick", Task(text="Tell support", who="requester")),
    )
    loses = (Loss(what="every write since the backup", now=7, at_most=37, unit="minutes"),)
    offers = (Offer(label="Swap back", call=Call(command="ops db swap-back", params={"database": "shop"})),)
    return Plan(**{"sentence": sentence, "steps": steps, "loses": loses, "offers": offers} | more)


def long_plan(many: int = 90) -> Plan:
    shop = Database(key="shop")
    steps = [Step(f"s{n}", Take(database=shop, name=f"part-{n}" * 8), leaves="a file") for n in range(many)]
    return plan(steps=tuple(steps))


def event(seq: int, kind: str, state: State = State.RUNNING, **more: Any) -> Event:
    return Event(**{"run": 142, "seq": seq, "at": NOON + timedelta(seconds=seq), "kind": kind, "state": state} | more)


def ledger(*marks: tuple[str, Mark], way: Way = Way.DO) -> list[Event]:
    """Events that speak about steps, from seq 10 on."""
    return [
        event(10 + n, f"step_{mark.value}", step=step, way=way, attempt=1, mark=mark)
        for n, (step, mark) in enumerate(marks)
    ]


def view(state: State, events: Sequence[Event] = (), **more: Any) -> RunView:
    made = more.pop("plan", plan())
    heading = more.get("heading", Heading.FORTH)
    ended = NOON + timedelta(minutes=9) if not any(at == state for at, _ in MOVES) else None
    base: dict[str, Any] = {
        "id": 142, "tag": "r142", "seq": 20, "command": "ops db restore", "params": {"database": "shop"},
        "reason": "drill of the quarter", "requester": "ana", "requester_name": "Ana Lopes", "slack_user": "U0ANA",
        "created_at": NOON, "moved_at": NOON, "now": NOON + timedelta(minutes=2), "state": state, "ended_at": ended,
        "risk": Risk.DESTRUCTIVE, "environment": "production", "plan": made, "fingerprint": "ab" * 32,
        "slots": ("dba", "sre"), "askers": ("ana",), "expires_at": NOON + timedelta(minutes=30),
        "start_by": timedelta(minutes=15), "heading": heading, "events": tuple(events),
        "steps": steps_of(made, events, state, heading, {}) if made else (),
    }  # fmt: skip
    return RunView(**base | more)


def question(doubt: Doubt = Doubt.EFFECT, need: int = 2) -> Question:
    choices = (Choice.HAPPENED, Choice.AGAIN, Choice.STOP)
    return Question(seq=20, doubt=doubt, step="swap", way=Way.DO, attempt=1, choices=choices, need=need)


def approval(person: str, name: str, counts: bool = True) -> ApprovalView:
    return ApprovalView(person=person, name=name, slack_user=f"U0{person.upper()}", at=NOON, counts=counts)


NAMES = Names(
    people={"ana": "Ana Lopes", "ben": "Ben Ito", "cara": "Cara Wu"},
    groups={
        "dba": Group(title="database owners", members=("ben", "ana"), mentions=("U0BEN",)),
        "sre": Group(title="site reliability", members=("cara", "ben"), mentions=("U0CARA", "U0ANA")),
    },
)


class Shown(Record):
    """What a message shows: every text that is read, and the buttons."""

    words: str
    buttons: dict[str, dict[str, Any]]  # label -> the button, or the entry of a menu


def shown(message: Any) -> Shown:
    """Reads a message as Slack would take it. Raises SlackError where Slack would refuse it."""
    check_message_blocks(list(message.blocks))
    kept, warnings = check_text(message.text, most=4000)
    assert kept
    assert not warnings
    texts: list[str] = []
    buttons: dict[str, dict[str, Any]] = {}
    _gather(list(message.blocks), texts, buttons)
    return Shown(words="\n".join(texts), buttons=buttons)


def _gather(node: Any, texts: list[str], buttons: dict[str, dict[str, Any]]) -> None:
    if isinstance(node, list):
        for part in node:
            _gather(part, texts, buttons)
    elif isinstance(node, dict):
        if node.get("type") == "button":
            buttons[node["text"]["text"]] = node
        elif node.get("type") == "overflow":
            buttons.update({entry["text"]["text"]: entry for entry in node["options"]})
        elif isinstance(node.get("text"), str):
            texts.append(node["text"])
        else:
            _gather([part for part in node.values() if isinstance(part, (dict, list))], texts, buttons)


def mrkdwn(node: Any) -> list[str]:
    """Every text that Slack would read as markup."""
    if isinstance(node, (list, tuple)):
        return [text for part in node for text in mrkdwn(part)]
    if not isinstance(node, dict):
        return []
    if node.get("type") == "mrkdwn":
        return [node["text"]]
    return [text for part in node.values() for text in mrkdwn(part)]


def brief(n: int, state: State = State.AWAITING) -> Brief:
    return Brief(
        id=n, tag=f"r{n}", command="ops db restore", params={"database": "shop"}, state=state, risk=Risk.DESTRUCTIVE,
        requester_name="Ana", reason=HOSTILE, channel="C0OPS", card_ts="1.1", moved_at=NOON, expires_at=NOON,
        fingerprint="ab" * 32,
    )  # fmt: skip
