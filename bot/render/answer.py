"""What was read, or what came of a run: headline, lines, table, a series as a sparkline; what is long is a file."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

from bot.operation import Answer, Series
from bot.render import words
from bot.render.blocks import CHUNK, bullets, context, fixed, line, rich, text, utc, when
from bot.render.escape import clean, cut, fallback, one_line, size
from bot.render.message import Block, File, Message
from bot.view import RunView

BARS = "▁▂▃▄▅▆▇█"
ROWS_SHOWN = 30
LINES_SHOWN = 20
NARROW = 40  # characters: a wider table breaks on a phone, so its rows are told as a list
COLUMNS = 12
CELL = 60  # characters of one cell on the card; a file has them whole
ALT_MOST = 900  # characters of a picture's description
SPARK = 40  # bars of a sparkline: what a phone shows in one line


def answer(view: RunView) -> Message:
    """The answer of a run that only read. Raises LookupError where there is none yet."""
    if view.answer is None:
        raise LookupError(f"{view.tag} has no answer yet")
    return Message(
        text=fallback(f"{view.command}: {view.answer.headline}"),
        blocks=tuple(answer_blocks(view.answer)),
        kind="answer",
        run=view.id,
        to_seq=view.seq,
        file=answer_file(view.tag, view.answer),
        series=view.answer.series,
        urgent=True,
    )


def answer_blocks(given: Answer, *, headline: bool = True) -> list[Block]:
    """Headline, lines, table, series; `headline` False where it was said already."""
    elements = [line(text(one_line(given.headline, 500), bold=True))] if headline else []
    if given.lines:
        elements.append(bullets([text(one_line(said, 500))] for said in given.lines[:LINES_SHOWN]))
    blocks = [rich(*elements)] if elements else []
    if given.table[1:]:
        blocks.append(rich(_rows(given.table[: ROWS_SHOWN + 1])))
    if given.series and given.series.points:
        blocks.append(rich(*_plotted(given.series)))
        first, last = given.series.points[0][0], given.series.points[-1][0]
        blocks.append(context(f"{when(first)} to {when(last)}"))
    hidden = _hidden(given)
    return [*blocks, rich(*(line(text(said, italic=True)) for said in hidden))] if hidden else blocks


def _hidden(given: Answer) -> list[str]:
    more = ["There is more that only some may see: press Details."] if given.private else []
    if len(given.lines) > LINES_SHOWN:
        more.append(f"{len(given.lines) - LINES_SHOWN} more lines are in the file.")
    if given.table and not _shown_whole(given):
        more.append(f"The whole table, {words.count(len(given.table) - 1, 'row')}, is in the file.")
    return more


def _shown_whole(given: Answer) -> bool:
    cells = [cell for row in given.table for cell in row]
    short = all(size(one_line(cell)) <= CELL for cell in cells) and all(len(row) <= COLUMNS for row in given.table)
    return short and len(given.table) <= ROWS_SHOWN + 1 and size(table(given.table, CELL)) <= CHUNK


def _rows(rows: Sequence[Sequence[str]]) -> Block:
    """A table where a phone can show it, else a list: each row by its first cell, the others behind their headings."""
    rows = [row[:COLUMNS] for row in rows]
    drawn = _whole_rows(table(rows, CELL))
    if max(map(len, drawn.splitlines()), default=0) <= NARROW or len(rows) < 2:
        return fixed(drawn)
    heads, *entries = [[one_line(cell, CELL) for cell in row] for row in rows[: max(2, drawn.count("\n"))]]
    return bullets(_entry(heads, entry) for entry in entries)


def _entry(heads: Sequence[str], cells: Sequence[str]) -> list[Block]:
    rest = [
        f"{head if head[1:2].isupper() else head[:1].lower() + head[1:]} {cell}"
        for head, cell in zip(heads[1:], cells[1:], strict=False)
        if cell
    ]
    return [text(cells[0] if cells else "", bold=True), text(": " + ", ".join(rest) if rest else "")]


def _whole_rows(drawn: str) -> str:
    """At most a block's worth, cut at the end of a row."""
    head = cut(drawn, CHUNK)
    return head if head == drawn else head[: head.rfind("\n")] if "\n" in head else head


def table(rows: Sequence[Sequence[str]], cell: int = 0) -> str:
    """Columns aligned with blanks, headings underlined; columns of numbers stand right. `cell` cuts each entry."""
    cleaned = [[one_line(entry, cell) for entry in row] for row in rows]
    widest = max((len(row) for row in cleaned), default=0)
    cleaned = [row + [""] * (widest - len(row)) for row in cleaned]
    widths = [max(len(row[n]) for row in cleaned) for n in range(widest)]
    right = [all(_number(row[n]) for row in cleaned[1:]) and len(cleaned) > 1 for n in range(widest)]
    lines = [_row(row, widths, right) for row in cleaned]
    return "\n".join([lines[0], "  ".join("─" * width for width in widths), *lines[1:]]) if lines else ""


def _row(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    parts = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)]
    return "  ".join(parts).rstrip()


def _number(entry: str) -> bool:
    return bool(entry) and entry[0] in "-+.0123456789" and any(c.isdigit() for c in entry)


def _plotted(series: Series) -> list[Block]:
    title = line(text(one_line(series.title, 200), bold=True))
    values = [value for _, value in series.points if isfinite(value)]
    said = line(text(bounds(series)))
    return [title, fixed(sparkline(values)), said] if values else [title, said]


def bounds(series: Series, at: bool = False) -> str:
    """The lowest, the highest and the last value in words; `at`: each with its time."""
    points = [point for point in series.points if isfinite(point[1])]
    if not points:
        return "no numbers"
    low, high = (find(points, key=lambda point: point[1]) for find in (min, max))
    named = (("lowest", low), ("highest", high), ("last", points[-1]))
    unit = one_line(series.unit, 60)
    if at:
        return ", ".join(f"{name} {words.amount(value, unit)} at {utc(when_)}" for name, (when_, value) in named)
    bare = "B" if unit == "B" else ""
    said = ", ".join(f"{name} {words.amount(value, bare)}" for name, (_, value) in named)
    return said if unit in ("B", "") else f"{said} {unit}"


def described(series: Series) -> str:
    """A plot in words, for whoever does not see it."""
    return cut(f"{one_line(series.title, 200)}: {bounds(series, at=True)}.", ALT_MOST)


def sparkline(values: Sequence[float], width: int = SPARK) -> str:
    """The series as bars. Where there are more points than bars, each bar shows the highest of its points."""
    if len(values) > width:
        edges = [len(values) * n // width for n in range(width + 1)]
        values = [max(values[a:b]) for a, b in pairwise(edges)]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(BARS[min(int((value - low) / span * len(BARS)), len(BARS) - 1)] for value in values)


def answer_file(tag: str, given: Answer) -> File | None:
    """The long part whole; None where everything is on the card."""
    parts = [given.file] if given.file else []
    if len(given.lines) > LINES_SHOWN:
        parts.append("\n".join(given.lines))
    if given.table and not _shown_whole(given):
        parts.append(table(given.table))
    return File(name=f"{tag}.txt", text=clean("\n\n".join(parts)) + "\n") if parts else None
