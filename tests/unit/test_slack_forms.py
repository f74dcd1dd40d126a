"""What stands in a form is read as a typed line is: invisible characters gone, each value as the form writes it."""

from datetime import datetime
from typing import Literal

import pytest

from bot.effect import Secret
from bot.fields import fields
from bot.operation import Input
from bot.parse import Known
from bot.slack import forms
from bot.words import split, strip


class Params(Input):
    text: str = ""
    many: bool = False
    mode: Literal["all", "few"] = "all"
    at: datetime | None = None
    count: int = 1
    password: Secret | None = None


SPECS = fields(Params)
HIDDEN = ["mail ana@exa\u00admple.com now", "xo\u200bxb-1234-abcd", "pass\u200bword=hunter2"]


@pytest.mark.parametrize("typed", HIDDEN)
def test_an_invisible_character_hides_no_secret_and_no_address_in_a_form(typed: str) -> None:
    given, _ = forms.texts({"text": {"value": typed}}, SPECS)
    faults = forms.build(Params, SPECS, given, {}, Known())
    assert isinstance(faults, dict)
    assert "leave it out" in faults["text"]


def test_a_form_gives_no_character_that_turns_text_around_and_leaves_a_secret_as_it_is() -> None:
    given, secrets = forms.texts({"text": {"value": "a\u202eb"}, "password": {"value": " a\u200bb "}}, SPECS)
    assert given["text"] == "ab"
    assert secrets["password"].reveal() == " a\u200bb "


def test_what_was_written_over_several_lines_stays_so() -> None:
    given, _ = forms.texts({"text": {"value": " first\r\nsecond \u200b\n\tthird "}}, SPECS)
    assert given["text"] == "first\nsecond \n third"
    assert strip(" first\r\nsecond ") == "first  second", "a line has none"


def test_a_reason_that_was_begun_and_not_gone_on_with_ends_without_its_colon() -> None:
    class Writes(Input):
        reason: str

    given, _ = forms.texts({"reason": {"value": "About https://x.example/1: "}}, fields(Writes))
    assert given == {"reason": "About https://x.example/1"}


@pytest.mark.parametrize("yes", ["true", "on", "1", "YES", "yes"])
def test_a_switch_that_a_line_would_take_is_one_in_its_form(yes: str) -> None:
    assert forms.guessed(split(f"many={yes}"), SPECS) == ({"many": "yes"}, ())


def test_a_choice_in_other_letters_is_the_choice_and_a_moment_is_in_utc() -> None:
    given, unread = forms.guessed(split("mode=FEW at=2026-03-04T12:00+01:00 count=+3"), SPECS)
    assert given == {"mode": "few", "at": "2026-03-04T11:00:00Z", "count": "3"}
    assert unread == ()


def test_what_cannot_be_read_is_left_out_and_named() -> None:
    given, unread = forms.guessed(split("at=monday mode=some count=abc many=perhaps text=x"), SPECS)
    assert given == {"text": "x"}
    assert unread == ("many", "mode", "at", "count")
    assert forms.guessed(split("at=2026-03-04T12:00"), SPECS) == ({}, ("at",))
