"""The project's own pages, read as Markdown: their code fences, links and headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.databases import ROOT

PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))


@dataclass(frozen=True)
class Fence:
    """One block of code; its info is its language and, after it, `key=value` words."""

    page: Path
    line: int
    language: str
    marks: dict[str, str]
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def tokens(page: Path) -> tuple[Token, ...]:
    return tuple(MarkdownIt("commonmark").enable("table").parse(page.read_text()))


def fences(page: Path) -> Iterator[Fence]:
    """Every fenced or indented block of code."""
    for token in tokens(page):
        if token.type not in ("fence", "code_block"):
            continue
        language, *marks = token.info.split() or [""]
        pairs = dict(mark.split("=", 1) for mark in marks)
        yield Fence(page, (token.map or [0])[0] + 1, language, pairs, token.content)


def all_fences(language: str) -> list[Fence]:
    return [fence for page in PAGES for fence in fences(page) if fence.language == language]


def named(language: str, name: str) -> Fence:
    """The one fence that holds that file."""
    (found,) = [fence for fence in all_fences(language) if fence.marks.get("file") == name]
    return found


def _inline(page: Path) -> Iterator[Token]:
    for token in tokens(page):
        yield from token.children or ()


def links(page: Path) -> Iterator[str]:
    """Where its links and pictures lead."""
    for token in _inline(page):
        address = token.attrGet("href") if token.type == "link_open" else token.attrGet("src")
        if token.type in ("link_open", "image") and address:
            yield str(address)


def codes(page: Path) -> Iterator[str]:
    """Its pieces of code within sentences."""
    return (token.content for token in _inline(page) if token.type == "code_inline")


def anchors(page: Path) -> set[str]:
    """What a link may name in it behind a #."""
    found = list(tokens(page))
    titles = (after.content for token, after in pairwise(found) if token.type == "heading_open")
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def table(page: Path, first: str) -> list[list[str]]:
    """The rows of the table whose first heading that is, as written."""
    text = page.read_text().splitlines()
    start = next(at for at, line in enumerate(text) if line.startswith(f"| {first} |"))
    rows = []
    for line in text[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows
