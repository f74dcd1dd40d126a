"""The app's home: what waits, favourites and what one asked for, within what Slack takes."""

from typing import Any

from bot.model import Risk, State
from bot.render.lists import home, stranger_home
from bot.render.picker import Item, picker
from bot.view import Favourite
from deploy.local.slack.client import shown_text
from deploy.local.slack.limits import check_view
from tests.unit.rendered import NOON, brief


def labels_of(blocks: list[dict[str, Any]]) -> list[str]:
    buttons = [e for b in blocks for e in (*b.get("elements", ()), b.get("accessory", {})) if e.get("type") == "button"]
    return [one["text"]["text"] for one in buttons]


def test_home_holds_many_runs_within_slacks_limits() -> None:
    many = [brief(n) for n in range(1, 60)]
    drawn = home(many, many, many, many, NOON)
    check_view(drawn)
    assert "Look and decide" in str(drawn)
    check_view(stranger_home("Your account is not listed."))
    check_view(home([], [], [], [], NOON))


def test_home_offers_what_one_asked_for_and_what_has_ended_once_more() -> None:
    ran, runs_ = (brief(n, state) for n, state in ((7, State.SUCCEEDED), (8, State.RUNNING)))
    mine = home((), (), (ran, runs_), (), NOON)["blocks"]
    assert labels_of(mine)[1:] == ["Ask again", "☆ Keep as favourite", "Details"]
    assert labels_of(home((), (), (), (ran,), NOON)["blocks"])[1:] == ["Details"]


def test_home_lists_the_favourites_and_offers_no_star_twice() -> None:
    kept = Favourite(id=3, command="ops db backup", values={"database": "shop"}, run=7)
    blocks = home((), (), (brief(7, State.SUCCEEDED),), (), NOON, (kept,))["blocks"]
    assert labels_of(blocks)[1:] == ["Open the form", "Remove", "Ask again"]
    assert "★ /ops db backup database=shop" in str(blocks)


def test_a_full_home_is_one_that_slack_takes_with_room_to_spare() -> None:
    many = [brief(n, State.SUCCEEDED) for n in range(30)]
    kept = [Favourite(id=n, command="ops db backup", values={"database": f"shop{n}"}) for n in range(20)]
    view = home(many, list(many), list(many), list(many), NOON, kept)
    check_view(view, margin=0.1)
    assert "opening this page renews it" in str(view["blocks"][-1])
    shown_there = labels_of(view["blocks"]).count("Open the form")
    assert f"and {20 - shown_there} more: type /ops" in shown_text(view)


def test_every_favourite_stands_on_a_home_that_has_room_and_above_the_list_to_choose_from() -> None:
    kept = [Favourite(id=n, command="ops db backup", values={"database": f"shop{n}"}) for n in range(20)]
    roomy = home((), (), [brief(7, State.SUCCEEDED)] * 5, (), NOON, kept)
    many = [Item(words=f"ops a{n}", summary="much", risk=Risk.READ) for n in range(100)]
    for one in (roomy, picker("d", "", many, kept)):
        check_view(one, margin=0.1)
        assert [n for n in range(20) if f"database=shop{n}\n" not in f"{shown_text(one)}\n"] == []
    assert labels_of(roomy["blocks"]).count("Remove") == 20
    assert "and 40 more" in shown_text(picker("d", "", many, kept))
