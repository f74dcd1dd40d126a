"""Series as pictures: whatever the numbers, a picture that can be read, or none."""

import struct
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.operation import Series
from bot.render.answer import ALT_MOST, described
from bot.render.plot import (
    BELOW,
    CURVE,
    FEWEST,
    HEIGHT,
    INK,
    PAPER,
    PEAK,
    QUIET,
    WIDTH,
    figures,
    marks,
    moments,
    plot,
    thinned,
    worded,
)

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
numbers = st.floats(allow_nan=True, allow_infinity=True)
times = st.timedeltas(timedelta(days=-730_000), timedelta(days=2_900_000)).map(lambda span: NOON + span)
words = st.text(max_size=200)


def series(*values: float, every: timedelta = timedelta(minutes=10), unit: str = "") -> Series:
    points = tuple((NOON + n * every, value) for n, value in enumerate(values))
    return Series(title="Lag of shop", unit=unit, points=points)


def drawn(of: Series) -> Image.Image:
    picture = plot(of)
    assert picture is not None
    return Image.open(BytesIO(picture)).convert("RGB")


@example("x", "B", [(NOON, 0.0), (NOON, 0.0)])
@example("x", "", [(NOON, 5e-324), (NOON, 0.0)])
@example("x", "", [(NOON, -1e299), (NOON + timedelta(seconds=1), 1e299)])
@example("x", "", [(datetime(1, 1, 2, tzinfo=UTC), 1.0), (datetime(9999, 12, 30, tzinfo=UTC), 2.0)])
@settings(max_examples=25, deadline=None)
@given(words, st.sampled_from(["", "B", "rows", "m" * 90]), st.lists(st.tuples(times, numbers), max_size=12))
def test_any_series_is_a_picture_of_that_size_or_none(title: str, unit: str, points: list) -> None:
    given_ = Series(title=title, unit=unit, points=tuple(points))
    picture = plot(given_)
    if picture is not None:
        assert struct.unpack(">II", picture[16:24]) == (WIDTH, HEIGHT)
        assert len(picture) < 200_000
    assert len(described(given_)) <= ALT_MOST


def test_without_two_numbers_there_is_no_picture() -> None:
    assert plot(series()) is None
    assert plot(series(3)) is None
    assert plot(series(float("nan"), 3, float("inf"))) is None


@given(st.lists(st.floats(-1e290, 1e290), min_size=1, max_size=9), st.sampled_from(["", "B"]))
def test_the_marks_enclose_the_values_and_are_few(values: list[float], unit: str) -> None:
    found = marks(values, unit)
    unseen = (found[-1] - found[0]) * 1e-9
    assert found[0] <= min(values) + unseen
    assert max(values) - unseen <= found[-1]
    assert all(a < b for a, b in pairwise(found))
    assert 2 <= len(found) <= 8


@given(st.floats(-1e6, 1e9), st.floats(1e-4, 10), st.sampled_from(["", "B"]))
def test_no_two_marks_have_one_name(low: float, share: float, unit: str) -> None:
    """Backups of 1.54 and 1.55 MiB were drawn between 1.54MiB, 1.54MiB, 1.55MiB and 1.55MiB."""
    found = marks([low, low + max(abs(low), 1e6) * share], unit)
    told = [worded(mark, unit, figures(found, unit)) for mark in found]
    assert len(set(told)) == len(found), told


def test_marks_have_no_more_figures_than_it_takes() -> None:
    assert [worded(mark, "", figures([0, 50, 100])) for mark in (0, 50, 100)] == ["0", "50", "100"]
    assert figures([1.0, 2.0]) == FEWEST


def test_marks_are_round_as_people_round() -> None:
    assert marks([40, 131]) == [0, 50, 100, 150]
    assert marks([-12, 12]) == [-20, -10, 0, 10, 20]
    assert marks([980, 1000]) == [980, 985, 990, 995, 1000]
    assert marks([1.1e9, 2.7e9], "B") == [0, 2**30, 2 * 2**30, 3 * 2**30]


@given(times, st.timedeltas(timedelta(), timedelta(days=40_000)))
def test_the_times_named_lie_inside_and_are_few(first: datetime, span: timedelta) -> None:
    start = first.timestamp()
    end = min(start + span.total_seconds(), datetime(9999, 12, 31, tzinfo=UTC).timestamp())
    found = moments(start, end)
    assert 1 <= len(found) <= 6
    assert all(start <= at <= end for at, _ in found)
    assert all(a < b for (a, _), (b, _) in pairwise(found))


def test_times_are_named_by_what_changes() -> None:
    at = NOON.timestamp()
    assert [name for _, name in moments(at, at + 3600)] == ["12:00", "12:15", "12:30", "12:45", "13:00"]
    assert [name for _, name in moments(at, at + 86400)] == ["12:00", "18:00", "5 Mar", "06:00", "12:00"]
    assert [name for _, name in moments(at, at + 20 * 86400)] == ["5 Mar", "12 Mar", "19 Mar"]


def test_no_peak_is_lost_where_there_are_more_points_than_pixels() -> None:
    many = [(float(n), 1000.0 if n == 777_77 else float(n % 7)) for n in range(100_000)]
    kept = thinned(many, WIDTH)
    assert len(kept) <= 2 * WIDTH + 4
    assert (77_777.0, 1000.0) in kept
    assert kept[0] == many[0]
    assert kept[-1] == many[-1]


def test_the_peak_is_marked_where_it_is_and_the_curve_is_below_it() -> None:
    picture = drawn(series(10, 12, 90, 11, 10))
    red = _places(picture, PEAK)
    assert abs(sum(x for x, _ in red) / len(red) - (_left(picture) + WIDTH - 40) / 2) < 45
    blue = _places(picture, CURVE)
    assert min(y for _, y in blue) >= min(y for _, y in red)


def _places(picture: Image.Image, ink: str) -> list[tuple[int, int]]:
    wanted = tuple(bytes.fromhex(ink[1:]))
    pixels = list(zip(*[iter(picture.tobytes())] * 3, strict=True))
    inks = {pixel for pixel in set(pixels) if sum(abs(a - b) for a, b in zip(pixel, wanted, strict=True)) < 60}
    near = [n for n, pixel in enumerate(pixels) if pixel in inks]
    assert near
    return [(n % WIDTH, n // WIDTH) for n in near]


def _left(picture: Image.Image) -> int:
    return min(x for x, _ in _places(picture, BELOW))


def test_every_ink_can_be_read_on_its_paper() -> None:
    for ink in (INK, QUIET, CURVE, PEAK):
        assert (_light(PAPER) + 0.05) / (_light(ink) + 0.05) >= 4.5


def _light(colour: str) -> float:
    parts = [part / 255 for part in bytes.fromhex(colour[1:])]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_its_library_is_not_there_before_something_is_drawn() -> None:
    look = "import sys, bot.thread.poster, bot.slack; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look]).returncode == 0


def test_a_plot_in_words_has_unit_and_times() -> None:
    of = series(1.5 * 2**30, 2**30, 2**31, unit="B")
    assert described(of) == (
        "Lag of shop: lowest 1GiB at 04 Mar 12:10 UTC, highest 2GiB at 04 Mar 12:20 UTC, last 2GiB at 04 Mar 12:20 UTC."
    )
