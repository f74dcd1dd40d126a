"""The grammar of durations and sizes."""

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from bot.durations import (
    Duration,
    Size,
    about_duration,
    about_size,
    parse_duration,
    parse_size,
    print_duration,
    print_size,
)


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=100_000)))
def test_every_printed_duration_reads_back_as_itself(value: timedelta) -> None:
    assert parse_duration(print_duration(value)) == value


@given(st.integers(0, 2**60))
def test_every_printed_size_reads_back_as_itself(value: int) -> None:
    assert parse_size(print_size(value)) == value


@given(st.integers(0, 2**50))
@example(int(999.9 * 2**20))
def test_an_approximate_size_reads_back_within_one_percent(value: int) -> None:
    assert abs(parse_size(about_size(value)) - value) <= value * 0.01


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=1000)))
def test_an_approximate_duration_is_within_one_part_in_twenty(value: timedelta) -> None:
    assert abs(parse_duration(about_duration(value)) - value) <= value / 20


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90s", timedelta(seconds=90)),
        ("2h30m", timedelta(hours=2, minutes=30)),
        ("1d 6h", timedelta(days=1, hours=6)),
        ("15 minutes", timedelta(minutes=15)),
        ("1.5h", timedelta(minutes=90)),
        ("500MS", timedelta(milliseconds=500)),
        ("2w", timedelta(days=14)),
    ],
)
def test_people_write_durations_in_many_ways(text: str, value: timedelta) -> None:
    assert parse_duration(text) == value


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("30", "no unit; type e.g. 30s"),
        ("1 month", "type days"),
        ("soon", "type e.g. 90s"),
        ("", "type e.g."),
        ("-5m", "type e.g."),
        ("5m3", "type e.g."),
        ("99999999999999999999d", "longer than can be counted"),
        ("999999999d 1d", "longer than can be counted"),
    ],
)
def test_what_is_no_duration_is_refused_with_what_to_type(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match="type") as refused:
        parse_duration(text)
    assert hint in str(refused.value)


@pytest.mark.parametrize("text", ["12", "5 apples", "-1MB", ""])
def test_what_is_no_size_is_refused_with_what_to_type(text: str) -> None:
    with pytest.raises(ValueError, match=r"type e\.g\. 800B"):
        parse_size(text)


def test_decimal_and_binary_units_differ() -> None:
    assert (parse_size("1.5GB"), parse_size("1.5GiB")) == (1_500_000_000, 1_610_612_736)


def test_settings_take_the_same_words_and_keep_their_json() -> None:
    class Block(BaseModel):
        lasting: Duration
        most: Size

    block = Block.model_validate({"lasting": "30m", "most": "1KiB"})
    assert (block.lasting, block.most) == (timedelta(minutes=30), 1024)
    assert Block.model_validate_json(block.model_dump_json()) == block
    with pytest.raises(ValidationError, match=r"type e\.g\. 90s"):
        Block.model_validate({"lasting": "soon", "most": 1})


def test_a_negative_duration_or_size_is_never_printed() -> None:
    with pytest.raises(ValueError, match="never negative"):
        print_duration(timedelta(seconds=-1))
    with pytest.raises(ValueError, match="never negative"):
        print_size(-1)
