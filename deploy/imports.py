"""A contract for import-linter: a closed list of what some files may import, and what they never may.

It reads the files themselves: a file that is not there yet is fine, and a folder needs no __init__.py to be seen.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import grimp
from importlinter import Contract, ContractCheck, fields, output

ROOT = Path(__file__).resolve().parent.parent


class OnlyContract(Contract):
    """`files` and `except_files` are globs from the repository's root.

    `denied` are modules that are never imported. `allowed`, where given, closes the list: beside it only the standard
    library may be imported. Either names a module with all that is inside it.
    """

    type_name = "only"

    files = fields.ListField(subfield=fields.StringField())
    except_files = fields.ListField(subfield=fields.StringField(), required=False)
    allowed = fields.ListField(subfield=fields.StringField(), required=False)
    denied = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Reads every file; the graph is not used."""
        allowed = cast(list[str] | None, self.allowed)
        denied = cast(list[str] | None, self.denied) or []
        left_out = set(_files(cast(list[str] | None, self.except_files) or []))
        faults: list[str] = []
        for path in _files(cast(list[str], self.files)):
            if path in left_out:
                continue
            for line, names in imports_of(path.read_text(), path.relative_to(ROOT)):
                if is_denied(names, denied) or (allowed is not None and not is_allowed(names, allowed)):
                    faults.append(f"{path.relative_to(ROOT)}:{line} imports {names[0]}")
        return ContractCheck(kept=not faults, metadata={"faults": faults})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Prints file, line and import."""
        for fault in check.metadata["faults"]:
            output.print_error(fault)


def _files(globs: list[str]) -> Iterator[Path]:
    for pattern in globs:
        yield from sorted(ROOT.glob(pattern))


def imports_of(source: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each imported name with its line, most exact first: `from a import b` is [a.b, a]. `path` is from the root."""
    package = path.with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, [alias.name]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, [f"{module}.{alias.name}", module]


def is_denied(names: list[str], denied: list[str]) -> bool:
    """Whether one of the denied modules is imported, or something inside it."""
    return any(_inside(name, module) for name in names for module in denied)


def is_allowed(names: list[str], allowed: list[str]) -> bool:
    """Whether the import is of the standard library or of an allowed module."""
    if names[0].split(".", 1)[0] in sys.stdlib_module_names:
        return True
    return any(_inside(name, module) for name in names for module in allowed)


def _inside(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")
