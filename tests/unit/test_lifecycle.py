"""A run's life as one table; the page in docs/ is drawn from it."""

from pathlib import Path

import pytest

from bot.lifecycle import MOVES, SENTENCES, IllegalMove, advance, drawing, ended, signals
from bot.model import ENDS, Signal, State

PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"


def test_the_page_shows_the_table_as_it_is() -> None:
    shown = PAGE.read_text().split("```mermaid\n")[1].split("```")[0]
    assert shown == drawing(), "docs/lifecycle.md: replace the diagram by bot.lifecycle.drawing()"


def test_the_page_says_every_state_in_the_words_people_see() -> None:
    page = PAGE.read_text()
    assert [state for state, words in SENTENCES.items() if f"| `{state}` | {words} |" not in page] == []


def test_every_state_has_its_sentence_and_can_be_reached() -> None:
    assert set(SENTENCES) == set(State)
    assert set(MOVES.values()) == set(State)


def test_an_end_takes_no_signal_and_every_other_state_leads_to_one() -> None:
    for state in State:
        assert ended(state) == (state in ENDS) == (not signals(state))
    leads = set(ENDS)
    for _ in State:
        leads |= {at for (at, _), to in MOVES.items() if at is not None and to in leads}
    assert leads == set(State)


@pytest.mark.parametrize("state", [None, *State])
@pytest.mark.parametrize("signal", list(Signal))
def test_a_signal_leads_where_the_table_says_or_nowhere(state: State | None, signal: Signal) -> None:
    if (state, signal) in MOVES:
        assert advance(state, signal) is MOVES[state, signal]
    else:
        with pytest.raises(IllegalMove):
            advance(state, signal)


def test_only_approval_or_a_plan_that_needs_none_leads_to_queued_and_only_from_there_it_starts() -> None:
    assert {key for key, to in MOVES.items() if to is State.QUEUED} == {
        (State.AWAITING, Signal.APPROVE),
        (State.PLANNING, Signal.ADMIT),
        (State.IN_DOUBT, Signal.RETURN),  # it was queued before
    }
    assert {at for (at, _), to in MOVES.items() if to is State.RUNNING} == {State.QUEUED, State.WAITING, State.IN_DOUBT}


def test_silence_is_an_end_of_its_own_and_no_denial() -> None:
    assert advance(State.AWAITING, Signal.EXPIRE) is State.EXPIRED
    assert advance(State.AWAITING, Signal.DENY) is State.DENIED


def test_nothing_that_has_started_is_cancelled_from_outside_but_through_its_way_back() -> None:
    assert Signal.CANCEL not in signals(State.WAITING) | signals(State.IN_DOUBT)
