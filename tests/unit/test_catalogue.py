"""Finding operations and deeds by their files."""

import importlib
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import handlers
from bot import connectors, parse
from bot.catalogue import Asked, Catalogue, Found, NotFound, WantsHelp, environment_of, understand
from bot.connectors.postgres import DatabaseSettings
from bot.discovery import Deeds, Loaded, deeds, load
from bot.engine.reach import Connectors, Seeing
from bot.model import Risk
from bot.operation import Database, Input, RunRef, Service

OPERATION = '''
from bot.operation import Database, Input, Observed, Operation, Risk

class Params(Input):
    database: Database
    backup: str = "latest"

class Facts(Observed):
    size: int = 0

class Op(Operation[Params, Facts]):
    """Does it.

    And this is how.
    """
    risk = Risk.READ
    examples = ("/{command} shop",)
'''
Write = Callable[..., ModuleType]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a package of its own name and imports it; its modules are forgotten afterwards."""
    name = f"pkg_{tmp_path.name.replace('-', '_')}"
    root = tmp_path / name
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def put(**files: str) -> ModuleType:
        for path, text in {"__init__": '"""A package."""\n', **files}.items():
            file = root / f"{path.replace('__', '/') if path != '__init__' else path}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield put
    for module in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
        del sys.modules[module]


PERSONAL = '__import__("bot.operation").operation.Personal'
MARKED = f'__import__("typing").Annotated[str, {PERSONAL}] = ""'


def operation(command: str, *changes: tuple[str, str]) -> str:
    text = OPERATION.replace("{command}", command)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def sound(command: str) -> str:
    destroys = command.endswith(("restore", "rollback"))
    return operation(command, *([("Risk.READ", "Risk.DESTRUCTIVE")] if destroys else []))


@pytest.fixture
def catalogue(write: Write) -> Catalogue:
    commands = [
        "ops db restore",
        "ops db slow-log",
        "ops health",
        "release rollback",
        "ops db backups",
        "runbook import",
    ]
    files = {c.replace(" ", "__").replace("-", "_").replace("import", "import_"): sound(c) for c in commands}
    found = load(write(**files))
    assert found.faults == ()
    return found.catalogue


def test_the_path_is_the_command(catalogue: Catalogue) -> None:
    assert list(catalogue.entries) == [
        "ops db backups",
        "ops db restore",
        "ops db slow-log",
        "ops health",
        "release rollback",
        "runbook import",
    ]
    entry = catalogue.get("ops db slow-log")
    assert (entry.summary, entry.text) == ("Does it.", "Does it.\n\nAnd this is how.")
    assert (entry.params.__name__, entry.facts.__name__, entry.may_rise) == ("Params", "Facts", False)
    assert catalogue.floors["ops health"] is Risk.READ
    assert catalogue.floors["ops db restore"] is Risk.DESTRUCTIVE


def test_the_longest_command_wins_and_the_rest_are_parameters(catalogue: Catalogue) -> None:
    found = catalogue.find(["/ops", "DB", "restore", "Shop", "help"])
    assert isinstance(found, Found)
    assert (found.entry.command, found.rest) == ("ops db restore", ("Shop", "help"))


@pytest.mark.parametrize(
    ("words", "area", "wrong", "suggestion"),
    [
        (["ops", "db", "restor", "shop"], "ops db", "restor", "ops db restore"),
        (["ops", "bd", "restore"], "ops", "bd", "ops db restore"),
        (["release", "rolback"], "release", "rolback", "release rollback"),
        (["ops", "restore", "shop"], "ops", "restore", "ops db restore"),
    ],
)
def test_a_typing_error_gets_what_was_meant(
    catalogue: Catalogue, words: list[str], area: str, wrong: str, suggestion: str
) -> None:
    found = catalogue.find(words)
    assert isinstance(found, NotFound)
    assert (found.area, found.word) == (area, wrong)
    assert found.suggestions[0] == suggestion


@pytest.mark.parametrize("words", [["ops", "foo"], ["ops", "food", "shop"], ["ops", "db", "foo"]])
def test_what_is_near_to_nothing_is_no_typing_error_of_anything(words: list[str]) -> None:
    found = load(handlers).catalogue.find(words)
    assert isinstance(found, NotFound)
    assert found.suggestions == ()


def test_the_nearest_word_is_suggested_first(write: Write) -> None:
    found = load(write(ops__stop_idle=operation("ops stop-idle"), ops__stop_queries=operation("ops stop-queries")))
    near = found.catalogue.find(["ops", "stop-query", "shop"])
    assert isinstance(near, NotFound)
    assert near.suggestions == ("ops stop-queries", "ops stop-idle")


def test_an_area_alone_offers_what_may_follow(catalogue: Catalogue) -> None:
    found = catalogue.find(["ops", "db"])
    assert found == NotFound("ops db", "", ("backups", "restore", "slow-log"), ())
    assert isinstance(catalogue.find([]), NotFound)


def test_the_tree_holds_every_operation_once(catalogue: Catalogue) -> None:
    tree = catalogue.tree()
    assert list(tree.areas) == ["ops", "release", "runbook"]
    assert list(tree.areas["ops"].areas["db"].entries) == ["backups", "restore", "slow-log"]
    assert list(tree.areas["ops"].entries) == ["health"]


def test_an_unknown_command_is_refused_with_what_was_meant(catalogue: Catalogue) -> None:
    with pytest.raises(LookupError, match="did you mean `ops db restore`"):
        catalogue.get("ops db restores")
    with pytest.raises(LookupError, match="`ops foo`; type help to see them"):
        catalogue.get("ops foo")


@pytest.mark.parametrize(
    ("line", "what"),
    [('locks = ("user/{backup}",)', "a lock names backup"), ('confirm = "backup"', "confirm names backup")],
)
def test_nothing_but_the_field_itself_names_a_personal_value(write: Write, line: str, what: str) -> None:
    field = ('str = "latest"', f"{PERSONAL} | None = None")
    wrong = operation("ops x", field, ("    risk =", f"    {line}\n    risk ="))
    found = load(write(ops__x=wrong, ops__y=operation("ops y", field)))
    assert [f for f in found.faults if what in f.what], found.faults
    assert found.catalogue.personal == ("/ops y",)


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        ("ops__x", ("    risk = Risk.READ\n", ""), "declares no risk"),
        ("ops__x", ('"""Does it.\n\n    And this is how.\n    """', "pass"), "no docstring"),
        ("ops__x", ("/ops x shop", "/ops y shop"), "is of another command"),
        ("ops__x", ("/ops x shop", "/ops xy shop"), "is of another command"),
        ("ops__x", ("/ops x shop", "/ops x"), "does not parse"),
        ("ops__x", ('    examples = ("/ops x shop",)', ""), "has no example"),
        ("ops__x", ("[Params, Facts]", ""), "does not say its Params and Facts"),
        ("ops__x", ("[Params, Facts]", "[Facts, Params]"), "does not say its Params and Facts"),
        ("ops__x", ("class Op(", "class Other(Operation[Params, Facts]): pass\n\nclass Op("), "holds Other, Op"),
        ("ops__x", ('str = "latest"', "dict = {}"), "cannot be typed"),
        ("ops__x", ("    risk =", '    confirm = "base"\n    risk ='), "confirm names 'base'"),
        ("ops__x", ("    risk =", '    locks = ("user/{who}",)\n    risk ='), "uses 'who'"),
        (
            "ops__x",
            ("    risk =", '    changes = ("{services}",)\n    risk ='),
            "changes: '{services}' uses 'services'",
        ),
        ("ops__x", ("import Database", "import Databse"), "cannot be imported: ImportError"),
        ("ops__x", ('str = "latest"', MARKED), "Personal is no mark"),
        ("ops__drop_it", ("Does it.", "Drops it."), "its verb says drop"),
    ],
)
def test_a_file_that_is_no_sound_operation_is_a_fault_and_no_command(
    write: Write, name: str, change: tuple[str, str], what: str
) -> None:
    command = name.replace("__", " ").replace("_", "-")
    found = load(write(**{name: operation(command, change), "ops__fine": operation("ops fine")}))
    assert [f for f in found.faults if what in f.what], found.faults
    assert all(f.path.endswith(".py") and f.instead for f in found.faults)
    assert list(found.catalogue.entries) == ["ops fine"]


@pytest.mark.parametrize(
    "change",
    [
        ("Risk.READ", "Risk.DESTRUCTIVE"),
        ("    risk =", "    def raises(self, params, facts): return Risk.DESTRUCTIVE\n    risk ="),
        ("    risk =", '    locks = ("x/{database}/{size}",)\n    confirm = "database"\n    risk = Risk.DESTRUCTIVE #'),
    ],
)
def test_a_verb_that_destroys_says_so_in_its_risk(write: Write, change: tuple[str, str]) -> None:
    assert load(write(ops__drop=operation("ops drop", change))).faults == ()


def test_the_channels_that_a_file_names_for_its_plans_are_known_before_one_is_made(write: Write) -> None:
    planning = (
        "    risk =",
        '    def plan(self, params, facts): return Plan(sentence="x", tells=("releases", "general"))\n    risk =',
    )
    [entry] = load(write(ops__x=operation("ops x", planning))).catalogue.entries.values()
    assert entry.tells == {"releases", "general"}


def test_cancelling_a_deletion_destroys_nothing(write: Write) -> None:
    assert load(write(ops__user__delete_cancel=operation("ops user delete-cancel"))).faults == ()


def test_parameters_are_found_through_a_generic_base(write: Write) -> None:
    base = (
        "from typing import Generic, TypeVar\nfrom bot.operation import Input, Observed, Operation, Risk\n"
        'A = TypeVar("A", bound=Input)\nB = TypeVar("B", bound=Observed)\n'
        "class Base(Operation[B, A], Generic[A, B]):\n    risk = Risk.READ\n"
    ).replace("Operation[B, A], Generic[A, B]", "Operation[A, B], Generic[B, A]")
    package = write(_base=base)
    text = operation("ops x", ("Operation[Params, Facts]", "Base[Facts, Params]"))
    (Path(package.__path__[0]) / "ops").mkdir()
    (Path(package.__path__[0]) / "ops" / "x.py").write_text(f"from {package.__name__}._base import Base\n{text}")
    importlib.invalidate_caches()
    found = load(package)
    assert found.faults == ()
    assert found.catalogue.get("ops x").params.__name__ == "Params"


def test_a_whole_line_is_understood(catalogue: Catalogue) -> None:
    found = understand('/ops db restore shop backup="b 1" reason="it broke"', catalogue)
    assert isinstance(found, Asked)
    assert (found.entry.command, found.params.reason) == ("ops db restore", "it broke")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/ops help", ("ops",)),
        ("/ops help db", ("ops", "db")),
        ("/ops db restore help", ("ops", "db", "restore")),
        ("/ops db restore shop help", ("ops", "db", "restore", "shop")),
    ],
)
def test_help_is_understood_everywhere(catalogue: Catalogue, text: str, words: tuple[str, ...]) -> None:
    assert understand(text, catalogue) == WantsHelp(words)


def test_a_quoted_help_is_a_value(catalogue: Catalogue) -> None:
    found = understand('/ops db restore shop "help"', catalogue)
    assert isinstance(found, Asked)


def test_an_unknown_command_gets_the_whole_line_put_right(catalogue: Catalogue) -> None:
    found = understand('/ops db restor shop reason="it broke"', catalogue)
    assert isinstance(found, parse.Fault)
    assert (found.code, found.line) == (parse.Code.UNKNOWN_COMMAND, '/ops db restore shop reason="it broke"')
    nothing = understand("/ops zzz", catalogue)
    assert isinstance(nothing, parse.Fault)
    assert nothing.sentence == "`/ops` has no `zzz`. It knows db, health; type `help` to read about them."
    assert isinstance(understand("/ops db", catalogue), NotFound)
    assert isinstance(understand('/ops db restore "x', catalogue), parse.Fault)


class Places:
    environments = ("staging", "production")

    def environment(self, kind: str, key: str) -> str:
        return {("database", "shop"): "production", ("database", "shop-2"): "staging", ("service", "dns"): ""}[
            kind, key
        ]


class Move(Input):
    source: Database
    targets: tuple[Service, ...] = ()
    environment: str = ""


def test_the_strictest_environment_of_all_that_is_named_counts() -> None:
    prod, staging, dns = Database(key="shop"), Database(key="shop-2"), Service(key="dns")
    assert environment_of(Move(source=staging, targets=(dns,)), Places()) == "staging"
    assert environment_of(Move(source=staging, environment="production"), Places()) == "production"
    assert environment_of(Move(source=prod, environment="staging"), Places()) == "production"
    assert environment_of(Move(source=prod, environment="made-up"), Places()) == "made-up"
    assert environment_of(Input(), Places()) == ""


DEEDS = """
from typing import ClassVar
from bot.effect import Check, Effect, Survival

class Swap(Effect[None]):
    survives: ClassVar[Survival] = Survival.PROBE
    version: ClassVar[int] = 2
    name: str

class Old(Swap):
    version: ClassVar[int] = 1

class Healthy(Check[None]):
    pass

class _Base(Effect[None]):
    pass
"""


def test_deeds_are_found_by_module_class_and_version(write: Write) -> None:
    package = write(postgres__swap=DEEDS)
    found = deeds(package)
    names = [f"{package.__name__}.postgres.swap.{n}" for n in ("Swap@2", "Old@1", "Healthy@1")]
    assert (list(found.classes), found.faults) == (names, ())


def test_an_effect_that_does_not_say_how_it_survives_is_a_fault(write: Write) -> None:
    found = deeds(write(a=DEEDS.replace("    survives: ClassVar[Survival] = Survival.PROBE\n", "")))
    assert [f.what for f in found.faults] == [
        "Swap does not say how it survives a crash",
        "Old does not say how it survives a crash",
    ]


def test_two_deeds_of_one_name_and_version_are_a_fault(write: Write) -> None:
    double = DEEDS + 'Other = type("Swap", (Swap,), {"__module__": __name__})\n'
    found = deeds(write(a=double))
    assert [f.what for f in found.faults if "two classes" in f.what]


@pytest.fixture(scope="module")
def ours() -> tuple[Loaded, Deeds]:
    return load(handlers), deeds(connectors)


def test_every_handler_of_ours_is_sound(ours: tuple[Loaded, Deeds]) -> None:
    assert ours[0].faults == ()
    assert ours[0].catalogue.entries


def test_every_deed_of_ours_is_sound_and_named_as_plans_store_it(ours: tuple[Loaded, Deeds]) -> None:
    assert ours[1].faults == ()
    assert "tandem.AddFreeze@1" in ours[1].classes


def _unused(kind: Any) -> Any:
    raise AssertionError(kind)


@pytest.mark.parametrize(("environment", "strict"), [("sandbox", False), ("live", True), ("unheard-of", True)])
def test_the_strictest_environment_is_the_last_that_config_names_whatever_it_is_called(
    environment: str, strict: bool
) -> None:
    at = DatabaseSettings(host="h", database="d", user="u", environment=environment)
    see = Seeing(
        Connectors(_unused), RunRef(tag="r1"), datetime.now(UTC), lambda target: at, lambda kind: (), ("sandbox",)
    )
    assert see.strictest(Database(key="shop")) is strict
