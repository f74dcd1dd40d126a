"""The plans of ban, unban, kill-queries, kill-idle, slow-log, freeze, unfreeze and health: pure, from facts alone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from bot import codec
from bot.connectors import http, mail, postgres_sessions, postgres_settings, tandem, users
from bot.connectors.postgres import Backend, Connections
from bot.connectors.tandem import Freeze
from bot.effect import Effect
from bot.model import Risk
from bot.operation import Answer, Database, IfFails, Plan, Refusal, RunRef, Service, Wait
from bot.plans import covers, faults
from handlers.ops import health
from handlers.ops.db import connections, kill_idle, kill_queries, slow_log
from handlers.ops.user import ban, unban
from handlers.release import freeze, unfreeze
from tests.unit.paper import Results

AT = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
RUN = RunRef(tag="r142", requester="ana")
SHOP = Database(key="shop")
USER = UUID("5b8ab7f6-2d6b-4b8e-9b39-6f0f6f5f0a11")
DEEDS = {
    codec.kind_of(kind): kind
    for module in (http, mail, postgres_sessions, postgres_settings, tandem, users)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Effect) and kind is not Effect and hasattr(kind, "survives")
}


class NoResults:
    def get(self, ref: Any) -> None:
        return None


def well_formed(plan: Plan | Refusal) -> Plan:
    """The plan, after the machine has found no fault with it and it survived storage."""
    assert isinstance(plan, Plan)
    assert faults(plan) == []
    assert all(step.tells[:1].isupper() for step in plan.steps), "a card says each step in words"
    assert codec.encode_plan(codec.decode_plan(codec.encode_plan(plan), DEEDS)) == codec.encode_plan(plan)
    assert covers(plan, plan)
    return plan


def user(**changes: Any) -> users.User:
    fields: dict[str, Any] = {
        "id": USER,
        "mask": "j…@x.com",
        "mail_ref": f"user/shop/{USER}",
        "banned": False,
        "banned_until": None,
        "ban": None,
        "sessions": 3,
        "deleted": False,
    }
    return users.User(**{**fields, **changes})


def ban_facts(**changes: Any) -> ban.Facts:
    return ban.Facts(**{"run": RUN, "at": AT, "user": user(), "appeal": "Reply to appeal.", **changes})


BAN = ban.Params(database=SHOP, user_id=str(USER), reason="spam", lasting=timedelta(days=7))


def test_a_ban_is_one_transaction_then_one_mail_and_lifting_it_is_its_way_back() -> None:
    plan = well_formed(ban.BanUser().plan(BAN, ban_facts()))
    first, second = plan.steps
    assert first.does == users.Ban(
        database=SHOP, user_id=USER, ban="ban-r142", lasting=timedelta(days=7), reason="spam", expect=None
    )
    assert first.undo == users.Unban(database=SHOP, user_id=USER, ban="ban-r142", restore=None, reason="r142 went back")
    assert isinstance(second.does, mail.Send)
    assert second.does.to == f"user/shop/{USER}"
    assert second.if_fails is IfFails.GO_ON, "a mail server that is down must not let the user back in"
    assert "3 sessions" in plan.sentence


def test_the_way_back_of_a_ban_restores_the_ban_that_had_run_out() -> None:
    over = AT - timedelta(days=30)
    plan = well_formed(ban.BanUser().plan(BAN, ban_facts(user=user(banned_until=over))))
    assert isinstance(plan.steps[0].undo, users.Unban)
    assert plan.steps[0].undo.restore == over


def test_one_more_session_does_not_ask_for_a_ban_again_but_another_ban_does() -> None:
    approved = ban.BanUser().plan(BAN, ban_facts())
    assert covers(approved, ban.BanUser().plan(BAN, ban_facts(user=user(sessions=4))))
    assert not covers(approved, ban.BanUser().plan(BAN, ban_facts(user=user(banned_until=AT - timedelta(days=1)))))


@pytest.mark.parametrize(
    ("params", "facts", "code"),
    [
        ({"user_id": "jane"}, {}, "no_id"),
        ({}, {"user": None}, "no_user"),
        ({}, {"user": user(deleted=True)}, "no_user"),
        ({"lasting": timedelta(minutes=5)}, {}, "bounds"),
        ({"lasting": timedelta(days=3_000_000)}, {}, "bounds"),
        ({}, {"user": user(banned=True, banned_until=AT + timedelta(days=1))}, "banned"),
    ],
)
def test_a_ban_is_refused_with_what_to_type(params: dict[str, Any], facts: dict[str, Any], code: str) -> None:
    refused = ban.BanUser().plan(BAN.model_copy(update=params), ban_facts(**facts))
    assert isinstance(refused, Refusal)
    assert refused.code == code


def test_a_ban_without_mail_says_so_and_has_no_mail_step() -> None:
    plan = well_formed(ban.BanUser().plan(BAN, ban_facts(appeal=None, no_mail="config has no mail block")))
    assert [step.name for step in plan.steps] == ["ban"]
    assert "no mail: config has no mail block" in plan.sentence
    unreachable = well_formed(ban.BanUser().plan(BAN, ban_facts(user=user(mask=""))))
    assert [step.name for step in unreachable.steps] == ["ban"]
    assert "the user has no address" in unreachable.sentence


def test_unban_lifts_the_named_ban_and_does_nothing_for_who_is_not_banned() -> None:
    params = unban.Params(database=SHOP, user_id=str(USER), reason="appeal granted")
    banned = user(banned=True, banned_until=AT + timedelta(days=1), ban="ban-r99")
    plan = well_formed(unban.UnbanUser().plan(params, unban.Facts(run=RUN, at=AT, user=banned, mail=True)))
    lift = plan.steps[0].does
    assert isinstance(lift, users.Lift)
    assert (lift.ban, lift.expect) == ("ban-r99", banned.banned_until)
    longer = banned.model_copy(update={"banned_until": AT + timedelta(days=2)})
    assert not covers(plan, unban.UnbanUser().plan(params, unban.Facts(run=RUN, at=AT, user=longer, mail=True))), (
        "another ban is asked about anew"
    )
    free = unban.UnbanUser().plan(params, unban.Facts(run=RUN, at=AT, user=user(), mail=True))
    assert isinstance(free, Plan)
    assert free.steps == ()


def backend(pid: int, **changes: Any) -> Backend:
    fields: dict[str, Any] = {
        "pid": pid,
        "backend_start": AT - timedelta(hours=2),
        "role": "api",
        "app": "report",
        "database": "shop",
        "state": "active",
        "since": AT - timedelta(minutes=12),
        "xact_start": None,
        "waits_for": None,
        "blocked": False,
        "query": "9f3a21bc0d4e",
    }
    return Backend(**{**fields, **changes})


def kill_facts(*found: Backend, strictest: bool = True) -> kill_queries.Facts:
    return kill_queries.Facts(run=RUN, at=AT, strictest=strictest, found=found)


KILL = kill_queries.Params(database=SHOP, reason="stuck")


def test_kill_queries_names_each_session_and_is_destructive_in_production_only() -> None:
    operation = kill_queries.KillQueries()
    plan = well_formed(operation.plan(KILL, kill_facts(backend(7), backend(9))))
    assert isinstance(plan.steps[0].does, postgres_sessions.Terminate)
    assert {s.pid for s in plan.steps[0].does.sessions} == {7, 9}
    assert "pid 7 api@report active for 12m, query 9f3a21bc0d4e" in plan.sentence
    assert operation.raises(KILL, kill_facts(backend(7))) is Risk.DESTRUCTIVE
    assert operation.raises(KILL, kill_facts(backend(7), strictest=False)) is None


def test_fewer_sessions_are_the_same_plan_and_a_reused_pid_is_not() -> None:
    operation = kill_queries.KillQueries()
    approved = operation.plan(KILL, kill_facts(backend(7), backend(9)))
    assert covers(approved, operation.plan(KILL, kill_facts(backend(9))))
    reused = backend(9, backend_start=AT - timedelta(minutes=20))
    assert not covers(approved, operation.plan(KILL, kill_facts(reused)))


def test_the_bots_own_sessions_and_hidden_ones_are_never_named() -> None:
    ours, hidden = backend(1, app="tandem/look"), backend(2, state=None)
    assert postgres_sessions.sittings((ours, hidden, backend(3))) == postgres_sessions.sittings((backend(3),))


def test_what_a_client_calls_itself_cannot_mark_up_a_card() -> None:
    told = postgres_sessions.described(backend(3, app="<!channel> *ok*\u202e\n" + "x" * 80), AT)
    assert not set("<>*\n\u202e") & set(told)
    assert len(told) < 160


def test_nothing_that_matches_is_a_plan_without_steps_and_the_answer_counts_what_ended() -> None:
    operation = kill_queries.KillQueries()
    nothing = operation.plan(KILL, kill_facts())
    assert isinstance(nothing, Plan)
    assert nothing.steps == ()
    done = postgres_sessions.Terminated(ended=1, gone=1)
    answer = operation.answer(KILL, kill_facts(backend(7), backend(9)), Results(terminate=done))
    assert answer is not None
    assert answer.headline == "shop: 1 of 2 sessions ended"
    assert answer.lines == ("1 ended", "1 had ended or gone on to something else, and were left alone")


def test_what_a_plan_has_no_room_for_is_said_in_it_and_at_its_end() -> None:
    found = tuple(backend(pid, state="idle") for pid in range(30))
    done = Results(terminate=postgres_sessions.Terminated(ended=30))
    idle = kill_idle.Params(database=SHOP), kill_idle.Facts(run=RUN, at=AT, strictest=True, found=found, more=170)
    busy = KILL, kill_facts(*found).model_copy(update={"more": 170})
    for operation, (params, facts) in ((kill_idle.KillIdle(), idle), (kill_queries.KillQueries(), busy)):
        plan = well_formed(operation.plan(params, facts))  # type: ignore[arg-type]
        assert plan.sentence.startswith("End the longest 30 of 200 sessions of shop")
        assert " (ask again for the rest): pid 0 " in plan.sentence
        answer = operation.answer(params, facts, done)  # type: ignore[arg-type]
        assert answer is not None
        assert answer.lines == ("30 ended", "170 more were left out: ask again for the rest")
        gone = operation.plan(params, facts.model_copy(update={"found": ()}))  # type: ignore[arg-type]
        assert isinstance(gone, Plan)
        assert gone.sentence == "Nothing to end: the longest are gone. Ask again for the 170 that are left"


def test_kill_idle_tells_the_transactions_that_are_lost() -> None:
    found = (backend(1, state="idle"), backend(2, state="idle in transaction"))
    facts = kill_idle.Facts(run=RUN, at=AT, strictest=True, found=found)
    plan = well_formed(kill_idle.KillIdle().plan(kill_idle.Params(database=SHOP), facts))
    assert [(loss.what, loss.at_most) for loss in plan.loses] == [("transactions held open", 1)]
    refused = kill_idle.KillIdle().plan(kill_idle.Params(database=SHOP, over=timedelta(seconds=5)), facts)
    assert isinstance(refused, Refusal)


def parameter(**changes: Any) -> postgres_settings.Parameter:
    fields: dict[str, Any] = {"name": slow_log.NAME, "now": "-1ms", "place": "system", "stored": None}
    return postgres_settings.Parameter(**{**fields, **changes})


SLOW = slow_log.Params(database=SHOP, over=timedelta(milliseconds=250), lasting=timedelta(minutes=30), reason="latency")


def slow_plan(found: postgres_settings.Parameter | None, params: slow_log.Params = SLOW) -> Plan | Refusal:
    return slow_log.SlowLog().plan(params, slow_log.Facts(run=RUN, at=AT, parameter=found, services=()))


@pytest.mark.parametrize("before", [None, "-1", "1500ms"])
def test_slow_log_puts_back_exactly_what_stood_there_even_nothing(before: str | None) -> None:
    plan = well_formed(slow_plan(parameter(stored=before)))
    set_, wait, back = plan.steps
    assert isinstance(set_.does, postgres_settings.SetParameter)
    assert isinstance(back.does, postgres_settings.SetParameter)
    assert (set_.does.value, set_.does.expect) == ("250", before)
    assert (back.does.value, back.does.expect) == (before, "250")
    assert back.closes == "set"
    assert wait.does == Wait(lasting=timedelta(minutes=30))


def test_slow_log_refuses_what_it_cannot_put_back_or_what_would_fill_the_disk() -> None:
    assert isinstance(slow_plan(parameter(fixed=True)), Refusal)
    assert isinstance(slow_plan(parameter(), SLOW.model_copy(update={"over": timedelta()})), Refusal)
    assert isinstance(slow_plan(parameter(), SLOW.model_copy(update={"lasting": timedelta(days=2)})), Refusal)
    already = slow_plan(parameter(stored="250"))
    assert isinstance(already, Plan)
    assert already.steps == ()


def freeze_facts(*freezes: Freeze) -> freeze.Facts:
    return freeze.Facts(run=RUN, at=AT, freezes=freezes)


def frozen(name: str = "freeze-r7", *services: str, hours: float = 4) -> Freeze:
    return Freeze(
        name=name, services=services or ("shop",), starts=AT, ends=AT + timedelta(hours=hours), reason="sale", by="ben"
    )


def test_a_freeze_is_named_by_its_run_holds_durations_and_is_undone_by_its_end() -> None:
    params = freeze.Params(service=Service(key="shop"), lasting=timedelta(hours=4), reason="sale")
    plan = well_formed(freeze.FreezeServices().plan(params, freeze_facts()))
    assert plan.steps[0].does == tandem.AddFreeze(
        name="freeze-r142",
        services=("shop",),
        starts_in=timedelta(),
        lasting=timedelta(hours=4),
        reason="sale",
    )
    assert plan.steps[0].undo == tandem.EndFreeze(name="freeze-r142")
    again = freeze.FreezeServices().plan(params, freeze_facts(frozen("freeze-r7", tandem.EVERY_SERVICE, hours=5)))
    assert isinstance(again, Plan)
    assert again.steps == ()


def test_a_freeze_of_everything_covers_services_that_config_names_later() -> None:
    plan = well_formed(freeze.FreezeServices().plan(freeze.Params(reason="sale"), freeze_facts()))
    assert isinstance(plan.steps[0].does, tandem.AddFreeze)
    assert plan.steps[0].does.services == (tandem.EVERY_SERVICE,)


def test_a_freeze_covers_its_services_from_its_start_until_just_before_its_end() -> None:
    one, every = frozen(), frozen("f", tandem.EVERY_SERVICE)
    assert one.covers("shop", AT)
    assert not one.covers("shop", AT - timedelta(microseconds=1))
    assert not one.covers("shop", one.ends)
    assert not one.covers("web", AT)
    assert every.covers("web", AT)
    assert not Freeze(name="f", services=(), starts=AT, ends=one.ends, reason="").covers("shop", AT), "empty is nothing"


def test_unfreeze_ends_the_named_freeze_and_names_the_others_when_there_is_none() -> None:
    operation, facts = unfreeze.EndOfFreeze(), unfreeze.Facts(run=RUN, at=AT, freezes=(frozen(),))
    plan = well_formed(operation.plan(unfreeze.Params(freeze="freeze-r7", reason="over"), facts))
    assert plan.steps[0].does == tandem.EndFreeze(name="freeze-r7")
    refused = operation.plan(unfreeze.Params(freeze="freeze-r8", reason="over"), facts)
    assert isinstance(refused, Refusal)
    assert "freeze-r7" in refused.sentence


def finding(service: str, grade: str, what: str = "HTTP", said: str = "200") -> health.Finding:
    return health.Finding(service=service, what=what, grade=health.Grade(grade), said=said, then="Do this.")


def health_answer(*findings: health.Finding) -> Answer:
    services = tuple(dict.fromkeys(f.service for f in findings))
    facts = health.Facts(run=RUN, at=AT, services=services, findings=findings)
    return health.Health().answer(health.Params(), facts, NoResults())


def test_health_puts_the_worst_first_and_says_it_in_the_headline() -> None:
    answer = health_answer(
        finding("web", "ok"), finding("shop", "ok"), finding("shop", "bad", "database", "says disconnected")
    )
    assert answer.headline == "In trouble: shop (database: says disconnected). Well: web"
    assert answer.lines == (
        "❌ shop, database: says disconnected. Do this.", "web, all well: HTTP", "shop, the rest is well: HTTP"
    )  # fmt: skip
    assert answer.loud


def test_health_never_calls_well_what_it_could_not_see() -> None:
    answer = health_answer(finding("shop", "not seen", "HTTP", "no answer in 3 s"))
    assert answer.headline == "Not wholly seen: shop (HTTP: no answer in 3 s)"
    assert answer.lines == ("❔ shop, HTTP: no answer in 3 s. Do this.",)
    assert not answer.loud
    assert health_answer(finding("shop", "ok")).headline == "shop is well"


def test_health_calls_its_looks_by_words() -> None:
    answer = health_answer(finding("web", "bad", "detailed", "says error"), finding("web", "ok", "/"))
    assert answer.headline == "In trouble: web (own report: says error)"
    assert answer.lines == ("❌ web, own report: says error. Do this.", "web, the rest is well: page /")


def connection_facts(used: int, *backends: Backend) -> connections.Facts:
    summary = Connections(used=used, most=100, by_state={"idle": used}, by_holder={"report": used})
    return connections.Facts(run=RUN, at=AT, summary=summary, backends=backends, reserved=3)


def test_connections_flags_saturation_by_what_applications_can_use_and_offers_the_way_out() -> None:
    params, operation = connections.Params(database=SHOP), connections.DatabaseConnections()
    full = operation.answer(params, connection_facts(96, backend(1, state="idle in transaction")), NoResults())
    assert full.headline == "shop: SATURATED, 96 of 100 connections used, 1 free for applications"
    assert full.loud
    assert "1 idle in transaction, the longest for 12m" in full.lines
    assert [offer.call.command for offer in full.offers] == ["ops db kill-idle"]
    calm = operation.answer(params, connection_facts(12, backend(1, state="idle")), NoResults())
    assert not calm.loud
    assert calm.offers == ()
    assert calm.table[1] == ("report", "api", "shop", "idle", "1", "12m")
