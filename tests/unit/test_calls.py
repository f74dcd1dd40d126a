"""Who is called at somebody's wish, in which words, and that a refusal offers it only where somebody could."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot import render
from bot.catalogue import Entry
from bot.effect import Secret
from bot.model import Choice, Doubt, Risk, State
from bot.operation import Input, Observed, Operation, Personal
from bot.parse import Known
from bot.people.could import MOST, Callees, Could
from bot.people.roster import Roster
from bot.render import Names
from bot.render.buttons import ASK_THEM, Verb, unpack
from bot.render.outcome import refusal
from bot.slack import drafts
from bot.slack.calling import wish
from bot.view import DelegationView, Outcome
from tests.unit.rendered import HOSTILE, NOON, approval, event, question, shown, view
from tests.unit.test_render_reminders import house

PLAN = "ab" * 32
MANY = tuple(f"p{n}" for n in range(8))


class People:
    """A rota and quiet hours, as they are wished."""

    def __init__(self, on_call: tuple[str, ...] = (), quiet: tuple[str, ...] = (), dba: tuple[str, ...] = ()) -> None:
        self._on_call, self._quiet, self._dba = on_call, quiet, dba

    def person_of(self, team: str, user: str) -> str | None:
        return None

    def channel_key(self, slack_id: str | None) -> str | None:
        return None

    def groups_of(self, slack_groups: Mapping[str, frozenset[str]] | None = None) -> dict[str, frozenset[str]]:
        return {person: frozenset({"dba"}) for person in self._dba} | {"ana": frozenset()}

    def on_call(self, at: datetime) -> tuple[str, ...]:
        return self._on_call

    def quiet(self, person: str, at: datetime) -> bool:
        return person in self._quiet


def could(**people: tuple[str, ...]) -> Could:
    return Could(Roster(People(**people)))


def test_where_somebody_is_on_call_they_alone_are_called_also_in_quiet_hours() -> None:
    asked = could(on_call=("cleo", "zoe"), quiet=("ben", "cleo")).callees(("ben", "cleo"), NOON)
    assert asked == Callees(whom=("cleo",))


def test_else_everybody_without_quiet_hours_is_called_to_a_bound() -> None:
    assert could(quiet=("ben",)).callees(("ben", "cleo"), NOON) == Callees(whom=("cleo",), spared=("ben",))
    assert could(quiet=("ben",)).callees(("ben",), NOON) == Callees(spared=("ben",))
    assert could().callees(MANY, NOON) == Callees(whom=MANY[:MOST], more=3)


def test_in_the_place_of_who_is_absent_their_stand_in_is_called_and_has_their_turn() -> None:
    assert could().callees(("ben", "cleo"), NOON, away={"ben": "cleo"}).whom == ("cleo",)
    asked = could(on_call=("ben",), quiet=("dora",)).callees(("ben", "cleo", "dora"), NOON, away={"ben": "dora"})
    assert asked == Callees(whom=("dora",))


def test_nobody_calls_themselves() -> None:
    assert could(on_call=("ben",)).callees(("ben", "cleo"), NOON, ("ben",)).whom == ("cleo",)


def test_a_doubt_is_answered_by_those_too_who_approved() -> None:
    people = could(dba=("ben", "cleo"))
    given = (approval("ben", "Ben"),)
    assert people.decide(view(State.AWAITING, slots=("dba", "dba"), approvals=given)) == ("cleo",)
    assert people.decide(view(State.IN_DOUBT, slots=("dba",), approvals=given)) == ("ben", "cleo")
    away = (DelegationView(run="r9", giver="ben", taker="ana", until=NOON),)
    assert people.decide(view(State.IN_DOUBT, slots=("dba",), delegations=away, askers=("ben",))) == ("cleo",)


def told(names: Names, state: State = State.AWAITING, **more: Any) -> tuple[str, str]:
    """What a call says, and whom it wakes."""
    body = {"plan": PLAN, "whom": ["ben"], "more": 0, "spared": []} | more.pop("body", {})
    called = event(30, "called_in", state, actor="ana", body=body)
    (message,) = render.replies(view(state, [called], slots=("dba",), **more), [called], names)
    return shown(message).words, str([block for block in message.blocks if "user_id" in str(block)])


def test_a_call_says_who_asks_whom_for_what_and_whom_it_spares() -> None:
    words, calls = told(house(quiet=("cara",)), body={"spared": ["cara"], "more": 2})
    assert "Ana Lopes asks Ben Ito (on call) to look at r142: Restore shop from nightly-0412." in words
    assert "2 more could, and are not called. Cara Wu has quiet hours and is not called." in words
    assert "Press Approve" not in words
    assert "You may decide: Approve, Deny or Ask back on the card" in words
    assert "U0BEN" in calls


def test_whom_their_digest_calls_and_who_has_decided_is_not_called_here() -> None:
    words, calls = told(house(joined=("U0BEN",)))
    assert "The list of what waits for them calls them." in words
    assert calls == "[]"
    assert told(house(), approvals=(approval("ben", "Ben Ito"),))[1] == "[]"


def test_a_question_calls_also_who_approved_and_an_end_nobody() -> None:
    stopped = question(Doubt.EFFECT).model_copy(update={"choices": (Choice.AGAIN, Choice.STOP)})
    words, calls = told(house(), State.IN_DOUBT, approvals=(approval("ben", "Ben Ito"),), question=stopped)
    assert "You may answer its question on the card" in words
    assert "U0BEN" in calls
    assert told(house(), State.SUCCEEDED)[1] == "[]"


def wished(names: Names, **more: Any) -> str:
    body = {"code": "not_in_group", "sentence": "Only dba may ask for it.", "whom": ["ben"], "line": "/ops look shop"}
    asked = event(2, "refused", State.REFUSED, body=body | {"more": 0, "spared": []})
    refused = view(State.REFUSED, [asked], plan=None, fingerprint=None, **more)
    (message,) = render.replies(refused, [asked], names)
    assert "U0BEN" in str(message.blocks)
    return shown(message).words


def test_who_may_ask_reads_what_is_wanted_by_whom_and_the_line_to_type() -> None:
    words = wished(house())
    assert "Ana Lopes wants this done and may not ask for it: only dba may ask for it." in words
    assert "Ben Ito (on call) may, and is called." in words
    assert "press Ask again on the card at the top of this thread, or type it: /ops look shop" in words
    assert "If it is right, type it: /ops look shop" in wished(house(), risk=Risk.READ), "its card has no such button"


def test_below_a_refusal_stands_the_one_button_where_somebody_could_and_it_waits() -> None:
    waits = Outcome(code="asker", run=142, who=("Ben Ito (on call)",), waits=PLAN, ok=False)
    pressed = unpack(shown(refusal(waits)).buttons[ASK_THEM]["value"])
    assert pressed is not None
    assert (pressed.run, pressed.fingerprint, pressed.verb, pressed.of) == (142, PLAN, Verb.CALL_IN, "")
    for lacks in ({"waits": ""}, {"who": ()}):
        assert shown(refusal(waits.model_copy(update=lacks))).buttons == {}
    unasked = Outcome(code="not_in_group", sentence=HOSTILE, who=("Ben Ito",), ok=False)
    assert shown(refusal(unasked, draft="d1")).buttons[ASK_THEM]["value"] == "d1"
    assert shown(refusal(unasked)).buttons == {}


class Params(Input):
    count: int
    mail: Personal | None = None
    password: Secret | None = None


class Tell(Operation[Params, Observed]):
    """Tells."""

    risk = Risk.WRITE
    examples = ("/ops tell 1",)


@pytest.fixture
def entry() -> Entry:
    return Entry("ops tell", Tell(), Params, Observed, Path(__file__))


@pytest.mark.parametrize(
    ("kept", "count", "whole"),
    [
        ({"count": "2", "reason": "drill"}, 2, True),
        ({"count": "2", drafts.WITHHELD: "mail"}, 2, False),
        ({"reason": "drill"}, None, False),
        ({"count": "many"}, None, False),
        ({"count": "2", "reason": "password=hunter2 for all"}, 2, False),
    ],
)
def test_what_was_to_be_asked_for_is_as_whole_as_it_was_kept(
    entry: Entry, kept: dict[str, str], count: int | None, whole: bool
) -> None:
    params, is_whole = wish(entry, kept, Known())
    assert (getattr(params, "count", None), is_whole) == (count, whole)
