"""Personal values as plain values: what is equal, what is shown, what is refused, what is said back."""

import json
from typing import Annotated

import pytest
from pydantic import ValidationError

from bot.fields import fields
from bot.model import Record
from bot.operation import Call, Database, Input, Looks, Offer, Personal
from bot.parse import Code, Fault, Known, line, read, words_of
from bot.personal import HIDDEN, mask, normal, shown
from bot.seal import InvalidTag, PersonalSeal
from bot.slack.forms import guessed

ONE, TWO = (f"p-{digit * 32}" for digit in "12")
SEAL = PersonalSeal(b"k" * 32)


class Find(Input):
    database: Database
    email: Annotated[Personal, Looks.MAIL]
    phone: Annotated[Personal | None, Looks.PHONE] = None
    most: int = 3
    note: str = ""


KNOWN = Known(targets={"database": ("shop",)})


def typed(text: str) -> Find | Fault:
    words = words_of(text)
    return words if isinstance(words, Fault) else read("ops user find", Find, words, KNOWN)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jo@X.com", "jo@x.COM"),
        ("jo @ x.com", "jo@x.com"),
        ("ＪＯ@x.com", "jo@x.com"),
        ("+49 (170) 123-4567", "+491701234567"),
        ("0049 170 1234567", "+49 170 1234567"),
        ("4111 1111 1111 1111", "4111111111111111"),
        ("Jo  Doe", "jo doe"),
    ],
)
def test_one_value_written_in_two_ways_is_one(one: str, other: str) -> None:
    assert normal(one) == normal(other)
    assert SEAL.lookup(one) == SEAL.lookup(other)


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("jo@x.com", "j…@x.com"),
        ('o"<!channel>*@x.com', "o…@x.com"),
        ("+49 170 1234567", "…67"),
        ("4111 1111 1111 1111", "…1111"),
        ("Jo Doe", "J…"),
        ("12345", "1…"),
        ('"', "…"),
    ],
)
def test_a_mask_shows_little_and_stands_in_any_text(value: str, seen: str) -> None:
    assert mask(value) == seen
    assert json.loads(f'"{mask(value)}"') == seen


@pytest.mark.parametrize(
    ("text", "looks", "why"),
    [
        ("j…@x.com", None, "only stands for a value"),
        (ONE, None, "only stands for a value"),
        ("", None, "1 to 300"),
        ("x" * 301, None, "1 to 300"),
        ("jo", Looks.MAIL, "no mail address"),
        ("jo@x", Looks.MAIL, "no mail address"),
        ("jo@x.com", Looks.PHONE, "no phone number"),
        ("12", Looks.PHONE, "no phone number"),
    ],
)
def test_what_is_no_such_value_is_refused_without_being_repeated(text: str, looks: Looks | None, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        Personal.typed(text, looks)
    assert len(text) < 3 or text not in str(refused.value)


def test_what_was_typed_is_written_nowhere_before_it_has_a_token() -> None:
    params = typed("shop jo@x.com")
    assert isinstance(params, Find)
    assert "jo@x.com" not in repr(params) + str(params.email)
    with pytest.raises(ValueError, match="recorded under a token"):
        params.model_dump(mode="json")
    assert line("ops user find", params) == "/ops user find shop •••"


def test_nothing_but_a_token_is_taken_for_one() -> None:
    stored = {"database": "shop", "email": ONE}
    assert Find.model_validate(stored).model_dump(mode="json")["email"] == ONE
    with pytest.raises(ValidationError) as refused:
        Find.model_validate({**stored, "email": "jo@x.com"})
    assert "pass on the field itself" in str(refused.value.errors(include_input=False))


class Seen(Record):
    sentence: str
    email: Personal
    more: dict[str, tuple[str, ...]]
    offer: Offer


def test_masks_stand_for_tokens_everywhere_but_in_what_is_asked_again() -> None:
    offer = Offer(label=f"Find {ONE}", call=Call(command="ops user find", params={"email": ONE}))
    seen = Seen(sentence=f"Ban {ONE}, not {TWO}", email=Personal(ONE), more={"a": (ONE,)}, offer=offer)
    found = shown(seen, {ONE: "j…@x.com"}, leaving=(Call,))
    assert found.sentence == f"Ban j…@x.com, not {HIDDEN}"
    assert (str(found.email), found.more) == ("j…@x.com", {"a": ("j…@x.com",)})
    assert (found.offer.label, found.offer.call.params) == ("Find j…@x.com", {"email": ONE})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("shop jo@x.com most=many", Code.INVALID),
        ("shp jo@x.com", Code.UNKNOWN_TARGET),
        ("shop email=jo@x.com,", Code.INVALID),
        ("shop jo@x.com +491701234567 4 note extra jo@y.com", Code.TOO_MANY),
        ("shop emial=jo@x.com", Code.LEAK),
        ("shop emial=+491701234567", Code.UNKNOWN_KEY),
        ("shop +491701234567", Code.INVALID),
        ("shop phone=1701234567x email=jo@x.com", Code.INVALID),
        ("shop email=a@x.com jo@x.com", Code.INVALID),
        ("shop email=a@x.com +491701234567 4 jo@x.com", Code.LEAK),
        ("shop email=a@x.com phone=+491711234567 4 1701234567", Code.LEAK),
        ("jo@x.com", Code.MISSING),
        ('shop "jo@x.com', Code.QUOTE),
        ('shop email="jo@x.com"x', Code.QUOTE),
    ],
)
def test_a_faulty_line_is_never_said_back_with_a_persons_value(text: str, code: Code) -> None:
    fault = typed(text)
    assert isinstance(fault, Fault)
    assert fault.code is code, fault
    for value in ("jo@", "a@x", "1701234567"):
        assert value not in fault.sentence + fault.line, fault


@pytest.mark.parametrize(
    "text", ["jo@x.com", "most=many jo@x.com +491701234567", "email=jo@x.com shop", "x shop 1701234567"]
)
def test_a_faulty_line_leaves_no_value_in_the_draft_of_its_form(text: str) -> None:
    words = words_of(text)
    assert isinstance(words, tuple)
    left, _ = guessed(words, fields(Find))
    assert not [value for value in left.values() if "jo@" in value or "1701234567" in value], left


def test_a_target_that_was_mistyped_is_still_put_right() -> None:
    fault = typed("shp jo@x.com")
    assert isinstance(fault, Fault)
    assert fault.line == "/ops user find shop j…@x.com"


def test_a_box_opens_for_its_subject_its_token_and_its_part_alone() -> None:
    jo, kim = SEAL.subject("jo@x.com"), SEAL.subject("kim@x.com")
    box = SEAL.box(jo, ONE, "value", "jo@x.com")
    assert SEAL.unbox(jo.id, jo.wrapped, ONE, "value", box) == "jo@x.com"
    wrong = [
        (jo.id, jo.wrapped, TWO, "value"), (jo.id, jo.wrapped, ONE, "mask"), (kim.id, kim.wrapped, ONE, "value"),
        (kim.id, jo.wrapped, ONE, "value"), (jo.id, kim.wrapped, ONE, "value"),
    ]  # fmt: skip
    for subject, wrapped, token, part in wrong:
        with pytest.raises(InvalidTag):
            SEAL.unbox(subject, wrapped, token, part, box)
    with pytest.raises(InvalidTag):
        PersonalSeal(b"l" * 32).unbox(jo.id, jo.wrapped, ONE, "value", box)
