"""Tiers, scopes, JSON, required arguments and error words against the reference's table, where it is at hand."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from deploy.local.slack.web.methods import ALL

FACTS = Path(os.environ.get("SLACK_REFERENCE") or Path(__file__).parents[3] / "shared" / "slack") / "facts.md"
SOURCE = Path(__file__).parents[2] / "deploy" / "local" / "slack"
WORD = re.compile(r"""SlackError\(\s*f?"([a-z_]+)"|return "([a-z]+_[a-z_]+)"|word = "([a-z_]+)\"""")
# Words that the reference's excerpt does not list, each seen elsewhere: the SDKs' tests, or Slack's own answers.
ELSEWHERE = {
    "app_not_found": "apps.manifest.*",
    "invalid_app_id": "apps.manifest.*",
    "invalid_manifest": "apps.manifest.*",
    "invalid_json": "a body that is no JSON",
    "json_not_object": "a JSON body that is no object",
    "expired_url": "a response_url that is too old",
    "used_url": "a response_url that is used up",
    "invalid_payload": "a response_url's body",
    "bad_gateway": "only in the log: an answer that is no JSON",
    "cannot_dm_bot": "chat.postMessage to a bot",
    "invalid_errors": "only in the log: an answer to view_submission",
    "invalid_response_action": "only in the log: an answer to view_submission",
    "socket_mode_disabled": "apps.connections.open",
}
# Where an argument is judged otherwise than by the table's row.
OTHERWISE = {
    "assistant.threads.setStatus": "an empty status clears it",
    "chat.appendStream": "chunks may stand in markdown_text's place",
    "conversations.create": "a name that is absent has a word of its own",
    "conversations.rename": "a name that is absent has a word of its own",
    "conversations.setTopic": "an empty topic clears it",
    "conversations.setPurpose": "an empty purpose clears it",
    "conversations.invite": "users that are absent have a word of their own",
    "reactions.add": "a message that is absent has a word of its own",
}


@pytest.fixture(scope="module")
def table() -> dict[str, list[str]]:
    """The method table's rows: HTTP, JSON, tier, scopes, required arguments, error words."""
    if not FACTS.exists():
        pytest.skip("the reference material is not beside the repository")
    rows = [line.strip().strip("|").split(" | ") for line in FACTS.read_text().splitlines() if line.startswith("| ")]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows if len(row) == 7 and "." in row[0]}


def test_each_method_of_the_table_is_offered(table: dict[str, list[str]]) -> None:
    assert set(table) - {method.name for method in ALL} == {"blocks.validate"}


def test_each_method_has_the_tables_tier_and_json(table: dict[str, list[str]]) -> None:
    rows = {name: (row[1] == "yes", row[2]) for name, row in table.items() if name != "blocks.validate"}
    assert {one.name: (one.json, one.tier) for one in ALL if one.name in rows} == rows


def test_each_method_has_the_tables_scopes(table: dict[str, list[str]]) -> None:
    wanted = {name: set(row[3].split(" or ")) - {"none"} for name, row in table.items() if name != "blocks.validate"}
    assert {one.name: set(one.scopes) for one in ALL if one.name in wanted} == wanted


def test_each_method_needs_the_tables_arguments(table: dict[str, list[str]]) -> None:
    for method in ALL:
        if method.name in table and method.name not in OTHERWISE:
            wanted = set(table[method.name][4].split(", ")) - {"-"}
            assert set(method.required) == wanted, method.name


def test_no_refusal_uses_a_word_slack_does_not_know(table: dict[str, list[str]]) -> None:
    known = set(re.findall(r"[a-z_]+", FACTS.read_text()))
    used = {
        next(filter(None, found))
        for path in [*SOURCE.glob("*.py"), *SOURCE.glob("web/*.py"), *SOURCE.glob("interactions/*.py")]
        for found in WORD.findall(path.read_text())
    }
    assert {word for word in used if word not in known} <= set(ELSEWHERE)
    assert "channel_not_found" in used
