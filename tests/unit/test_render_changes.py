"""What a plan that is asked anew says of the one before: in the thread, on the card, in lists and on a lock screen."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from bot import render
from bot.connectors.mail import Send
from bot.connectors.users import Ban, Unban
from bot.model import Event, State
from bot.operation import Database, IfFails, Plan, Step
from bot.render import words
from bot.render.lists import one
from bot.view import Brief
from tests.unit.rendered import HOSTILE, NAMES, NOON, event, mrkdwn, plan, shown, view

BEFORE = {"database": "shop", "backup": "nightly-0411", "over": "PT10M", "most": None, "reason": "drill"}
NOW = {"database": "shop", "backup": "nightly-0412", "over": "PT15M", "most": 3, "reason": 'a "real" one'}
CHANGES = ("backup: nightly-0411 → nightly-0412", "changed: Load it: Take name=a → Take name=b")


def asked_anew(*changes: str, kind: str = "proposed") -> list[Event]:
    body = {"before": "cd" * 32, "changes": list(changes)}
    amended = event(4, "amended", State.PLANNING, actor="ana")
    return [event(2, "proposed", State.AWAITING), amended, event(6, kind, State.AWAITING, body=body)]


def test_values_that_changed_are_named_with_what_they_were_and_the_reason_comes_last() -> None:
    assert render.values(BEFORE, NOW) == [
        "backup: nightly-0411 → nightly-0412",
        "over: 10m → 15m",
        "most: none → 3",
        "reason: drill → \"a 'real' one\"",
    ]
    assert render.values(BEFORE, BEFORE) == []
    assert render.values({**BEFORE, "gone_by": 1}, BEFORE) == ["gone-by: 1 → none"]


@pytest.mark.parametrize("kind", ["proposed", "differed"])
def test_card_thread_and_lock_screen_name_what_changed(kind: str) -> None:
    events = asked_anew(*CHANGES, kind=kind)
    waits = view(State.AWAITING, events)
    (reply,) = render.replies(waits, events[-1:], NAMES)
    card = render.card(waits, NAMES)
    for message in (reply, card):
        assert all(change in shown(message).words for change in CHANGES)
    assert CHANGES[0] in reply.text, "the direct message that calls an approver is made of it"
    assert "Asked by Ana Lopes" in reply.text
    assert all(change in str(render.details(waits, NAMES)) for change in CHANGES)


def test_who_changed_it_is_named_where_it_calls() -> None:
    events = asked_anew(*CHANGES)
    (reply,) = render.replies(view(State.AWAITING, events), events[-1:], NAMES)
    assert "Changed by Ana Lopes" in reply.text
    assert "Changed by" not in render.replies(view(State.AWAITING, events), events[:1], NAMES)[0].text


def test_an_amendment_that_changes_nothing_says_so() -> None:
    events = asked_anew()
    waits = view(State.AWAITING, events)
    for message in (render.replies(waits, events[-1:], NAMES)[0], render.card(waits, NAMES)):
        assert "the same as the one before" in shown(message).words


def test_a_first_plan_has_nothing_before_it_and_one_that_starts_says_it_no_more() -> None:
    first = asked_anew()[:1]
    started = view(State.RUNNING, asked_anew(*CHANGES))
    for message in (render.card(view(State.AWAITING, first), NAMES), render.card(started, NAMES)):
        assert "the one before" not in shown(message).words
        assert CHANGES[0] not in shown(message).words


def test_many_changes_say_how_many_are_left_out_and_where_they_are() -> None:
    events = asked_anew(*(f"new step: part {n}" for n in range(40)))
    waits = view(State.AWAITING, events)
    for message in (render.replies(waits, events[-1:], NAMES)[0], render.card(waits, NAMES)):
        words = shown(message).words
        assert "part 0\n" in words
        assert "part 39" not in words
        assert "and 28 more: Details has them" in words
    assert "and 3" in render.replies(waits, events[-1:], NAMES)[0].text
    assert "part 39" in str(render.details(waits, NAMES))


def test_what_people_typed_in_it_stays_plain_characters() -> None:
    (change,) = render.values({"reason": "drill"}, {"reason": HOSTILE})
    events = asked_anew(change)
    waits = view(State.AWAITING, events)
    for message in (render.replies(waits, events[-1:], NAMES)[0], render.card(waits, NAMES)):
        assert "<!channel>" not in message.text
        assert not [part for part in mrkdwn(message.blocks) if "Approved by Ben" in part]
        assert "\u202e" not in shown(message).words


def test_a_list_from_which_one_decides_names_it_too() -> None:
    brief = Brief(
        id=142, tag="r142", command="ops db restore", params={"database": "shop"}, state=State.AWAITING, risk=2,
        requester_name="Ana Lopes", reason="drill", channel="C0OPS", card_ts="1.2", moved_at=NOON, changes=CHANGES,
    )  # fmt: skip
    assert CHANGES[0] in str(one(brief, review=True))
    assert "and 1 more" in str(one(brief, review=True)) or CHANGES[1] in str(one(brief, review=True))


def test_a_step_that_changed_names_what_is_different_in_it_and_nothing_else() -> None:
    before = plan()
    safety, load, swap, *rest = before.steps
    other = replace(load, does=load.does.model_copy(update={"name": "b"}), undo=None, leaves="a copy")
    asks = replace(swap, if_fails=IfFails.ASK)
    grown = before.loses[0].model_copy(update={"now": 50, "at_most": 80})
    now = before.model_copy(update={"steps": (safety, other, asks, *rest), "loses": (grown,)})
    was = "now 7 minutes, at most 37 minutes when it starts"
    grew = f"now 50 minutes, at most 80 minutes when it starts (before: {was})"
    assert render.differences(before, now) == [
        "changed: Load it: name=shop_r142_new → b; undone by Take database=shop name=drop → not; leaves: none → a copy",
        "changed: Swap the databases: if fails: undo → ask",
        f"lost now: every write since the backup: {grew}",
    ]


def test_what_needs_no_approval_any_more_says_what_changed_as_well() -> None:
    (admitted,) = asked_anew(CHANGES[0], kind="admitted")[-1:]
    (reply,) = render.replies(view(State.QUEUED, slots=()), [admitted], NAMES)
    assert CHANGES[0] in shown(reply).words


def test_a_step_that_is_another_only_by_what_was_asked_is_not_told_twice() -> None:
    asked = {"lasting": "P7D", "reason": "spam"}, {"lasting": "P30D", "reason": "spam, again"}
    before, now = (banning(timedelta(days=days), why) for days, why in ((7, "spam"), (30, "spam, again")))
    (mail,) = render.differences(before, now, words.moved(*asked))
    assert mail == 'changed: Mail them: lasting="for 7d" → "for 30d"'
    for_good = {"lasting": None, "reason": "spam"}
    assert render.differences(before, now, words.moved(for_good, asked[1])) == [mail], "36500d says nothing to anybody"
    assert "reason=spam →" in "".join(render.differences(before, now)), "where nothing else says it, the step does"


def test_what_only_machines_read_is_told_where_nothing_else_changed() -> None:
    before, now = banning(timedelta(days=7), "spam"), banning(timedelta(days=7), "spam", expect=NOON)
    assert render.differences(before, now) == ["changed: Ban them: expect=none → 2026-03-04T12:00:00Z"]
    assert render.differences(before, before) == []


def banning(lasting: timedelta, reason: str, expect: datetime | None = None) -> Plan:
    """A ban, its way back and the mail about it."""
    user, shop = UUID(int=1), Database(key="shop")
    ban = Ban(database=shop, user_id=user, ban="ban-r142", lasting=lasting, reason=reason, expect=expect)
    back = Unban(database=shop, user_id=user, ban="ban-r142", reason=reason)
    values = (("lasting", f"for {lasting.days}d"), ("reason", reason), ("reference", "r142"))
    mail = Send(to="user/shop/1", template="banned", values=values)
    steps = (Step("ban", ban, undo=back, tells="Ban them"), Step("mail", mail, leaves="a mail", tells="Mail them"))
    return Plan(sentence="Ban a user", steps=steps)
