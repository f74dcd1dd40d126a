"""Nobody decides: who is called besides, who is called again, and who is not, and that each is said by name."""

from typing import Any

from bot import render
from bot.model import Event, State
from bot.render import Group, Names
from bot.render.reminding import whom
from tests.unit.rendered import NAMES, approval, event, shown, view

PEOPLE = {"ana": "Ana Lopes", "ben": "Ben Ito", "cara": "Cara Wu", "dora": "Dora Fell"}
ACCOUNTS = {person: (f"U0{person.upper()}",) for person in PEOPLE}


def house(*, on_call: str = "ben", quiet: tuple[str, ...] = (), joined: tuple[str, ...] = ()) -> Names:
    """Ben and Cara may decide and lead as well; whoever is on call is the only one whom their groups call."""

    def group(title: str, *members: str) -> Group:
        called = [p for p in members if p == on_call] or [p for p in members if p not in quiet]
        return Group(title=title, members=members, mentions=tuple(ACCOUNTS[p][0] for p in called))

    groups = {"dba": group("database people", "ben", "cara"), "lead": group("team leads", "cara", "ben")}
    return NAMES.model_copy(
        update={
            "people": PEOPLE, "accounts": ACCOUNTS, "groups": {**groups, "on-call": group("on call", on_call)},
            "on_call": frozenset({on_call}), "quiet": frozenset(quiet), "joined": frozenset(joined),
        }
    )  # fmt: skip


def reminder(seq: int = 600, group: str = "lead") -> Event:
    return event(seq, "called", State.AWAITING, body={"whom": group})


def told(names: Names, *events: Event, **more: Any) -> tuple[str, str]:
    """What the last of these events says, and whom it calls."""
    waits = view(State.AWAITING, list(events), slots=("dba",), **more)
    (message,) = render.replies(waits, [events[-1]], names)
    return shown(message).words, str([block for block in message.blocks if "user_id" in str(block)])


def test_whoever_was_not_called_before_is_called_now_also_where_somebody_is_on_call() -> None:
    words, calls = told(house(), reminder())
    assert "Nobody has decided for 10m: Cara Wu (team leads) is called as well." in words
    assert "because you may decide" in words
    assert "U0CARA" in calls
    assert "U0BEN" not in calls


def test_where_everybody_was_called_they_are_called_again() -> None:
    words, calls = told(house(), reminder(), reminder(1200, "on-call"))
    assert "Nobody has decided for 20m: Ben Ito (on call) is called again." in words
    assert "U0BEN" in calls


def test_whom_quiet_hours_spare_is_said_and_not_called() -> None:
    words, calls = told(house(quiet=("cara",)), reminder())
    assert "Ben Ito (team leads) is called again. Cara Wu has quiet hours and is not called." in words
    assert "U0CARA" not in calls
    nobody, calls = told(house(on_call="dora", quiet=("ben", "cara")), reminder())
    assert "Nobody has decided for 10m, and nobody of team leads is called: " in nobody
    assert "have quiet hours." in nobody
    assert "You are called" not in nobody
    assert calls == "[]"


def test_who_is_called_by_the_list_of_what_waits_is_not_spoken_to_here() -> None:
    words, calls = told(house(joined=("U0CARA",)), reminder())
    assert "Cara Wu (team leads) is called as well." in words
    assert "You are called" not in words
    assert "The list of what waits for them calls them." in words
    assert calls == "[]"


def test_the_digest_is_asked_about_the_same_people() -> None:
    waits = view(State.AWAITING, [reminder()], slots=("dba",))
    assert render.called_to_decide(waits, house(), reminder()) == whom(waits, house(), reminder()) == ("U0CARA",)


def test_who_asked_or_has_decided_is_not_called() -> None:
    cara = told(house(), reminder(), requester="cara", askers=("cara",), slack_user="U0CARA")
    assert "Ben Ito (team leads) is called again." in cara[0]
    decided = view(State.AWAITING, [reminder()], slots=("dba", "dba"), approvals=(approval("cara", "Cara Wu"),))
    assert whom(decided, house(), reminder()) == ("U0BEN",)


def test_how_long_nobody_decided_is_told_by_the_minute() -> None:
    assert "for 4m:" in told(house(), reminder(241))[0]
    assert "for 41s:" in told(house(), reminder(41))[0]
