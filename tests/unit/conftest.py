"""The sample company with texts of its files replaced, for tests of config."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.catalogue import Catalogue, Entry
from bot.model import Risk
from bot.operation import Database, Input, Observed, Operation, Personal
from config.company import Company
from config.faults import Fault
from config.load import load

SAMPLE = Path(__file__).parents[2] / "deploy" / "local" / "company"
NAMED = re.findall(r'= "env:(\w+)"', "".join((SAMPLE / name).read_text() for name in ("services.toml", "tandem.toml")))
LOCAL = {
    **{name: "http://127.0.0.1:8080" if name.endswith("URL") else "/tmp" for name in NAMED},
    **{name: "8025" for name in NAMED if name.endswith("PORT")},
    "SHOP_HOST": "127.0.0.1",
    "SHOP_PORT": "5433",
    "DATABASE_URL": "postgresql://tandem_bot@127.0.0.1:5433/tandem",
}


class OfDatabase(Input):
    database: Database


class Restore(Operation[OfDatabase, Observed]):
    """Restores."""

    risk = Risk.DESTRUCTIVE
    examples = ("/ops db restore shop",)


class Backup(Operation[OfDatabase, Observed]):
    """Backs up."""

    risk = Risk.WRITE
    examples = ("/ops db backup shop",)


class Size(Operation[OfDatabase, Observed]):
    """Sizes."""

    risk = Risk.READ
    examples = ("/ops db size shop",)


class Withdraw(Operation[Input, Observed]):
    """Gives back."""

    risk = Risk.WRITE
    examples = ("/ops approvals withdraw",)


class OfPerson(Input):
    database: Database
    email: Personal | None = None


class Find(Operation[OfPerson, Observed]):
    """Finds."""

    risk = Risk.READ
    examples = ("/ops db find shop",)


CATALOGUE = Catalogue(
    [
        *(
            Entry(f"ops db {kind.__name__.lower()}", kind(), params, Observed, Path("x.py"))
            for kind, params in ((Restore, OfDatabase), (Backup, OfDatabase), (Size, OfDatabase), (Find, OfPerson))
        ),
        Entry("ops approvals withdraw", Withdraw(), Input, Observed, Path("x.py")),
    ]
)
Change = Callable[..., "Company | tuple[Fault, ...]"]


@pytest.fixture
def change(tmp_path: Path) -> Change:
    """The sample company with texts of one file replaced, loaded again."""
    folder = tmp_path / "company"
    shutil.copytree(SAMPLE, folder)

    def load_changed(file: str = "", *changes: tuple[str, str], **environ: str) -> Company | tuple[Fault, ...]:
        if file:
            text = (folder / file).read_text()
            for old, new in changes:
                assert old in text or not old, f"{file} has no {old!r}"
                text = text.replace(old, new, 1) if old else f"{text}\n{new}\n"
            (folder / file).write_text(text)
        return load(folder, CATALOGUE, {**LOCAL, **environ})

    return load_changed


def company(found: Company | tuple[Fault, ...]) -> Company:
    assert isinstance(found, Company), "\n".join(map(str, found))
    return found


def line_of(file: str, text: str, folder: Path = SAMPLE) -> int:
    return next(n for n, line in enumerate((folder / file).read_text().splitlines(), 1) if text in line)
