"""Reads a folder of config whole and offline: the company, or every fault at once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from bot.catalogue import Catalogue
from config import schemas
from config.company import Company, Hooks, People, Rules, Schedules, Services, Tandem, assemble
from config.documents import Document, place, read
from config.faults import Fault, Wrong, meant, objections
from config.meaning import wrongs
from config.seen import Seen

FILES: dict[str, type[BaseModel]] = {
    "tandem.toml": Tandem,
    "services.toml": Services,
    "people.toml": People,
    "policy.toml": Rules,
    "schedules.toml": Schedules,
    "hooks.toml": Hooks,
}


def load(
    folder: Path, catalogue: Catalogue | None = None, environ: Mapping[str, str] = os.environ
) -> Company | tuple[Fault, ...]:
    """The company, or all that is wrong with its folder, by file and line.

    Without `catalogue`, nothing is said about what names operations. `environ` fills in "env:NAME" values and gives
    DATABASE_URL, the bot's own database, which no target may be.
    """
    documents, faults, found = read(folder, environ)
    parts: dict[str, Any] = {}
    for name, document in documents.items():
        try:
            parts[name] = FILES[name].model_validate(document.data)
        except ValidationError as wrong:
            found += _not_told_twice(objections(name, wrong, FILES[name]), found)
    targets = _targets(documents.get("services.toml"), found)
    connectors = _connectors(documents.get("tandem.toml"), found)
    found += wrongs(Seen(documents, found), catalogue, environ)
    placed = [place(documents.get(wrong.file), wrong) for wrong in found]
    every = sorted({*faults, *placed}, key=lambda f: (f.file, f.line, f.what))
    return tuple(every) if every else assemble(folder, parts, targets, connectors)


def _not_told_twice(new: list[Wrong], told: list[Wrong]) -> list[Wrong]:
    """A value that an unset variable left empty is wrong in one way, not two."""
    places = {(wrong.file, wrong.path) for wrong in told}
    return [wrong for wrong in new if (wrong.file, wrong.path) not in places]


def _targets(document: Document | None, found: list[Wrong]) -> dict[str, dict[str, Any]]:
    """Each target's block as its connector's record, of those that are sound."""
    checked: dict[str, dict[str, Any]] = {table: {} for table in schemas.TARGETS}
    for table in schemas.TARGETS:
        record = schemas.of_targets(table)
        for key, block in _blocks(document, table):
            settings = _block("services.toml", record, block, (table, key), found)
            if settings is not None:
                checked[table][key] = settings
    return checked


def _connectors(document: Document | None, found: list[Wrong]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, block in _blocks(document, "connectors"):
        path = ("connectors", name)
        try:
            record = schemas.of_connector(name)
        except schemas.NoConnector:
            what = f"there is no connector {name!r}"
            found.append(Wrong(file="tandem.toml", path=path, what=what, instead=meant(name, schemas.connectors())))
            continue
        settings = _block("tandem.toml", record, block, path, found)
        if settings is not None:
            checked[name] = settings
    return checked


def _blocks(document: Document | None, table: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The blocks of a table, also where something else in its file is wrong."""
    blocks = document.data.get(table, {}) if document is not None else {}
    items = blocks.items() if isinstance(blocks, Mapping) else ()
    return [(key, block) for key, block in items if isinstance(block, Mapping)]


def _block(
    file: str, record: type[BaseModel], block: Mapping[str, Any], path: tuple[str, ...], found: list[Wrong]
) -> BaseModel | None:
    try:
        return record.model_validate(dict(block))
    except ValidationError as wrong:
        found += _not_told_twice(objections(file, wrong, record, path), found)
        return None
