"""Reads a folder of config whole and offline: the company, or every fault at once."""

import os
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from bot.catalogue import Catalogue
from config import schemas
from config.company import Company, Hooks, People, Rules, Schedules, Services, Tandem, assemble
from config.documents import Document, place, read
from config.faults import MEANT, Fault, Wrong, meant, objections
from config.meaning import wrongs

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
            said = objections(name, wrong, FILES[name])
            found += _not_told_twice(said, found)
            parts |= _known(name, document.data, wrong, said)
    targets = _targets(documents.get("services.toml"), parts.get("services.toml"), found)
    connectors = _connectors(parts.get("tandem.toml"), found)
    company: Company | None = None
    if parts.keys() == FILES.keys():
        company = assemble(folder, parts, targets, connectors)
        found += wrongs(company, catalogue, environ)
    placed = [place(documents.get(wrong.file), wrong) for wrong in found]
    every = sorted({*faults, *placed}, key=lambda f: (f.file, f.line, f.what))
    return tuple(every) if every or company is None else company


def _known(name: str, data: Mapping[str, Any], wrong: ValidationError, said: list[Wrong]) -> dict[str, Any]:
    """A file whose only faults are keys that nobody knows, without them: what else it says can be judged all the same.

    Not where a key was mistyped, or a whole table: what it was meant to say would be told as missing as well.
    """
    strange = all(error["type"] == "extra_forbidden" for error in wrong.errors(include_url=False))
    if not strange or any(len(one.path) < 2 or one.instead.startswith(MEANT) for one in said):
        return {}
    rest = deepcopy(dict(data))
    for error in wrong.errors(include_url=False):
        *inside, key = error["loc"]
        at: Any = rest
        for part in inside:
            at = at[part]
        del at[key]
    return {name: FILES[name].model_validate(rest)}


def _not_told_twice(new: list[Wrong], told: list[Wrong]) -> list[Wrong]:
    """A value that an unset variable left empty is wrong in one way, not two."""
    places = {(wrong.file, wrong.path) for wrong in told}
    return [wrong for wrong in new if (wrong.file, wrong.path) not in places]


def _targets(document: Document | None, services: Services | None, found: list[Wrong]) -> dict[str, dict[str, Any]]:
    """Each target's block as its connector's record."""
    checked: dict[str, dict[str, Any]] = {table: {} for table in schemas.TARGETS}
    if document is None or services is None:
        return checked
    for table in schemas.TARGETS:
        record = schemas.of_targets(table)
        for key, block in getattr(services, table).items():
            settings = _block(document.name, record, block, (table, key), found)
            checked[table][key] = settings or schemas.Block()  # so that what names it is not called wrong as well
    return checked


def _connectors(tandem: Tandem | None, found: list[Wrong]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, block in tandem.connectors.items() if tandem else ():
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


def _block(
    file: str, record: type[BaseModel], block: Mapping[str, Any], path: tuple[str, ...], found: list[Wrong]
) -> BaseModel | None:
    try:
        return record.model_validate(dict(block))
    except ValidationError as wrong:
        found += _not_told_twice(objections(file, wrong, record, path), found)
        return None
