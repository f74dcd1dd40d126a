"""The direct message for whom a reply pages: what happened, why they are called, what to do, until when."""

from typing import Any

import pytest

from bot import render
from bot.model import Doubt, Event, State
from bot.operation import Answer
from bot.render import Group
from bot.render.blocks import moment
from bot.view import RunView
from tests.unit.rendered import NAMES, NOON, event, question, shown, view

LINK = "https://example.slack.com/archives/C1/p1"
CALLED = NAMES.model_copy(
    update={
        "accounts": {p: (f"U0{p.upper()}",) for p in ("ana", "ben", "cara", "dora")},
        "people": {**NAMES.people, "dora": "Dora Fell"},
        "groups": {
            **NAMES.groups,
            "lead": Group(title="leads", members=("dora",), mentions=("U0DORA",)),
            "on-call": Group(title="on call", members=("ben", "dora"), mentions=("U0BEN", "U0DORA")),
        },
    }
)


def paged(waits: RunView, last: Event) -> tuple[render.Message, render.Message]:
    """The reply, and what those whom it pages get."""
    (reply,) = render.replies(waits, [last], CALLED)
    assert reply.pages
    return reply, render.page(reply, LINK)


def dates(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, (list, tuple)):
        return [found for part in node for found in dates(part)]
    if not isinstance(node, dict):
        return []
    return [node] if node.get("type") == "date" else [found for part in node.values() for found in dates(part)]


@pytest.mark.parametrize(
    ("whom", "why"),
    [
        ("dba", "You are called because you may decide: Approve, Deny or Ask back on its card."),
        ("lead", "You are called to find somebody who may decide: Ben Ito or Cara Wu."),
    ],
)
def test_who_is_called_besides_reads_why_in_the_direct_message_too(whom: str, why: str) -> None:
    waits = view(State.AWAITING)
    _, told = paged(waits, event(600, "called", State.AWAITING, body={"whom": whom}))
    words = shown(told).words
    assert "r142 ops db restore shop" in words
    assert "Nobody has decided for 10m" in words
    assert why in words
    assert why in told.text
    assert "Asked by Ana Lopes" in words
    assert waits.expires_at
    assert dates(told.blocks) == [moment(waits.expires_at)]
    assert told.text.endswith("stands until 04 Mar 12:30 UTC.")
    assert LINK in str(told.blocks)


@pytest.mark.parametrize("kind", ["proposed", "differed", "called", "expiring"])
def test_no_direct_message_speaks_of_this_thread_and_none_is_long(kind: str) -> None:
    lengthy = view(State.AWAITING, plan=None, requester_name="Ana Lopes " * 7)
    for waits in (view(State.AWAITING), lengthy):
        reply, told = paged(waits, event(600, kind, State.AWAITING, body={"whom": "dba"}))
        assert "this thread" in shown(reply).words
        assert "this thread" not in f"{shown(told).words} {told.text}"
        assert "its card" in shown(told).words.casefold()
        assert len(told.text) <= 300
        assert told.text.endswith("stands until 04 Mar 12:30 UTC.")


def test_an_end_pages_with_its_reasons_and_without_mentions() -> None:
    answer = Answer(headline="shop has no backup younger than a day", calls=("dora",), loud=True)
    _, told = paged(view(State.SUCCEEDED, answer=answer), event(9, "ended", State.SUCCEEDED))
    assert "shop has no backup younger than a day" in shown(told).words
    assert "until" not in shown(told).words
    assert '"user"' not in str(told.blocks)
    given = {"database": "shop"}
    unattended = view(State.FAILED, slack_user=None, requester=None, requester_name="", ended_at=NOON, given=given)
    _, told = paged(unattended, event(9, "ended", State.FAILED))
    assert "If it is still needed, type it again: /ops db restore database=shop" in shown(told).words


@pytest.mark.parametrize(
    ("kind", "state", "body"),
    [
        ("broke", State.FAILED, {"why": "the vault cannot be reached"}),
        ("refused", State.REFUSED, {"sentence": "The server of shop has no database under its name."}),
        ("refused", State.REFUSED, {"code": "held", "by": "r141"}),
        ("doubt", State.IN_DOUBT, {}),
    ],
)
def test_what_nobody_asked_for_pages_also_where_it_does_not_begin_or_stops_and_asks(
    kind: str, state: State, body: dict[str, str]
) -> None:
    asks = question(Doubt.EFFECT).model_copy(update={"seq": 9}) if kind == "doubt" else None
    last = event(9, kind, state, body=body)
    for asker, called in ((None, ["U0BEN", "U0DORA"]), ("U0ANA", ["U0ANA"])):
        (reply,) = render.replies(view(state, slack_user=asker, slots=(), question=asks), [last], CALLED)
        assert [one for one in ("U0ANA", "U0BEN", "U0DORA") if one in str(reply.blocks)] == called
        assert list(reply.pages) == ([] if asker else called)
