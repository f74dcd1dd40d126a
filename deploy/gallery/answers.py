"""What operations themselves say, as cards: their sentences and answers from facts written here."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from bot.connectors.tandem import EVERY_SERVICE, Absence, Change, Freeze, Given, Member, Terms
from bot.connectors.users import User
from bot.connectors.vault import Listing
from bot.engine.results import NoResults
from bot.model import Risk, State
from bot.operation import Operation, Refusal, Service
from bot.view import RunView
from deploy.gallery.samples import ASKED, BACKUP, NOW, REASON, RUN, SHOP, done, event, planned, run
from handlers.incident import declare
from handlers.ops import health, schedules
from handlers.ops.approvals import delegations
from handlers.ops.db import backups
from handlers.ops.user import unban
from handlers.release import freeze, unfreeze

WHO = UUID("5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11")
MIGRATION = Freeze(
    name="freeze-r139", services=("web",), starts=NOW - timedelta(hours=1), ends=NOW + timedelta(hours=9),
    reason="the payment provider moves", by="cleo", by_name="Cleo Lindqvist",
)  # fmt: skip
BASE: dict[str, Any] = {"run": RUN, "at": ASKED}


def cards() -> dict[str, RunView]:
    """By the picture's name."""
    return {
        "incident-declared": _declared(),
        "answer-health": _read("ops health", health.Health(), health.Params(), _health()),
        "answer-schedules": _read("ops schedules", schedules.ListSchedules(), schedules.Params(), _schedules()),
        "answer-backups": _read("ops db backups", backups.ListBackups(), backups.Params(database=SHOP), _backups()),
        "answer-delegations": _read(
            "ops approvals delegations", delegations.ListDelegations(), delegations.Params(), _delegations()
        ),
        "refused-as-banned": run(State.REFUSED, None, fingerprint=None, refusal=Refusal(
            code="banned", sentence=f"{WHO} (j…@example.com) is banned until 2026-04-01 00:00 UTC.",
        )),
        "unban": _unban(),
        "freeze-already": _freeze(),
        "unfreeze": _unfreeze(),
    }  # fmt: skip


def _read(command: str, operation: Operation[Any, Any], params: Any, facts: Any) -> RunView:
    answer = operation.answer(params, facts, NoResults())
    return run(
        State.SUCCEEDED, planned(operation.plan(params, facts)), command=command, params={}, answer=answer, reason="",
        risk=Risk.READ, slots=(), environment="",
    )  # fmt: skip


def _declared() -> RunView:
    params = declare.Params(title="checkout is down", severity="P0", services=(Service(key="web"),))
    change = Change(
        run="r131", command="ops db restore", sentence="Restore shop from shop-20260304T0000-full",
        by_name="Ana Duarte", ended=ASKED - timedelta(minutes=14), state="undone",
    )  # fmt: skip
    operation, facts = declare.DeclareAnIncident(), declare.Facts(**BASE, open=(), changes=(change,))
    plan = planned(operation.plan(params, facts))
    return run(
        State.SUCCEEDED, plan, (event(2, "admitted"), *done(plan)), command="incident declare", risk=Risk.WRITE,
        slots=(), params=params.model_dump(mode="json"), reason="every payment fails", environment="",
        answer=operation.answer(params, facts, NoResults()),
    )  # fmt: skip


def _health() -> health.Facts:
    grades = health.Grade
    seen = (
        ("web", "HTTP", grades.BAD, "answers 503 in 2,114 ms"),
        ("web", "detailed", grades.BAD, "answers 503, says error: database disconnected"),
        ("web", "/", grades.UNSEEN, "did not answer within 5s"),
        ("web", "DNS", grades.GOOD, "3 ms"),
        ("api", "HTTP", grades.GOOD, "200 in 12 ms"),
        ("api", "detailed", grades.GOOD, "ok"),
        ("api", "/", grades.GOOD, "200 in 14 ms"),
        ("api", "version", grades.GOOD, "4.1.0"),
    )
    found = tuple(health.Finding(service=s, what=w, grade=g, said=said, then="Look") for s, w, g, said in seen)
    return health.Facts(**BASE, services=("web", "api"), findings=found)


def _schedules() -> schedules.Facts:
    line = schedules.Line
    lines = (
        line(key="nightly", run="/ops db backup shop", cron="0 2 * * *", zone="Europe/Lisbon", active=True),
        line(key="drill", run="/ops db restore shop", cron="0 4 * * sun", zone="UTC", active=True),
        line(key="tidy", run="/ops db kill-idle shop", cron="*/15 * * * *", zone="UTC", active=False),
    )
    given = Given(run="r101", people=("ben", "cleo"), until=NOW + timedelta(days=20))
    terms = Terms(
        schedule="drill", hash="5e", command="ops db restore", lasts=timedelta(days=30), at_most={}, given=given
    )
    return schedules.Facts(
        **BASE,
        lines=lines,
        terms=(terms,),
        members={"ben": Member(name="Ben Okafor"), "cleo": Member(name="Cleo Lindqvist")},
    )


def _backups() -> backups.Facts:
    older = BACKUP.model_copy(
        update={"name": "shop-20260303T0200-full", "taken_at": BACKUP.taken_at - timedelta(days=1), "verified": None}
    )
    return backups.Facts(
        **BASE, found={"shop": Listing(backups=(BACKUP, older))}, unseen={}, rpo={"shop": timedelta(hours=24)}
    )


def _delegations() -> delegations.Facts:
    one = Absence(run="r120", giver="cleo", taker="dora", starts=NOW, ends=NOW + timedelta(days=6, hours=15))
    people = {"cleo": Member(name="Cleo Lindqvist"), "dora": Member(name="Dora Fell")}
    return delegations.Facts(**BASE, absences=(one,), members=people)


def _unban() -> RunView:
    user = User(
        id=WHO, mask="j…@example.com", mail_ref=f"user/shop/{WHO}", banned=True, ban="ban-r120", sessions=0,
        banned_until=NOW + timedelta(days=27), deleted=False,
    )  # fmt: skip
    params = unban.Params(database=SHOP, user_id=str(WHO), reason="appeal granted")
    plan = planned(unban.UnbanUser().plan(params, unban.Facts(**BASE, user=user, mail=True)))
    return run(
        State.AWAITING, plan, command="ops user unban", params=params.model_dump(mode="json"), reason=params.reason,
        risk=Risk.WRITE,
    )  # fmt: skip


def _freeze() -> RunView:
    held = MIGRATION.model_copy(update={"services": (EVERY_SERVICE,)})
    facts = freeze.Facts(**BASE, freezes=(held,))
    return _read(
        "release freeze", freeze.FreezeServices(), freeze.Params(lasting=timedelta(hours=2), reason=REASON), facts
    )


def _unfreeze() -> RunView:
    params = unfreeze.Params(freeze=MIGRATION.name, reason=REASON)
    plan = planned(unfreeze.EndOfFreeze().plan(params, unfreeze.Facts(**BASE, freezes=(MIGRATION,))))
    return run(
        State.AWAITING, plan, command="release unfreeze", params={"freeze": MIGRATION.name}, risk=Risk.WRITE,
        environment="", slots=("lead",),
    )  # fmt: skip
