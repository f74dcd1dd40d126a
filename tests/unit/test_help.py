"""Help says what may be typed, by whom, and hides what its reader may not use."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from bot.catalogue import Catalogue, Entry
from bot.effect import Secret
from bot.help import AreaHelp, Help, OperationHelp, Reader, SearchHelp, help_for
from bot.model import Risk
from bot.operation import Database, Input, Looks, Observed, Operation, Personal
from bot.policy import Policy, Rule


class OfDatabase(Input):
    database: Database = Field(description="which one")
    kind: Literal["full", "schema"] = "full"


class OfUser(Input):
    user: str
    address: Annotated[Personal | None, Looks.MAIL] = None
    password: Secret | None = None


class Restore(Operation[OfDatabase, Observed]):
    """Put a backup back.

    Every write since the backup is lost.
    """

    risk = Risk.DESTRUCTIVE
    examples = ("/ops db restore shop",)
    words = ("recover", "roll back")


class Size(Operation[OfDatabase, Observed]):
    """Show the largest tables."""

    risk = Risk.READ
    examples = ("/ops db size shop",)


class Ban(Operation[OfUser, Observed]):
    """Lock somebody out."""

    risk = Risk.DESTRUCTIVE
    examples = ("/ops user ban u1",)


def entry(command: str, kind: type[Operation], params: type[Input]) -> Entry:
    return Entry(command, kind(), params, Observed, Path("x.py"))


CATALOGUE = Catalogue(
    [
        entry("ops db restore", Restore, OfDatabase),
        entry("ops db size", Size, OfDatabase),
        entry("ops user ban", Ban, OfUser),
    ]
)
POLICY = Policy(
    rules=tuple(
        Rule.model_validate(rule)
        for rule in (
            {"operations": ["ops user *"], "ask": ["support"], "approve": ["lead", "dba"]},
            {
                "operations": ["ops db *"],
                "environments": ["production"],
                "risks": ["destructive"],
                "ask": ["engineers"],
                "approve": ["dba", "dba"],
                "channels": ["incidents"],
            },
            {"operations": ["ops db *"], "risks": ["destructive"], "ask": ["engineers"], "approve": ["engineers"]},
            {"operations": ["*"], "risks": ["read"], "ask": ["everyone"]},
        )
    )
)
ENGINEER = Reader(groups=frozenset({"engineers", "everyone"}), channel="general")


def helped(text: str, reader: Reader = ENGINEER) -> Help:
    return help_for(text.split(), CATALOGUE, POLICY, ["staging", "production"], reader)


def test_help_for_one_operation_says_everything_about_it() -> None:
    page = helped("/ops db restore help")
    assert isinstance(page, OperationHelp)
    assert page.usage == '/ops db restore <database> [kind=full|schema] reason="…"'
    assert (page.summary, page.text) == ("Put a backup back.", "Every write since the backup is lost.")
    assert [(f.key, f.what, f.required, f.default) for f in page.fields] == [
        ("database", "which one; a database by its key", True, ""),
        ("kind", "one of full, schema", False, "full"),
        ("reason", "why, in a few words", True, ""),
    ]
    assert page.examples == ("/ops db restore shop",)


def test_who_may_ask_and_who_approves_is_said_for_each_environment() -> None:
    page = helped("ops db restore")
    assert isinstance(page, OperationHelp)
    assert [(h.environments, h.sentence, h.may_ask, h.may_approve) for h in page.here] == [
        (("", "staging"), "Asked for by engineers; approved by one of engineers, other than who asks.", True, True),
        (
            ("production",),
            "Asked for by engineers in #incidents; approved by 2 of dba, other than who asks.",
            False,
            False,
        ),
    ]
    there = helped("ops db restore", ENGINEER.model_copy(update={"channel": "incidents"}))
    assert isinstance(there, OperationHelp)
    assert there.here[1].may_ask


def test_a_read_needs_no_reason_in_its_help() -> None:
    page = helped("ops db size")
    assert isinstance(page, OperationHelp)
    assert "reason" not in page.usage + str(page.fields)
    assert page.here[0].sentence == "Asked for by everybody in the roster; needs no approval."


def test_what_somebody_may_neither_ask_for_nor_approve_is_hidden() -> None:
    everything = helped("help")
    assert isinstance(everything, AreaHelp)
    assert everything.areas == (("ops", 2),)
    hidden = helped("ops user ban")
    assert isinstance(hidden, SearchHelp)
    assert hidden.operations == ()
    approver = helped("ops user ban", Reader(groups=frozenset({"lead"})))
    assert isinstance(approver, OperationHelp)
    assert approver.here[0].may_approve


def test_help_calls_groups_by_their_names() -> None:
    named = ENGINEER.model_copy(update={"titles": {"engineers": "the engineers", "dba": "database people"}})
    page = helped("ops db restore", named)
    assert isinstance(page, OperationHelp)
    said = " ".join(one.sentence for one in page.here)
    assert "the engineers" in said
    assert page.here[0].may_ask or page.here[1].may_ask
    assert not any(" dba" in one.sentence for one in page.here)


def test_who_is_not_in_the_roster_sees_nothing() -> None:
    page = helped("", Reader(groups=None))
    assert page == AreaHelp(words="", areas=(), operations=())


def test_an_area_lists_what_may_follow() -> None:
    page = helped("/ops db")
    assert isinstance(page, AreaHelp)
    assert [(o.command, o.summary) for o in page.operations] == [
        ("ops db restore", "Put a backup back."),
        ("ops db size", "Show the largest tables."),
    ]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("recover", "ops db restore"),
        ("rolback back", ""),
        ("roll back", "ops db restore"),
        ("largest", "ops db size"),
        ("restor", "ops db restore"),
        ("schema size", "ops db size"),
        ("backup lost", "ops db restore"),
        ("zebra", ""),
        ("ops db restoer", "ops db restore"),
    ],
)
def test_words_are_found_in_names_other_words_descriptions_and_examples(text: str, first: str) -> None:
    page = helped(text)
    assert isinstance(page, SearchHelp)
    assert next((o.command for o in page.operations), "") == first
    assert "help" in page.next
    assert "`" not in page.next, "it is shown as it stands"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/ops recover", "recover"),
        ("ops db restoer shop", "restoer shop"),
        ("roll back", "roll back"),
        ("zebra", "zebra"),
    ],
)
def test_what_was_looked_for_is_said_back_without_the_area_it_was_typed_behind(text: str, said: str) -> None:
    page = helped(text)
    assert isinstance(page, SearchHelp)
    assert page.words == said


def test_secret_and_personal_fields_say_so() -> None:
    page = helped("ops user ban", Reader(groups=frozenset({"support"})))
    assert isinstance(page, OperationHelp)
    whats = {field.key: field.what for field in page.fields}
    assert "form only" in whats["password"]
    assert whats["address"] == "a mail address; personal: kept sealed, people see its mask"
    assert "password" not in page.usage
    assert page.here[0].sentence.endswith("approved by one of lead and one of dba, other than who asks.")
