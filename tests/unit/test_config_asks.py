"""What config itself asks for, by the clock or by a signed delivery: what could not run or could be fooled is said."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from config.scaffold import scaffold
from tests.unit.conftest import Change, company

SCHEDULE = """
[schedules.nightly]
run = "{run}"
cron = "{cron}"
channel = "incidents"
reason = "nightly"
{more}
"""


def schedule(run: str = "/ops db backup shop", cron: str = "0 2 * * *", more: str = "") -> tuple[str, str]:
    return "", SCHEDULE.format(run=run, cron=cron, more=more)


def test_a_schedule_that_can_run_is_sound(change: Change) -> None:
    sample = company(change("schedules.toml", schedule()))
    assert sample.schedules["nightly"].grace == timedelta(hours=1)


def test_two_approvers_may_let_a_schedule_destroy(change: Change) -> None:
    assert company(change("schedules.toml", schedule("/ops db restore shop")))


def test_a_schedule_that_comes_once_in_decades_does_come(change: Change) -> None:
    assert company(change("schedules.toml", schedule(cron="0 2 29 2 mon")))


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"run": "/ops db bakup shop"}, "did you mean `ops db backup`"),
        ({"run": "/ops db"}, "no whole line"),
        ({"run": "/ops db help"}, "no whole line"),
        ({"run": "db backup shop"}, "does not begin with a slash command"),
        ({"run": "/ops db backup shopp"}, "no database `shopp`"),
        ({"run": "/ops db backup 'shop"}, "never ends"),
        ({"run": "/ops db find shop jo@example.com"}, "it holds a personal value"),
        ({"cron": "0 2 * *"}, "not five fields"),
        ({"cron": "0 2 * * 0"}, "means Sunday here and Monday there"),
        ({"cron": "0 2 * * someday"}, "never comes round"),
        ({"cron": "0 2 31 2 *"}, "never comes round"),
        ({"more": 'zone = "Mars"'}, "no time zone"),
        ({"more": 'standing = { lasts = "900d" }'}, "lasts is too large"),
    ],
)
def test_a_schedule_that_could_not_run_is_said(change: Change, parts: Mapping[str, str], what: str) -> None:
    found = change("schedules.toml", schedule(**parts))
    assert isinstance(found, tuple)
    assert [f for f in found if what in f.what], "\n".join(map(str, found))
    assert all(f.file == "schedules.toml" and f.line for f in found)


@pytest.mark.parametrize("more", ["", 'standing = { lasts = "90d" }'])
def test_a_schedule_that_destroys_needs_two_people_who_could_approve_it(change: Change, more: str) -> None:
    change(
        "people.toml",
        ('members = ["ben", "cleo"]', 'members = ["cleo"]'),
        ('members = ["ana", "ben", "cleo"]', 'members = ["ana"]'),
    )
    change("policy.toml", ('approve = ["engineers"]', 'approve = ["lead"]'))
    found = change("schedules.toml", schedule("/ops db restore shop", more=more))
    assert isinstance(found, tuple)
    assert [(f.file, "no human asker it takes 2 people" in f.what) for f in found] == [("schedules.toml", True)]


HOOK = """
[hooks.grafana]
run = "{run}"
channel = "{channel}"
reason = "an alert"
secret = "HOOK_SECRET"
signature = "X-Signature"
{more}
"""


def hook(
    run: str = "/ops db backup shop", channel: str = "incidents", more: str = 'time = "body:at"'
) -> tuple[str, str]:
    return "", HOOK.format(run=run, channel=channel, more=more)


@pytest.fixture
def hooked(change: Change, tmp_path: Path) -> Change:
    """The sample company with a file of hooks, which it has none of."""
    (tmp_path / "company" / "hooks.toml").write_text("")
    return change


def test_a_hook_that_can_run_is_sound(hooked: Change) -> None:
    sample = company(hooked("hooks.toml", hook()))
    assert sample.hooks["grafana"].window == timedelta(minutes=5)


SIGNED = 'signs = "{id}.{time}.{body}"\ntime = "X-Time"\ndelivery = "X-Id"'


@pytest.mark.parametrize("more", [SIGNED, 'time = "body:alerts.0.at"\ndelivery = "body:id"\nwindow = "24h"'])
def test_a_time_and_an_id_that_are_signed_count(hooked: Change, more: str) -> None:
    assert company(hooked("hooks.toml", hook(more=more)))


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"run": "/ops db bakup shop"}, "did you mean `ops db backup`"),
        ({"run": "/ops db backup {shop}"}, "no database `{shop}`"),
        ({"run": "/ops db"}, "no whole line"),
        ({"channel": "incident"}, "'incident'"),
        ({"more": ""}, "'time' is missing"),
        ({"more": 'time = "X-Time"'}, "time is a header that signs does not cover"),
        (
            {"more": 'time = "body:at"\ndelivery = "X-GitHub-Delivery"'},
            "delivery is a header that signs does not cover",
        ),
        ({"more": 'time = "body:at"\nsigns = "{time}.{body}"'}, "no header holds it"),
        ({"more": 'time = "X-Time"\nsigns = "{time}{body}"'}, "side by side"),
        ({"more": 'time = "X-Time"\nsigns = "{time}"'}, "not the body once"),
        ({"more": 'time = "body:at"\nsigns = "{url}.{body}"'}, "not the body once"),
        ({"more": 'time = "body:at"\nsigns = "{body}.{body}"'}, "not the body once"),
        ({"more": 'time = "body:at"\nwindow = "25h"'}, "window is too large"),
        ({"more": 'time = "body:at"\nsecret_key = "x"'}, "no key 'secret_key'"),
    ],
)
def test_a_hook_that_could_be_fooled_or_could_not_run_is_said(
    hooked: Change, parts: Mapping[str, str], what: str
) -> None:
    found = hooked("hooks.toml", hook(**parts))
    assert isinstance(found, tuple)
    assert [f for f in found if what in f.what], "\n".join(map(str, found))
    assert all(f.file == "hooks.toml" and f.line for f in found)


def test_a_hook_that_destroys_needs_two_people_who_could_approve_it(hooked: Change) -> None:
    assert company(hooked("hooks.toml", hook("/ops db restore shop")))
    change_two = ('members = ["ben", "cleo"]', 'members = ["cleo"]')
    hooked("people.toml", change_two, ('members = ["ana", "ben", "cleo"]', 'members = ["ana"]'))
    found = hooked("policy.toml", ('approve = ["engineers"]', 'approve = ["lead"]'))
    assert isinstance(found, tuple)
    assert [(f.file, "no human asker it takes 2 people" in f.what) for f in found] == [("hooks.toml", True)]


def test_the_hooks_of_the_starting_folder_are_sound_once_the_marks_of_comments_are_gone(hooked: Change) -> None:
    text = (Path(scaffold.__code__.co_filename).parent / "starter" / "hooks.toml").read_text()
    lines = [line.removeprefix("# ") for line in text.splitlines() if re.match(r"# (\[|\w+ = )", line)]
    sample = company(hooked("hooks.toml", ("", "\n".join(lines).replace("/ops health", "/ops db size shop"))))
    assert set(sample.hooks) == {"grafana", "pagerduty"}
