"""The typed line: what people and phones write, and what is refused at the door."""

import enum
import string
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Field

from bot.durations import Size
from bot.effect import Secret
from bot.fields import Kind, Unsupported, fields
from bot.leaks import Leak, leak
from bot.model import Risk
from bot.operation import Database, Input, Looks, Person, Personal, Service, Subject
from bot.parse import Code, Fault, Known, line, line_so_far, needs_reason, read, usage, words_of
from bot.slack.forms import written
from bot.words import Word, split, strip, unescape


class Mode(enum.Enum):
    FULL = 1
    SCHEMA_ONLY = 2


class Restore(Input):
    database: Database = Field(description="which database")
    backup: str = "latest"
    kind: Literal["full", "schema", "data"] = "full"
    mode: Mode = Mode.FULL
    keep: bool = False
    lasting: timedelta = timedelta(hours=1)
    at: datetime | None = None
    most: Size = 1024
    ratio: float = 0.5
    replicas: Annotated[int, Field(ge=0, le=50)] = 1
    services: tuple[Service, ...] = ()
    tables: frozenset[str] = frozenset()


class Ban(Input):
    user: Annotated[Person, Subject]
    address: Annotated[Personal | None, Looks.MAIL] = None
    password: Secret | None = None


KNOWN = Known(
    targets={"database": ("shop", "shop-staging"), "service": ("web", "api"), "person": ("ana", "ben")},
    accounts={"U0ANA": "ana"},
)


def parsed(text: str, known: Known | None = KNOWN) -> Restore | Fault:
    words = words_of(unescape(text))
    return words if isinstance(words, Fault) else read("ops db restore", Restore, words, known)


def fault(text: str) -> Fault:
    found = parsed(text)
    assert isinstance(found, Fault)
    return found


clean_text = st.text(min_size=1, max_size=30).map(strip).filter(lambda t: bool(t) and leak(t, prose=True) is None)
restores = st.builds(
    Restore,
    reason=st.one_of(st.just(""), clean_text),
    database=st.sampled_from(["shop", "keep", "help", "a-1"]).map(lambda k: Database(key=k)),
    backup=st.one_of(clean_text, st.just("keep"), st.just("a=b"), st.just('"“')),
    kind=st.sampled_from(["full", "schema", "data"]),
    mode=st.sampled_from(Mode),
    keep=st.booleans(),
    lasting=st.timedeltas(min_value=timedelta(), max_value=timedelta(days=400)),
    at=st.none() | st.datetimes(timezones=st.just(UTC)),
    most=st.integers(0, 2**50),
    ratio=st.floats(allow_nan=False, allow_infinity=False),
    replicas=st.integers(0, 50),
    services=st.lists(st.sampled_from(["web", "api"]).map(lambda k: Service(key=k)), max_size=3).map(tuple),
    tables=st.frozensets(clean_text, max_size=3),
)


def as_slack_sends(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@example(Restore(database=Database(key="shop"), tables=frozenset({",", "\\", "\\,", "a,b"})))
@given(restores)
def test_the_printed_line_does_the_same(params: Restore) -> None:
    typed = line("ops db restore", params)
    assert typed.startswith("/ops db restore ")
    assert parsed(as_slack_sends(typed.removeprefix("/ops db restore ")), known=None) == params


@example(Restore(database=Database(key="--look"), backup="--look", reason="a\n\nb \u202e c"))
@given(restores)
def test_the_line_of_a_forms_texts_reads_as_the_same_values(params: Restore) -> None:
    typed = line_so_far("ops db restore", fields(Restore), written(params, fields(Restore)))
    found = parsed(as_slack_sends(typed.removeprefix("/ops db restore ")), known=None)
    assert found == params.model_copy(update={"reason": strip(params.reason)})


def test_the_line_so_far_shows_what_is_missing_and_never_what_is_secret_or_personal() -> None:
    specs = fields(Restore)
    assert line_so_far("ops db restore", specs, {}, reason=True) == '/ops db restore <database> reason="…"'
    assert (
        line_so_far("ops db restore", specs, {"keep": "yes", "kind": "full"}) == "/ops db restore <database> keep=yes"
    )
    hidden = {"address": "ana@example.com", "password": "hunter2", "user": "ana"}
    assert line_so_far("ops user ban", fields(Ban), hidden) == "/ops user ban ana"


def test_a_personal_field_that_is_left_out_shifts_no_other() -> None:
    class Tell(Input):
        address: Personal
        words: str

    assert line_so_far("ops tell", fields(Tell), {"address": "ana@example.com", "words": "hello"}) == (
        "/ops tell words=hello"
    )


class Positional(Input):
    first: str
    middle: str = "x"
    last: str


@example("a=b", "x", "help")
@example("“", "", "'")
@given(clean_text, st.sampled_from(["x", "y", "help", ""]), clean_text)
def test_a_field_left_out_in_the_middle_shifts_nothing(first: str, middle: str, last: str) -> None:
    params = Positional(first=first, middle=middle, last=last)
    words = words_of(line("ops x", params).removeprefix("/ops x "))
    assert not isinstance(words, Fault)
    assert read("ops x", Positional, words) == params


@given(st.text(max_size=60))
def test_whatever_is_typed_gives_params_or_a_fault_that_says_what_to_do(text: str) -> None:
    found = parsed(text)
    if isinstance(found, Fault):
        assert len(found.sentence) > 20
        assert found.sentence == strip(found.sentence)


def test_words_go_to_fields_in_their_order_and_keys_in_any() -> None:
    found = parsed("backup=b1 shop schema keep replicas=3 services=web,api")
    assert found == Restore(
        database=Database(key="shop"),
        backup="b1",
        kind="schema",
        keep=True,
        replicas=3,
        services=(Service(key="web"), Service(key="api")),
    )


@pytest.mark.parametrize(
    "quoted",
    [
        'reason="it is late"',
        "reason=“it is late”",
        "reason=”it is late“",
        "reason=„it is late“",
        "reason=‘it is late’",
        "reason='it is late'",
        'reason=“it is late"',
    ],
)
def test_phone_quotes_are_quotes(quoted: str) -> None:
    found = parsed(f"shop {quoted}")
    assert isinstance(found, Restore)
    assert found.reason == "it is late"


def test_an_apostrophe_ends_no_quote() -> None:
    assert split("reason=‘it’s Ben’s’ x") == (Word("it’s Ben’s", "reason", True), Word("x"))
    assert split("it's fine") == (Word("it's"), Word("fine"))


@pytest.mark.parametrize("text", ['shop reason="never ends', "shop reason=“a”b", "reason='x"])
def test_a_quote_that_goes_wrong_is_said(text: str) -> None:
    assert fault(text).code is Code.QUOTE


def test_slack_writing_is_resolved_and_only_ids_count() -> None:
    written = "<@U0ANA|ben> <#C0INC|other> <!subteam^S0DBA|@x> <https://a.io/?q=1&amp;r=2|click> a &lt;b&gt; &amp;amp;"
    assert unescape(written) == "U0ANA C0INC S0DBA https://a.io/?q=1&r=2 a <b> &amp;"


def test_a_mention_names_the_person_of_that_account_whatever_its_label_says() -> None:
    found = read("ops user ban", Ban, split(unescape("<@U0ANA|ben>")), KNOWN)
    assert found == Ban(user=Person(key="ana"))
    stranger = read("ops user ban", Ban, split(unescape("<@U0EVE|ana>")), KNOWN)
    assert isinstance(stranger, Fault)
    assert stranger.code is Code.UNKNOWN_TARGET


def test_a_name_behind_an_at_sign_is_offered_but_never_taken() -> None:
    found = read("ops user ban", Ban, split("@ana"), KNOWN)
    assert isinstance(found, Fault)
    assert (found.code, found.line) == (Code.UNKNOWN_TARGET, "/ops user ban ana")


class Login(Input):
    password: Secret


def test_a_required_secret_sends_a_line_to_the_form() -> None:
    found = read("ops login", Login, ())
    assert isinstance(found, Fault)
    assert found.code is Code.NEEDS_FORM


def test_invisible_characters_are_gone() -> None:
    assert strip("ok\u202e now\x00\x1b[31m\u200b\ufeff\n*a*\u00a0b\u2066") == "ok now[31m *a* b"


@pytest.mark.parametrize(
    ("typed", "fixed"),
    [
        ("shopp", "/ops db restore shop"),
        ("SHOP", "/ops db restore shop"),
        ("shop bakup=b1", "/ops db restore shop backup=b1"),
        ("shop kind=shema", "/ops db restore shop kind=schema"),
        ("shop services=web,apy", "/ops db restore shop services=web,api"),
        ("shop bakup=“b 1”", '/ops db restore shop backup="b 1"'),
    ],
)
def test_what_was_meant_is_offered_as_a_whole_line(typed: str, fixed: str) -> None:
    assert fault(typed).line == fixed
    assert isinstance(parsed(fixed.removeprefix("/ops db restore ")), Restore)


@pytest.mark.parametrize(
    ("typed", "code", "hint"),
    [
        ("", Code.MISSING, "type `/ops db restore <database>"),
        ("zzz", Code.UNKNOWN_TARGET, "I know shop, shop-staging"),
        ("shop qqq=1", Code.UNKNOWN_KEY, "`backup=`"),
        ("shop backup=a backup=b", Code.TWICE, "keep one"),
        ("shop replicas=three", Code.INVALID, "type e.g. 3"),
        ("shop replicas=99", Code.INVALID, "must be at most 50"),
        ("shop replicas=٣", Code.INVALID, "type e.g. 3"),
        ("shop lasting=30", Code.INVALID, "no unit"),
        ("shop at=2026-03-04T12:00", Code.INVALID, "no time zone"),
        ("shop at=0001-01-01T00:00+14:00", Code.INVALID, "outside the calendar"),
        ("shop ratio=nan", Code.INVALID, "no number"),
        ("shop keep=maybe", Code.INVALID, "neither yes nor no"),
        ("shop tables=a,,b", Code.INVALID, "empty entry"),
    ],
)
def test_every_fault_says_what_to_type(typed: str, code: Code, hint: str) -> None:
    found = fault(typed)
    assert found.code is code
    assert hint in found.sentence


def test_words_left_over_become_the_reason_in_the_line_offered() -> None:
    words = split("ana a@b x because he asked")
    found = read("ops user ban", Ban, [w for w in words if w.value != "a@b"], KNOWN)
    assert isinstance(found, Fault)
    assert (found.code, found.line) == (Code.TOO_MANY, '/ops user ban ana x reason="because he asked"')


def test_a_secret_never_comes_from_a_line() -> None:
    found = read("ops user ban", Ban, split("ana password=hunter2"), KNOWN)
    assert isinstance(found, Fault)
    assert found.code is Code.SECRET
    assert "hunter2" not in found.sentence + found.line


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("tell jane.doe+x@example.co.uk", Leak.MAIL),
        ("xoxb-" + "1234567890-abc", Leak.TOKEN),
        ("as in p-" + "0123456789abcdef" * 2, Leak.TOKEN),
        ("see ghp_" + "a1B2" * 9, Leak.TOKEN),
        ("AKIA" + "IOSFODNN7EXAMPLE", Leak.TOKEN),
        ("eyJhbGciOiJI." + "eyJzdWIiOiIx." + "c2ln", Leak.TOKEN),
        ("postgres://app:hunter2@db/shop", Leak.PASSWORD),
        ("the password is hunter2", Leak.PASSWORD),
        ("pwd=hunter2", Leak.PASSWORD),
        ("-----BEGIN " + "OPENSSH PRIVATE KEY-----", Leak.KEY),
        ("use aB3dE6gH9jK2mN5pQ8sT1vW4yZ7", Leak.TOKEN),
    ],
)
def test_what_looks_like_a_secret_is_refused_without_being_repeated(text: str, kind: Leak) -> None:
    assert leak(text, prose=True) is kind
    found = fault(f'shop reason="{text}"')
    assert found.code is Code.LEAK
    assert kind.value in found.sentence
    assert text.split()[-1] not in found.sentence + found.line


@pytest.mark.parametrize("typed", ["shop x@example.com", "shop token=abcdefghijk", "x@example.com", "q=x@example.com"])
def test_a_leak_is_refused_wherever_it_stands(typed: str) -> None:
    assert fault(typed).code is Code.LEAK


@pytest.mark.parametrize(
    "text",
    [
        "roll back to 4f2a9c1e8b7d6a5f4e3d2c1b0a9f8e7d6c5b4a39",
        "user 123e4567-e89b-12d3-a456-426614174000 asked for it",
        "password reset does not work, tokens expire too soon",
        "see https://status.example.com/incidents/2026-03-04",
        "deploy web@sha256:abc failed, /srv/app/releases/2026-03-04/current/README is gone",
        "Donaudampfschifffahrtsgesellschaftskapitaen",
    ],
)
def test_ordinary_reasons_pass(text: str) -> None:
    assert leak(text, prose=True) is None


def test_ids_of_vendors_are_no_tokens_as_values_of_a_field() -> None:
    assert isinstance(parsed("shop dpl_89qyp1cskzkLrVicDaZoDbjyHuDJ"), Restore)


def test_a_field_for_personal_data_takes_a_mail_address() -> None:
    found = read("ops user ban", Ban, split("ana address=x@example.com"), KNOWN)
    assert found == Ban(user=Person(key="ana"), address=Personal.typed("x@example.com"))


def test_what_changes_something_needs_a_reason() -> None:
    params = Restore(database=Database(key="shop"))
    found = needs_reason("ops db restore", params, Risk.WRITE)
    assert found is not None
    assert found.line == '/ops db restore shop reason="…"'
    assert needs_reason("ops db restore", params, Risk.READ) is None
    assert needs_reason("ops db restore", params.model_copy(update={"reason": "x"}), Risk.DESTRUCTIVE) is None


def test_fields_tell_all_that_a_form_needs() -> None:
    specs = {spec.name: spec for spec in fields(Restore)}
    assert list(specs)[-1] == "reason"
    assert (specs["database"].target, specs["database"].required, specs["database"].description) == (
        "database",
        True,
        "which database",
    )
    assert specs["mode"].choices == ("full", "schema-only")
    assert (specs["services"].kind, specs["services"].many, specs["services"].default) == (Kind.TARGET, True, "")
    assert (specs["lasting"].default, specs["most"].default, specs["at"].default) == ("1h", "1KiB", None)
    ban = {spec.name: spec for spec in fields(Ban)}
    assert (ban["user"].subject, ban["address"].personal, ban["password"].secret) == (True, True, True)
    assert ban["password"].default is None


def test_the_usage_shows_what_must_be_typed_and_what_may() -> None:
    shape = usage("ops db restore", fields(Restore), reason=True)
    assert shape.startswith("/ops db restore <database> [backup=…] [kind=full|schema|data]")
    assert "[keep]" in shape
    assert shape.endswith('reason="…"')


def test_a_type_that_cannot_be_typed_is_refused_when_the_fields_are_read() -> None:
    class Odd(Input):
        where: dict[str, str]

    with pytest.raises(Unsupported, match="where"):
        fields(Odd)


@given(st.text(string.printable, max_size=20), st.text(string.printable, max_size=20))
def test_a_word_reads_back_as_it_was_printed(value: str, other: str) -> None:
    words = (Word(strip(value), "key"), Word(strip(other)))
    again = split(" ".join(str(word) for word in words))
    assert [(w.key, w.value) for w in again] == [(w.key, w.value) for w in words]
