"""Runs to draw: the handlers' own plans from facts written here, in any state that a run can be in."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bot.connectors.postgres import Beheld, Written
from bot.connectors.postgres_settings import Parameter, Place
from bot.connectors.users import User
from bot.connectors.vault import Backup, Verified
from bot.engine.results import NoResults
from bot.lifecycle import ended
from bot.model import Choice, Doubt, Event, Heading, Mark, Risk, State, Way
from bot.operation import Answer, Database, Plan, RunRef, Series, Step, Task
from bot.render import Group, Names
from bot.retry import anew
from bot.standing import last_of, steps_of
from bot.view import ApprovalView, Begun, Brief, DelegationView, Favourite, Question, RunView
from handlers.ops.db import restore, slow_log
from handlers.ops.user import ban

NOW = datetime(2026, 3, 4, 3, 12, tzinfo=UTC)
ASKED = NOW - timedelta(minutes=2)
SHOP = Database(key="shop")
RUN = RunRef(tag="r142", requester="ana", askers=("ana",))
REASON = "the import of 03:05 overwrote prices"
NAMES = Names(
    people={"ana": "Ana Duarte", "ben": "Ben Okafor", "cleo": "Cleo Lindqvist", "dora": "Dora Fell"},
    groups={
        "dba": Group(title="database people", members=("ben", "cleo"), mentions=("U0BEN",)),
        "lead": Group(title="team leads", members=("cleo", "ben"), mentions=("U0CLEO",)),
        "on-call": Group(title="on call", members=("ben",), mentions=("U0BEN",)),
    },
    accounts={"ana": ("U0ANA",), "ben": ("U0BEN",), "cleo": ("U0CLEO",), "dora": ("U0DORA",)},
    on_call=frozenset({"ben"}),
    links={
        "r140": "https://marrow-and-pine.slack.com/archives/C0INCIDENTS/p1772593200000100",
        "r142": "https://marrow-and-pine.slack.com/archives/C0INCIDENTS/p1772593320000100",
    },
)
INCIDENT = Begun(tag="r140", command="incident declare", title="checkout is down")
AWAY = DelegationView(run="r120", giver="cleo", taker="dora", until=NOW + timedelta(days=6, hours=15))
FAVOURITES = (
    Favourite(id=1, command="ops db backup", values={"database": "shop"}, channel="C0INCIDENTS", run=131),
    Favourite(id=2, command="ops db kill-idle", values={"database": "shop", "over": "10m"}, channel="C0INCIDENTS"),
)
BACKUP = Backup(
    name="shop-20260304T0200-full", database="shop", kind="full", taken_at=NOW - timedelta(minutes=72),
    took=timedelta(seconds=41), bytes=311_000_000, plain_bytes=1_400_000_000, database_bytes=2_100_000_000,
    sha256="5e" * 32, server_version=18, dump_version=18, tables=9, rows=170_218,
    verified=Verified(at=NOW - timedelta(minutes=60), tables=9, rows=170_218),
)  # fmt: skip
CHOICES = {
    Doubt.EFFECT: (Choice.HAPPENED, Choice.AGAIN, Choice.STOP),
    Doubt.FAILED: (Choice.AGAIN, Choice.SKIP, Choice.STOP),
    Doubt.LATE: (Choice.AGAIN, Choice.BACK, Choice.STOP),
    Doubt.CHANGED: (Choice.AGAIN, Choice.BACK, Choice.STOP),
    Doubt.CLOSING: (Choice.HAPPENED, Choice.AGAIN, Choice.STOP),
}
SENTENCES = {
    Doubt.EFFECT: "The worker that tried it ended before it could say how it went.",
    Doubt.FAILED: "web answered 503 for 5 minutes.",
    Doubt.LATE: "It became due 43m ago; 15m were allowed.",
    Doubt.CHANGED: "shop has another identity than when it was approved.",
    Doubt.BLIND: "web did not answer within 5s, 20 times.",
}


RESTORE = restore.Params(database=SHOP, backup=BACKUP.name, reason=REASON)


def restoring() -> Plan:
    """The plan of a restore: every kind of step but a task, and a point of no return."""
    return planned(restore.RestoreDatabase().plan(RESTORE, _facts()))


def restored() -> Answer:
    """What a restore says at its end."""
    told = restore.RestoreDatabase().answer(RESTORE, _facts(), NoResults())
    if told is None:
        raise TypeError("the sample's restore has no answer")
    return told


def _facts() -> restore.Facts:
    return restore.Facts(
        run=RUN, at=ASKED, backup=BACKUP, live=Beheld(name="shop", oid=16393, open=True, bytes=2_100_000_000),
        names=("postgres", "shop"), version=18, free=80_000_000_000, written=Written(rows=4212),
        services=("web", "api"), switchless=(),
    )  # fmt: skip


def with_task() -> Plan:
    """A restore after which somebody has to tell the customers."""
    plan = restoring()
    task = Step("tell", Task(text="Tell the customers whose orders are lost", who="requester"), leaves="the mail")
    return plan.model_copy(update={"steps": (*plan.steps, task)})


def long_plan() -> Plan:
    """More steps than any card can hold."""
    first, *rest = restoring().steps
    many = (Step(f"copy-{n}", first.does, leaves=f"copy {n}", tells=f"Copy part {n} of 90") for n in range(1, 91))
    return restoring().model_copy(update={"steps": (*many, *rest)})


def logging_slowly() -> Plan:
    """One run that lasts: a setting that is put back after an hour."""
    params = slow_log.Params(database=SHOP, reason=REASON)
    before = Parameter(name=slow_log.NAME, now="-1", place=Place.SYSTEM, stored=None)
    return planned(
        slow_log.SlowLog().plan(params, slow_log.Facts(run=RUN, at=ASKED, parameter=before, services=("web",)))
    )


def banning() -> Plan:
    """A step that the run goes on without where it fails: the mail."""
    user = User(
        id=UUID("5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11"), mask="j…@example.com", mail_ref="user/shop/5b8a", sessions=2,
        banned=False, ban=None,
        banned_until=None, deleted=False,
    )  # fmt: skip
    params = ban.Params(database=SHOP, user_id=str(user.id), reason="sold stolen goods")
    return planned(ban.BanUser().plan(params, ban.Facts(run=RUN, at=ASKED, user=user, appeal="appeals.example.com")))


def banning_again() -> Plan:
    plan = banning()
    last = last_of((*done(plan, "ban"), *done(plan, "mail", last=Mark.FAILED)))
    return planned(anew("r140", plan, last, {}))


def planned(plan: Any) -> Plan:
    """A sample that is refused is none."""
    if not isinstance(plan, Plan):
        raise TypeError(f"the sample's facts are refused: {plan}")
    return plan


def event(seq: int, kind: str, state: State = State.RUNNING, **more: Any) -> Event:
    """One event, as many seconds after the ask as its number says."""
    return Event(**{"run": 142, "seq": seq, "at": ASKED + timedelta(seconds=seq), "kind": kind, "state": state} | more)


def done(plan: Plan, *names: str, last: Mark = Mark.DONE, way: Way = Way.DO, body: Any = None) -> tuple[Event, ...]:
    """What the ledger holds once these steps were done; the last of them ends as `last`."""
    marks: list[tuple[str, Mark]] = []
    for name in names or tuple(step.name for step in plan.steps):
        marks += [(name, Mark.STARTED), (name, Mark.DONE)]
    marks[-1] = (marks[-1][0], last)
    if last is Mark.STARTED:
        marks.pop()
    start = 6 if way is Way.DO else 60
    return tuple(
        event(start + n, f"step_{mark.value}", step=name, way=way, attempt=1, mark=mark, body=body or {})
        for n, (name, mark) in enumerate(marks)
    )


def run(state: State, plan: Plan | None, events: Sequence[Event] = (), **more: Any) -> RunView:
    """A run of a restore in some state."""
    heading: Heading = more.get("heading", Heading.FORTH)
    over = NOW if ended(state) else None
    progress = more.pop("progress", {})
    steps = steps_of(plan, events, state, heading, progress) if plan else ()
    return RunView(**{
        "id": 142, "tag": "r142", "seq": 20, "command": "ops db restore", "reason": REASON,
        "params": {"database": "shop", "backup": BACKUP.name, "reason": REASON},
        "given": {"database": "shop", "backup": "latest", "reason": REASON},
        "requester": "ana", "requester_name": "Ana Duarte", "slack_user": "U0ANA", "channel": "C0INCIDENTS",
        "created_at": ASKED, "moved_at": ASKED, "now": NOW, "state": state, "ended_at": over,
        "risk": Risk.DESTRUCTIVE, "environment": "production", "plan": plan, "fingerprint": "5e1f" * 16,
        "shown": True, "slots": ("dba",), "askers": ("ana",), "expires_at": ASKED + timedelta(minutes=30),
        "start_by": timedelta(minutes=15), "heading": heading, "events": tuple(events), "steps": steps,
    } | more)  # fmt: skip


def approval(person: str = "ben") -> ApprovalView:
    """A yes that counts."""
    return ApprovalView(person=person, name=NAMES.person(person), slack_user=f"U0{person.upper()}", at=NOW, counts=True)


def question(doubt: Doubt) -> Question:
    """A run that stopped, at the swap, with that doubt."""
    choices = CHOICES.get(doubt, (Choice.AGAIN, Choice.STOP))
    said = SENTENCES.get(doubt, "")
    return Question(seq=20, doubt=doubt, step="swap", way=Way.DO, attempt=1, choices=choices, sentence=said, need=1)


def report() -> Answer:
    """An answer with everything that one may hold."""
    minutes = tuple((NOW - timedelta(minutes=60 - n), 40 + 35 * (n % 7 == 0) + n) for n in range(0, 60, 2))
    rows = tuple(
        (f"web-{n}", "idle in transaction" if n % 3 else "active", f"{n * 7}m", str(n * 3)) for n in range(1, 9)
    )
    return Answer(
        headline="91 of 100 connections are used, 12 idle in transaction",
        lines=("checkout holds most: 54.", "Idle sessions can be ended: /ops db kill-idle shop"),
        table=(("holder", "state", "since", "sessions"), *rows),
        series=Series(title="Connections in the last hour", unit="connections", points=minutes), loud=True,
    )  # fmt: skip


def brief(number: int, state: State, command: str, **more: Any) -> Brief:
    """One line of a list."""
    return Brief(**{
        "id": number, "tag": f"r{number}", "command": command, "params": {"database": "shop"}, "state": state,
        "risk": Risk.DESTRUCTIVE, "requester_name": "Ana Duarte", "reason": REASON, "channel": "C0INCIDENTS",
        "card_ts": "1772593920.000100", "moved_at": NOW - timedelta(minutes=number % 50),
        "expires_at": NOW + timedelta(minutes=28), "fingerprint": "5e1f" * 16,
    } | more)  # fmt: skip
