"""A series as a picture: readable on a phone, and as well beside a light Slack as in a dark one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING

from bot.durations import about_size
from bot.operation import Series
from bot.render.escape import one_line

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

WIDTH, HEIGHT = 900, 540  # pixels: three for each of a phone's
FINE = 2  # drawn so many times larger and made smaller: that rounds the edges
LEFT, RIGHT, TOP, BOTTOM = 26, 40, 118, 58  # pixels around the curve; what names the values comes on top of LEFT
TEXT, TITLE = 30, 36  # pixels: eleven and thirteen on a phone
# its own paper, so that it needs nothing of what is around it; each ink has more than 4.5 to 1 on it
PAPER, INK, QUIET, GRID = "#ffffff", "#1d1c1d", "#5b5a5c", "#dcdbdd"
CURVE, BELOW, PEAK = "#1264a3", "#dcebf6", "#b3261e"
LINES = 4  # across, about
FEWEST, MOST = 3, 9  # figures of a value
LABELS = 5  # of time, at most
SECONDS = (1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
           1209600, 2592000, 7776000, 31536000, 157680000, 315360000, 3153600000, 31536000000)  # fmt: skip
DAY, YEAR = 86400, 31536000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST = 1e300  # beyond it sums overflow

Box = tuple[float, float, float, float]  # left, top, right, bottom
Points = list[tuple[float, float]]  # (seconds since 1970, value)


def plot(series: Series) -> bytes | None:
    """A PNG; None where there is no shape: fewer than two finite values. Loads its library when it is first called."""
    points = _points(series)
    if len(points) < 2:
        return None
    from PIL import Image, ImageDraw

    large = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), PAPER)
    _Sheet(ImageDraw.Draw(large), series, points).draw()
    picture = large.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).quantize(64)
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


def _points(series: Series) -> Points:
    return sorted((at.timestamp(), value) for at, value in series.points if isfinite(value) and abs(value) < LARGEST)


class _Sheet:
    """One picture that is being drawn; lengths are pixels of the finished one."""

    def __init__(self, pen: ImageDraw.ImageDraw, series: Series, points: Points) -> None:
        self.pen, self.series, self.points = pen, series, points
        self.first, self.last = points[0][0], points[-1][0]
        self.marks = marks([value for _, value in points], series.unit)
        self.low, self.high = self.marks[0], self.marks[-1]
        self.figures = figures(self.marks, series.unit)
        self.names = [self._worded(mark) for mark in self.marks]
        self.left = LEFT + max(self.wide(name) for name in self.names) + 14

    def draw(self) -> None:
        self._titles()
        self._values()
        self._times()
        self._curve()
        peak = max(self.points, key=_value)
        taken = self._named(peak, PEAK, "peak ", None)
        if self.points[-1] != peak:
            self._named(self.points[-1], CURVE, "last ", taken)

    def _titles(self) -> None:
        title, room = one_line(self.series.title, 120), WIDTH - LEFT - RIGHT
        while self.wide(title, TITLE) > room and len(title) > 2:
            title = f"{title[:-2].rstrip()}…"
        self.text(LEFT, 14, title, INK, TITLE)
        unit = {"B": "", "": ""}.get(self.series.unit, one_line(self.series.unit, 40))
        self.text(LEFT, 62, unit, QUIET)
        days = {f"{_moment(at):%d %b %Y}".removeprefix("0") for at in (self.first, self.last)}
        self.text(WIDTH - RIGHT, 62, f"{days.pop()}, UTC" if len(days) == 1 else "times in UTC", QUIET, anchor="ra")

    def _values(self) -> None:
        for mark, name in zip(self.marks, self.names, strict=True):
            y = self.y(mark)
            self.line([(self.left, y), (WIDTH - RIGHT, y)], GRID, 1.5)
            self.text(self.left - 14, y, name, QUIET, anchor="rm")

    def _times(self) -> None:
        end = -1e9
        for at, name in moments(self.first, self.last):
            x, half = self.x(at), self.wide(name) / 2
            middle = min(max(x, self.left + half - 14), WIDTH - RIGHT + 26 - half)
            if middle - half < end:
                continue
            end = middle + half + 20
            self.line([(x, HEIGHT - BOTTOM), (x, HEIGHT - BOTTOM + 8)], QUIET, 1.5)
            self.text(middle, HEIGHT - BOTTOM + 14, name, QUIET, anchor="ma")

    def _curve(self) -> None:
        path = [(self.x(at), self.y(value)) for at, value in thinned(self.points, WIDTH)]
        floor_ = self.y(self.low)
        self.pen.polygon(self.large([(path[0][0], floor_), *path, (path[-1][0], floor_)]), fill=BELOW)
        self.line(path, CURVE, 4)

    def _named(self, point: tuple[float, float], ink: str, name: str, taken: Box | None) -> Box | None:
        """A dot with its value: above it, or below where there is no room. None where it has no room at all."""
        x, y = self.x(point[0]), self.y(point[1])
        said = f"{name}{self._worded(point[1])}"
        half = self.wide(said) / 2 + 8
        middle = min(max(x, self.left + half), WIDTH - RIGHT + 30 - half)
        places = [(middle - half, at - 18, middle + half, at + 18) for at in (y - 30, y + 34)]
        free = [box for box in places if box[1] > TOP - 40 and box[3] < HEIGHT - BOTTOM and not _meet(box, taken)]
        for box in free[:1]:
            self.pen.rounded_rectangle(self.large([box[:2], box[2:]]), 8 * FINE, fill=PAPER)
            self.text(middle, (box[1] + box[3]) / 2, said, ink, anchor="mm")
        self.pen.ellipse(self.large([(x - 8, y - 8), (x + 8, y + 8)]), fill=ink, outline=PAPER, width=2 * FINE)
        return free[0] if free else None

    def _worded(self, value: float) -> str:
        return worded(value, self.series.unit, self.figures)

    def x(self, at: float) -> float:
        span = self.last - self.first
        share = (at - self.first) / span if span else 0.5
        return self.left + share * (WIDTH - RIGHT - self.left)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def large(self, path: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x * FINE, y * FINE) for x, y in path]

    def line(self, path: Sequence[tuple[float, float]], ink: str, thick: float) -> None:
        self.pen.line(self.large(path), fill=ink, width=round(thick * FINE), joint="curve")

    def text(self, x: float, y: float, said: str, ink: str, size: int = TEXT, anchor: str = "la") -> None:
        if said:
            self.pen.text((x * FINE, y * FINE), said, fill=ink, font=_font(size), anchor=anchor)

    def wide(self, said: str, size: int = TEXT) -> float:
        return self.pen.textlength(said, font=_font(size)) / FINE


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size * FINE)


def marks(values: Sequence[float], unit: str = "") -> list[float]:
    """Round values that enclose these, lowest first: from zero on where that leaves the shape visible."""
    low, high = min(values), max(values)
    if 0 < low < high * 0.6 or low == high > 0:
        low = 0.0
    size = max(abs(low), abs(high))
    if high - low < max(size * 1e-9, 1e-290):  # nothing that a curve could show
        low, high = low - max(size * 1e-3, 1.0), high + max(size * 1e-3, 1.0)
    step = _round((high - low) / LINES, unit, size)
    first, last = floor(low / step), ceil(high / step)
    return [n * step for n in range(first, max(last, first + 1) + 1)]


def figures(values: Sequence[float], unit: str = "") -> int:
    """With how many of them no two values that lie above each other have one name."""
    names = ({worded(value, unit, many) for value in values} for many in range(FEWEST, MOST))
    return next((many for many, told in enumerate(names, FEWEST) if len(told) == len(values)), MOST)


def worded(value: float, unit: str, many: int = 3) -> str:
    """A value beside an axis, with so many figures."""
    if unit == "B" and value:
        return ("-" if value < 0 else "") + about_size(int(abs(value)), many)
    return _short(value, many)


def _round(step: float, unit: str, high: float) -> float:
    """The next larger of 1, 2, 2.5 and 5 times a power of ten; of bytes, in the unit in which the highest is told."""
    base = 1.0
    while unit == "B" and high >= 1024 * base:
        base *= 1024
    power = 10.0 ** floor(log10(step / base))
    return base * power * next(part for part in (1, 2, 2.5, 5, 10) if part * power * base >= step * 0.999)


def moments(first: float, last: float) -> list[tuple[float, str]]:
    """Round times between two, each with its name: the day where it changes, else the time of day."""
    step = next((s for s in SECONDS if (last - first) / s <= LABELS), SECONDS[-1])
    found, day = [], _moment(first).date()
    for n in range(ceil(first / step), floor(last / step) + 1):
        at = _moment(n * step)
        new, day = at.date() != day, at.date()
        shape = "%Y" if step >= YEAR else "%d %b" if step >= DAY or new else "%H:%M" if step >= 60 else "%H:%M:%S"
        found.append((float(n * step), _name(at, shape)))
    return found or [(first, _name(_moment(first), "%d %b %H:%M"))]


def _moment(at: float) -> datetime:
    return EPOCH + timedelta(seconds=at)


def _name(at: datetime, shape: str) -> str:
    return at.strftime(shape).removeprefix("0" if shape.startswith("%d") else "")


def _meet(one: Box, other: Box | None) -> bool:
    return other is not None and one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def thinned(points: Points, most: int) -> Points:
    """At most about twice so many: of each stretch the lowest and the highest, so that no peak is lost."""
    if len(points) <= 2 * most:
        return points
    span, first = (points[-1][0] - points[0][0]) or 1.0, points[0][0]
    stretches: dict[int, Points] = {}
    for point in points:
        stretches.setdefault(int((point[0] - first) / span * most), []).append(point)
    kept = [{min(some, key=_value), max(some, key=_value)} for some in stretches.values()]
    return sorted({points[0], points[-1]}.union(*kept))


def _value(point: tuple[float, float]) -> float:
    return point[1]


def _short(value: float, many: int) -> str:
    """ "1,250", "2.5M", "3e+20": what fits beside an axis."""
    for size, letter in ((1e15, ""), (1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.{many}g}{letter}" if letter else f"{value:.{many - 1}g}"
    if abs(value) >= 1000:
        return f"{value:,.{many - FEWEST}f}"
    return f"{value:.{many}g}" if value else "0"
