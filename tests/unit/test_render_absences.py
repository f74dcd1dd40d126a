"""Who stands in for whom, as cards and threads say it, and whom they call."""

from datetime import timedelta
from typing import Any

import pytest

from bot import render
from bot.model import Event, State
from bot.operation import Answer
from bot.render import Group, Names, approvals, tell
from bot.render.blocks import line, moment, text
from bot.view import DelegationView, RunView
from tests.unit.rendered import NAMES, NOON, approval, event, shown, view

NIGHT = NAMES.model_copy(
    update={
        "people": {**NAMES.people, "dora": "Dora Fell"},
        "accounts": {p: (f"U0{p.upper()}",) for p in ("ana", "ben", "cara", "dora")},
    }
)
CARAS = DelegationView(run="r7", giver="cara", taker="dora", until=NOON + timedelta(days=2))


def waiting(*away: DelegationView, **more: Any) -> RunView:
    return view(State.AWAITING, delegations=away, **more)


def test_the_card_says_for_whom_somebody_may_approve_and_until_when() -> None:
    words = shown(render.card(waiting(CARAS), NIGHT)).words
    assert "May approve: Ben Ito, Cara Wu or Dora Fell (for Cara Wu)." in words
    assert f"Dora Fell, for Cara Wu until <!date^{int(CARAS.until.timestamp())}^" in words
    assert "until" not in shown(render.card(waiting(CARAS, askers=("cara",)), NIGHT)).words.partition("Steps")[0]
    own = waiting(DelegationView(run="r7", giver="cara", taker="ben", until=NOON))
    assert "May approve: Ben Ito or Cara Wu." in shown(render.card(own, NIGHT)).words, "his own right comes first"


def test_the_card_says_who_of_those_who_may_approve_is_on_call() -> None:
    names = NIGHT.model_copy(update={"on_call": frozenset({"ana", "cara", "dora"})})
    assert "May approve: Ben Ito or Cara Wu (on call)." in shown(render.card(waiting(), names)).words
    for_ben = DelegationView(run="r7", giver="ben", taker="dora", until=NOON)
    said = "May approve: Ben Ito, Dora Fell (on call, for Ben Ito) or Cara Wu (on call)."
    assert said in shown(render.card(waiting(for_ben), names)).words


def test_whose_right_was_used_is_said_and_is_nobody_elses_any_more() -> None:
    given = approval("dora", "Dora Fell").model_copy(update={"stands_for": "cara"})
    shaped = waiting(CARAS, approvals=(given,))
    assert approvals.missing(shaped, NIGHT) == ("dba",)
    assert approvals.may_approve(shaped, NIGHT) == ["ben"]
    assert "Approved: Dora Fell, for Cara Wu." in shown(render.card(shaped, NIGHT)).words
    queued = view(State.QUEUED, approvals=(given,), slots=("sre",))
    assert "Approved by Dora Fell, for Cara Wu." in shown(render.card(queued, NIGHT)).words


def test_the_right_of_who_asked_is_nobodys() -> None:
    asks = waiting(DelegationView(run="r7", giver="ana", taker="dora", until=NOON), slots=("dba", "dba"))
    assert approvals.may_approve(asks, NIGHT) == ["ben"]
    taker_asks = waiting(CARAS, askers=("dora",))
    assert "dora" not in approvals.may_approve(taker_asks, NIGHT)
    assert "U0CARA" in approvals.mentions(taker_asks, NIGHT), "nobody else is there to be called for her"


def test_whom_it_is_about_is_neither_named_nor_called_nor_is_their_right_anybodys() -> None:
    about = waiting(subjects=("cara",))
    assert approvals.may_approve(about, NIGHT) == ["ben"]
    assert "May approve: Ben Ito." in shown(render.card(about, NIGHT)).words
    assert "U0CARA" not in approvals.mentions(about, NIGHT)
    assert "dora" not in approvals.may_approve(waiting(CARAS, subjects=("cara",)), NIGHT)
    nobody = shown(render.card(waiting(subjects=("cara", "ben")), NIGHT)).words
    assert "Nobody who may approve it is known to be there" in nobody


@pytest.mark.parametrize(
    ("names", "called"),
    [
        (NIGHT, {"U0BEN", "U0DORA"}),
        (NIGHT.model_copy(update={"quiet": frozenset({"dora"})}), {"U0BEN"}),
    ],
)
def test_the_stand_in_is_called_instead_but_not_in_quiet_hours(names: Names, called: set[str]) -> None:
    assert set(approvals.mentions(waiting(CARAS), names)) - {"U0ANA"} == called


def test_who_stands_in_for_whoever_is_on_call_is_called_at_any_hour_and_directly() -> None:
    turn = NIGHT.groups["sre"].model_copy(update={"mentions": ("U0CARA",)})
    rota = Group(title="on call", members=("cara", "ben"), mentions=("U0CARA",))
    groups = {**NIGHT.groups, "sre": turn, "on-call": rota}
    names = NIGHT.model_copy(update={"groups": groups, "on_call": frozenset({"cara"}), "quiet": frozenset({"dora"})})
    asked = event(5, "proposed", State.AWAITING)
    (reply,) = render.replies(waiting(CARAS, slots=("sre",)), [asked], names)
    assert reply.pages == ("U0DORA",)
    assert "U0CARA" not in str(reply.blocks)


def test_who_stands_in_for_somebody_of_the_rota_whose_turn_it_is_not_keeps_their_quiet_hours() -> None:
    rota = Group(title="on call", members=("cara", "ben"), mentions=("U0BEN",))
    groups = {**NIGHT.groups, "on-call": rota}
    names = NIGHT.model_copy(update={"groups": groups, "on_call": frozenset({"ben"}), "quiet": frozenset({"dora"})})
    assert "U0DORA" not in approvals.mentions(waiting(CARAS, slots=("sre",)), names)


def test_where_whoever_is_on_call_asked_themselves_the_others_who_may_decide_are_called() -> None:
    turn = NIGHT.groups["dba"].model_copy(update={"members": ("ben", "cara", "eva"), "mentions": ("U0BEN",)})
    names = NIGHT.model_copy(
        update={
            "groups": {**NIGHT.groups, "dba": turn},
            "on_call": frozenset({"ben"}),
            "quiet": frozenset({"eva"}),
            "accounts": {**NIGHT.accounts, "eva": ("U0EVA",)},
        }
    )
    bens: dict[str, Any] = {"slack_user": "U0BEN", "requester": "ben", "askers": ("ben",), "slots": ("dba",)}
    assert approvals.mentions(waiting(**bens), names) == ["U0CARA"]
    assert approvals.mentions(waiting(CARAS, **bens), names) == ["U0DORA"], "in the place of who is away"
    assert approvals.mentions(waiting(slots=("dba",)), names) == ["U0BEN"], "of another's request he alone is woken"
    second = waiting(slots=("dba", "dba"), approvals=(approval("ben", "Ben Ito"),))
    assert approvals.mentions(second, names) == ["U0CARA"], "he has said yes, and somebody else is lacking"
    reminded = tell.told(waiting(**bens), names, event(6, "called", State.AWAITING, body={"whom": "dba"}))
    assert reminded is not None
    assert reminded.wakes == ("U0CARA",)


def test_a_reminder_tells_a_stand_in_that_they_may_decide() -> None:
    reminded = event(6, "called", State.AWAITING, body={"whom": "sre"})
    told = tell.told(waiting(CARAS), NIGHT, reminded)
    assert told is not None
    assert "you may decide" in told.then
    assert "U0DORA" in told.wakes


def test_the_thread_says_for_whom_an_approval_was_given() -> None:
    given: Event = event(7, "approval", State.AWAITING, actor="dora", body={"for": "cara", "by": "r7"})
    told = tell.told(waiting(CARAS), NIGHT, given)
    assert told is not None
    assert told.said == "Dora Fell approved, for Cara Wu (delegated by r7)."


def test_whom_an_answer_concerns_is_called_and_told_directly() -> None:
    answer = Answer(headline="Dora Fell approves in place of Cara Wu", calls=("dora",), loud=True)
    (reply,) = render.replies(view(State.SUCCEEDED, answer=answer), [event(9, "ended", State.SUCCEEDED)], NIGHT)
    assert reply.pages == ("U0DORA",)
    assert {"type": "user", "user_id": "U0DORA"} in reply.blocks[-1]["elements"][0]["elements"]


def section(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    return list(line(*elements)["elements"])


def test_a_moment_that_a_handler_writes_is_each_readers_own() -> None:
    given = section(text("r7: Dora, for Cara, until 2026-03-06 12:00 UTC; from 2026-03-05 09:30 UTC on", bold=True))
    assert [one["type"] for one in given] == ["text", "date", "text", "date", "text"]
    assert given[1] == {
        "type": "date", "timestamp": int((NOON + timedelta(days=2)).timestamp()),
        "format": "{date_short_pretty} at {time}", "fallback": "2026-03-06 12:00 UTC",
    }  # fmt: skip
    assert [one["text"] for one in given[::2]] == ["r7: Dora, for Cara, until ", "; from ", " on"]
    assert all(one["style"] == {"bold": True} for one in given[::2])


@pytest.mark.parametrize(
    "element",
    [
        text("until 2026-02-31 12:00 UTC"),  # there is no such day
        text("at 12:00 UTC"),
        text("starts=2026-03-06T12:00Z UTC", code=True),
        text("2026-03-06 12:00 UTC", code=True),
    ],
)
def test_what_is_code_or_no_moment_stays_as_it_is(element: dict[str, Any]) -> None:
    assert section(element) == [element]


def test_what_a_person_typed_stays_as_they_typed_it() -> None:
    asked = waiting(reason="as of 2026-03-06 12:00 UTC")
    (quote,) = [part for block in render.card(asked, NIGHT).blocks for part in block.get("elements", [])
                if part.get("type") == "rich_text_quote"]  # fmt: skip
    assert quote["elements"] == [text("as of 2026-03-06 12:00 UTC")]


@pytest.mark.parametrize("what", ["begins", "ends"])
@pytest.mark.parametrize("person", ["cara", "dora"])
def test_each_of_the_two_is_told_of_the_other_and_when(what: str, person: str) -> None:
    message = render.absence(7, what, person, "cara", "dora", CARAS.until, NIGHT)
    other, own = ("Dora Fell", "Cara Wu") if person == "cara" else ("Cara Wu", "Dora Fell")
    words = shown(message).words
    assert other in words
    assert own not in words
    assert message.text.startswith("r7: ")
    assert moment(CARAS.until) in message.blocks[0]["elements"][1]["elements"]
