"""The doors' pure parts: whom a payload is from, what a form's state means, which fault stands beside which field."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from bot.effect import Secret
from bot.fields import fields
from bot.operation import Database, Input, Looks, Personal
from bot.parse import Known, words_of
from bot.slack import drafts
from bot.slack.forms import build, guessed, only_look, texts, typed_again, unchanged, written
from bot.slack.payload import Surface, Unreadable, action, chosen, sender, state

KNOWN = Known(targets={"database": ("shop", "billing")})


class Params(Input):
    database: Database
    mode: Literal["fast", "careful"] = "careful"
    others: tuple[Database, ...] = ()
    count: Annotated[int, Field(gt=0)] = 3
    force: bool = False
    since: datetime | None = None
    window: timedelta = timedelta(minutes=5)
    mail: Annotated[Personal | None, Looks.MAIL] = None
    password: Secret | None = None


SPECS = fields(Params)


def given(**values: str) -> Any:
    return build(Params, SPECS, values, {}, KNOWN)


def test_a_commands_sender_is_its_user_and_team() -> None:
    by = sender({"command": "/ops", "user_id": "U1", "team_id": "T1", "channel_id": "C1", "trigger_id": "t"})
    assert (by.user, by.team, by.surface, by.channel, by.trigger) == ("U1", "T1", Surface.COMMAND, "C1", "t")
    assert not by.foreign


def test_a_click_from_another_organisation_is_known_by_the_accounts_own_team() -> None:
    by = sender({"user": {"id": "U1", "team_id": "T9"}, "team": {"id": "T1"}, "channel": {"id": "C1"}})
    assert (by.team, by.host, by.foreign, by.surface) == ("T9", "T1", True, Surface.MESSAGE)


@pytest.mark.parametrize(("kind", "surface"), [("home", Surface.HOME), ("modal", Surface.MODAL)])
def test_a_view_says_whether_it_is_home_or_a_modal(kind: str, surface: Surface) -> None:
    by = sender({"user": {"id": "U1"}, "team": {"id": "T1"}, "view": {"type": kind, "id": "V1"}})
    assert (by.surface, by.view_id, by.channel) == (surface, "V1", None)


@pytest.mark.parametrize("body", [{}, {"user": None, "team": None}, {"user": {"id": 5}, "team": {"id": "T1"}}])
def test_a_payload_without_an_account_is_unreadable(body: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        sender(body)


@pytest.mark.parametrize(
    "body", [{}, {"actions": []}, {"actions": "x"}, {"actions": [None]}, {"view": {"state": None}}]
)
def test_odd_payloads_give_nothing_rather_than_break(body: dict[str, Any]) -> None:
    assert chosen(action(body)) == ""
    assert state(body) == {}


def test_a_forms_state_is_read_as_typed_texts_and_secrets_apart() -> None:
    elements: dict[str, dict[str, Any]] = {
        "database": {"type": "external_select", "selected_option": {"value": "shop"}},
        "mode": {"type": "static_select", "selected_option": None},
        "others": {"type": "multi_external_select", "selected_options": [{"value": "shop"}, {"value": "billing"}]},
        "count": {"type": "number_input", "value": "7"},
        "force": {"type": "checkboxes", "selected_options": [{"value": "yes"}]},
        "since": {"type": "datetimepicker", "selected_date_time": 1772625600},
        "window": {"type": "plain_text_input", "value": " 90s "},
        "password": {"type": "plain_text_input", "value": " s3cret "},
        "reason": {"type": "plain_text_input", "value": None},
    }
    words, secrets = texts(elements, SPECS)
    assert words == {
        "database": "shop", "others": "shop,billing", "count": "7", "force": "yes", "since": "2026-03-04T12:00:00Z",
        "window": "90s",
    }  # fmt: skip
    assert secrets["password"].reveal() == " s3cret "
    params = build(Params, SPECS, words, secrets, KNOWN)
    assert isinstance(params, Params)
    assert params.since == datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    assert [db.key for db in params.others] == ["shop", "billing"]


def test_every_fault_stands_beside_its_own_field() -> None:
    faults = given(database="shopp", count="many", window="soon")
    assert set(faults) == {"database", "count", "window"}
    assert "did you mean shop?" in faults["database"]
    assert "soon" in faults["window"]


def test_a_bound_and_a_missing_field_are_told_beside_it() -> None:
    assert "greater than 0" in given(database="shop", count="0")["count"]
    assert given(count="1") == {"database": "this is missing"}


@pytest.mark.parametrize("words", ["write to jane@example.com", "token xoxb-1234567890-abcdef"])
def test_what_looks_like_a_secret_or_a_mail_address_is_refused_with_the_reason(words: str) -> None:
    faults = given(database="shop", reason=words)
    assert "kept for good" in faults["reason"]
    assert words not in faults["reason"]


def test_a_personal_field_takes_a_mail_address() -> None:
    params = given(database="shop", mail="jane@example.com")
    assert params.mail == Personal.typed("jane@example.com")
    assert "mail" not in written(params, SPECS), "what was typed is put into no form and no draft"


def test_a_mask_that_stays_in_a_form_is_the_value_it_was_drawn_for() -> None:
    token = f"p-{'0' * 32}"
    drawn, saved = {"mail": "j…@example.com"}, {"mail": token}
    assert unchanged({"mail": "j…@example.com"}, drawn, saved, SPECS) == {"mail": token}
    assert unchanged({"mail": "kim@example.com"}, drawn, saved, SPECS) == {}
    assert unchanged({}, {"mail": ""}, saved, SPECS) == {}
    assert "only stands for a value" in given(database="shop", mail="j…@example.com")["mail"]
    assert "a token" in given(database="shop", mail=token)["mail"], "nobody types one"


def test_an_entry_that_only_tells_is_no_value() -> None:
    assert set(given(database="!")) == {"database"}


def test_params_and_their_texts_are_the_same_thing() -> None:
    params = given(database="shop", others="shop,billing", since="2026-03-04T12:00:00Z", window="2h30m", reason="x")
    assert build(Params, SPECS, written(params, SPECS), {}, KNOWN) == params


def test_a_faulty_line_fills_what_it_can_and_never_a_secret() -> None:
    words = words_of('shop fast window=soon password=hunter2 mail=x@example.com reason="a drill" force')
    assert isinstance(words, tuple)
    assert guessed(words, SPECS) == (
        {"database": "shop", "mode": "fast", "window": "soon", "reason": "a drill", "force": "yes"}, (),
    )  # fmt: skip


def test_a_draft_remembers_which_run_it_amends_and_which_line_it_repeats() -> None:
    amends = drafts.amended(drafts.amending(142, "ab", {"database": "shop"}))
    assert amends is not None
    assert (amends.run, amends.fingerprint) == (142, "ab")
    assert drafts.amended({"database": "shop"}) is None
    assert drafts.line_of(drafts.typed("/ops db restore shop")) == "/ops db restore shop"


def test_the_value_typed_again_and_the_look_are_read_from_the_state() -> None:
    assert typed_again({"_confirm": {"value": " shop "}}) == "shop"
    assert only_look({"_look": {"selected_options": [{"value": "look"}]}})
    assert not only_look({"_look": {"selected_options": []}})
