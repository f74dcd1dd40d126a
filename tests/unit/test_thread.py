"""Which message of a thread is a double."""

from typing import Any

from bot.thread.occasions import doubles


def said(kind: str, first: int, last: int) -> dict[str, Any]:
    return {"run": 1, "kind": kind, "from_seq": first, "to_seq": last}


def test_of_two_that_tell_the_same_the_older_stays() -> None:
    assert doubles([(said("several", 2, 4), "10.1"), (said("several", 2, 4), "11.1")], None) == ["11.1"]


def test_of_two_that_begin_alike_the_one_that_tells_more_stays() -> None:
    assert doubles([(said("several", 2, 4), "10.1"), (said("several", 2, 7), "11.1")], None) == ["10.1"]


def test_what_tells_no_event_is_no_double_of_another_such() -> None:
    mine = [(said("untold:ops", 0, 0), "10.1"), (said("untold:web", 0, 0), "11.1"), (said("untold:ops", 0, 0), "12.1")]
    assert doubles(mine, None) == ["12.1"]


def test_the_card_that_is_edited_stays_and_replies_are_not_taken_for_it() -> None:
    mine = [(said("card", 0, 0), "10.1"), (said("card", 0, 0), "11.1"), (said("ended", 9, 9), "12.1")]
    assert doubles(mine, "11.1") == ["10.1"]
