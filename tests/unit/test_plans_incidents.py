"""The plans of declare, resolve and list: pure, from facts alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot import codec
from bot.connectors import tandem
from bot.connectors.tandem import Change, Incident
from bot.model import State
from bot.operation import Plan, Refusal, RunRef, Service
from bot.plans import faults
from handlers.incident import declare, resolve
from handlers.incident import list as listed

AT = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
RUN = RunRef(tag="r142", requester="ana", askers=("ana",))
DEEDS = {codec.kind_of(kind): kind for kind in (tandem.DeclareIncident, tandem.EndIncident)}
OPEN = Incident(
    name="r7", title="Mails are late", severity="P3", services=("web",), declared=AT - timedelta(minutes=90),
    by_name="Ben Okafor", channel="C0INCIDENTS",
)  # fmt: skip


class NoResults:
    def get(self, ref: Any) -> None:
        return None


def change(run: str, command: str = "ops db restore", state: State = State.SUCCEEDED, by: str = "Ben Okafor") -> Change:
    return Change(
        run=run, sentence=f"Do {run}", command=command, by_name=by, ended=AT - timedelta(minutes=14), state=state
    )


def facts(changes: tuple[Change, ...] = (), still: tuple[Incident, ...] = ()) -> declare.Facts:
    return declare.Facts(run=RUN, at=AT, open=still, changes=changes)


def params(**typed: Any) -> declare.Params:
    return declare.Params(**{"title": "checkout is  down", "reason": "it is"} | typed)


def test_it_opens_an_incident_under_its_own_name_and_takes_that_back_where_it_fails() -> None:
    plan = declare.DeclareAnIncident().plan(params(severity="P0", services=(Service(key="shop"),)), facts())
    assert isinstance(plan, Plan)
    assert faults(plan) == []
    assert codec.decode_plan(codec.encode_plan(plan), DEEDS) == plan
    (step,) = plan.steps
    assert step.does == tandem.DeclareIncident(title="checkout is down", severity="P0", services=("shop",))
    assert step.undo == tandem.EndIncident(incident="r142")
    assert plan.offers[0].call.params == {"incident": "r142"}


@pytest.mark.parametrize("title", ["", " x ", "x" * 151])
def test_a_title_that_says_nothing_or_too_much_is_refused(title: str) -> None:
    refused = declare.DeclareAnIncident().plan(params(title=title), facts())
    assert isinstance(refused, Refusal)
    assert "3 to 150 characters" in refused.sentence


def test_the_same_again_while_it_is_open_is_refused_with_its_name() -> None:
    refused = declare.DeclareAnIncident().plan(params(title="mails are LATE"), facts(still=(OPEN,)))
    assert isinstance(refused, Refusal)
    assert refused.sentence.startswith("r7 is open already")


def test_what_changed_before_is_said_with_what_came_of_it_and_who_is_on_call_is_called() -> None:
    changes = (
        change("r141"),
        change("r140", state=State.UNDONE, by=""),
        change("r139", command="incident resolve"),
        *(change(f"r{n}") for n in range(100, 110)),
    )
    answer = declare.DeclareAnIncident().answer(params(), facts(changes, (OPEN,)), NoResults())
    assert answer.headline == "Incident r142 is open (P1): checkout is down"
    assert answer.lines[:2] == (
        "Changed before: r141, 2026-03-04 11:46 UTC: Do r141 (Ben Okafor)",
        "Changed before: r140, 2026-03-04 11:46 UTC: Do r140 (a schedule, taken back)",
    )
    assert "and 4 earlier ones" in answer.lines
    assert not any("r139" in line for line in answer.lines), "what other incidents did is no suspect"
    assert "Also open: r7 (P3) Mails are late" in answer.lines
    assert answer.calls == ("on-call",)
    assert answer.loud
    nothing = declare.DeclareAnIncident().answer(params(), facts(), NoResults())
    assert nothing.lines[0] == "Nothing was changed through Tandem in the 2h before."


def test_it_is_resolved_by_its_name_and_its_thread_is_told() -> None:
    plan = resolve.ResolveIncident().plan(resolve.Params(incident="r7"), resolve.Facts(run=RUN, at=AT, open=(OPEN,)))
    assert isinstance(plan, Plan)
    assert faults(plan) == []
    assert plan.tells == ("r7",)
    assert plan.steps[0].does == tandem.EndIncident(incident="r7")
    told = resolve.Facts(run=RUN, at=AT, open=(OPEN,))
    answer = resolve.ResolveIncident().answer(resolve.Params(incident="r7"), told, NoResults())
    assert answer.headline == "Incident r7 is resolved after 1h30m: Mails are late"


def test_what_is_not_open_is_not_resolved_and_what_is_open_is_named() -> None:
    refused = resolve.ResolveIncident().plan(resolve.Params(incident="r8"), resolve.Facts(run=RUN, at=AT, open=(OPEN,)))
    assert isinstance(refused, Refusal)
    assert refused.sentence == "No incident r8 is open. To resolve one of these, type its name: r7 (Mails are late)."


def test_the_list_says_how_long_each_is_open_and_offers_its_end() -> None:
    answer = listed.ListIncidents().answer(listed.Params(), listed.Facts(run=RUN, at=AT, open=(OPEN,)), NoResults())
    assert answer.lines == ("r7 P3 (web): Mails are late, open for 1h30m, declared by Ben Okafor",)
    assert [offer.label for offer in answer.offers] == ["Resolve r7"]
    none = listed.ListIncidents().answer(listed.Params(), listed.Facts(run=RUN, at=AT, open=()), NoResults())
    assert none.headline == "No incident is open"
