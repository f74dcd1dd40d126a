"""The TOML files of a folder: read, with `env:NAME` values filled in, and the line on which a key stands."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from config.faults import Fault, Path, Wrong

if TYPE_CHECKING:
    from tree_sitter import Node

NAMES = ("tandem.toml", "services.toml", "people.toml", "policy.toml", "schedules.toml", "hooks.toml")
OPTIONAL = frozenset({"schedules.toml", "hooks.toml"})
FILLED = frozenset({"tandem.toml", "services.toml"})  # the files whose values may be "env:NAME"
MARK = "FILL IN"  # how a value of the starting files begins that is still to be written
_ENV = re.compile(r"env:([A-Z][A-Z0-9_]*)")


@dataclass(frozen=True)
class Document:
    """One file: its name, its text and what it says."""

    name: str
    text: str
    data: Mapping[str, Any]


def read(folder: FilePath, environ: Mapping[str, str]) -> tuple[dict[str, Document], list[Fault], list[Wrong]]:
    """Every file of the folder that can be read, and what is wrong with the others."""
    documents: dict[str, Document] = {}
    faults: list[Fault] = []
    wrongs: list[Wrong] = []
    if not folder.is_dir():
        instead = "Set TANDEM_CONFIG to the folder of your TOML files, or write one with `python -m bot init FOLDER`"
        return {}, [Fault(file=str(folder), what="there is no such folder", instead=instead)], []
    for name in NAMES:
        found = _read(folder, name)
        if isinstance(found, Fault):
            faults.append(found)
            continue
        data: Any = found.data
        if name in FILLED:
            data = _fill(name, found.data, environ, (), wrongs)
        wrongs += _unwritten(name, found.data)
        documents[name] = Document(name, found.text, data)
    faults += _strangers(folder)
    return documents, faults, wrongs


def _strangers(folder: FilePath) -> Iterator[Fault]:
    """A file that nobody reads is a mistake: perhaps a name spelt wrongly."""
    for path in sorted(folder.glob("*.toml")):
        if path.name == "thresholds.toml":
            yield Fault(file=path.name, what="nothing watches thresholds in this version", instead="Remove the file")
        elif path.name not in NAMES:
            instead = f"Rename it to one of {', '.join(NAMES)}, or remove it"
            yield Fault(file=path.name, what="no part of Tandem reads a file of this name", instead=instead)


def _read(folder: FilePath, name: str) -> Document | Fault:
    try:
        text = (folder / name).read_text(encoding="utf-8-sig")  # some editors put a mark of three bytes before it
        return Document(name, text, tomllib.loads(text))
    except FileNotFoundError:
        if name in OPTIONAL:
            return Document(name, "", {})
        instead = "Write it; `python -m bot init FOLDER` makes a set to start from"
        return Fault(file=name, what="the file is missing", instead=instead)
    except (OSError, UnicodeDecodeError) as error:
        what = f"the file cannot be read ({type(error).__name__})"
        return Fault(file=name, what=what, instead="Save it as UTF-8 and let Tandem read it")
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        what = f"the file is no TOML: {str(error).partition(' (at')[0]}"
        line = int(place[1]) if place else _first_broken((folder / name).read_text(encoding="utf-8-sig"))
        return Fault(file=name, line=line, what=what, instead='Mend that line; texts stand in "…", lists in […]')


def _fill(name: str, value: Any, environ: Mapping[str, str], path: Path, wrongs: list[Wrong]) -> Any:
    """The same data with each whole value "env:NAME" replaced by that variable."""
    if isinstance(value, dict):
        return {key: _fill(name, part, environ, (*path, key), wrongs) for key, part in value.items()}
    if isinstance(value, list):
        return [_fill(name, part, environ, (*path, index), wrongs) for index, part in enumerate(value)]
    found = _ENV.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    if not environ.get(found[1]):
        what = f"the environment variable {found[1]} is not set"
        wrongs.append(Wrong(file=name, path=path, what=what, instead=f"Set {found[1]}, or write the value itself"))
    return environ.get(found[1], "")


def _unwritten(name: str, value: Any, path: Path = ()) -> Iterator[Wrong]:
    """What stands as the starting files have it."""
    if isinstance(value, str) and value.startswith(MARK):
        what = f"this is still to be written ({value.removeprefix(MARK).lstrip(': ')})"
        yield Wrong(file=name, path=path, what=what, instead="Write your own value, without the mark")
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from _unwritten(name, part, (*path, key))


def place(document: Document | None, wrong: Wrong) -> Fault:
    """A fault with its line: that of the deepest part of its path that the file holds."""
    line = 0
    if document is not None and document.text:
        lines = _lines(document.text)
        line = next((lines[wrong.path[:n]] for n in range(len(wrong.path), 0, -1) if wrong.path[:n] in lines), 0)
    return Fault(file=wrong.file, line=line, what=wrong.what, instead=wrong.instead)


def _lines(text: str) -> dict[Path, int]:
    """The line of every table, key and array entry. Loads a parser: only called once something is wrong."""
    import tree_sitter_toml
    from tree_sitter import Language, Parser

    found: dict[Path, int] = {}
    arrays: dict[Path, int] = {}
    for node in Parser(Language(tree_sitter_toml.language())).parse(text.encode()).root_node.named_children:
        if node.type == "pair":
            _pair(node, (), found)
        elif node.type in ("table", "table_array_element"):
            _table(node, found, arrays)
    return found


def _first_broken(text: str) -> int:
    """The line from which on nothing is understood: the end of the document tells nobody anything. 0: unknown."""
    import tree_sitter_toml
    from tree_sitter import Language, Parser

    lines = text.splitlines()
    for many in range(len(lines), 0, -1):
        root = Parser(Language(tree_sitter_toml.language())).parse("\n".join(lines[:many]).encode()).root_node
        if not root.has_error:
            return many + 1
    return 1 if lines else 0


def _table(node: "Node", found: dict[Path, int], arrays: dict[Path, int]) -> None:
    written = _keys(node.named_children[0])
    path: Path = ()
    for depth, key in enumerate(written):
        path = (*path, key)
        last = depth == len(written) - 1
        if last and node.type == "table_array_element":
            arrays[path] = arrays.get(path, -1) + 1
            found.setdefault(path, node.start_point.row + 1)
        if path in arrays:
            path = (*path, arrays[path])
        found.setdefault(path, node.start_point.row + 1)
    for child in node.named_children[1:]:
        if child.type == "pair":
            _pair(child, path, found)


def _pair(node: "Node", above: Path, found: dict[Path, int]) -> None:
    path = above
    for key in _keys(node.named_children[0]):
        path = (*path, key)
        found.setdefault(path, node.start_point.row + 1)
    _inside(node.named_children[-1], path, found)


def _inside(node: "Node", path: Path, found: dict[Path, int]) -> None:
    if node.type == "inline_table":
        for pair in node.named_children:
            if pair.type == "pair":
                _pair(pair, path, found)
    elif node.type == "array":
        entries = [child for child in node.named_children if child.type != "comment"]
        for index, child in enumerate(entries):
            found[(*path, index)] = child.start_point.row + 1
            _inside(child, (*path, index), found)


def _keys(node: "Node") -> list[str]:
    if node.type == "dotted_key":
        return [key for child in node.named_children for key in _keys(child)]
    text = (node.text or b"").decode()
    return [text[1:-1] if node.type == "quoted_key" else text]
