"""The shape of every answer and payload against samples of Slack's own, where that reference is at hand."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from deploy.local.slack.delivery import events
from deploy.local.slack.web.methods import ALL
from tests.local_slack import sent
from tests.local_slack.bench import Bench, Recorder
from tests.local_slack.everything import answers

REFERENCE = Path(os.environ.get("SLACK_REFERENCE") or Path(__file__).parents[3] / "shared" / "slack")
RULES = REFERENCE / "slack-required.json"
REQUIRED = json.loads(RULES.read_text()) if RULES.exists() else {}
# The event wrapper's documentation, the SDK's types and the recorded events have these; the samples made from the SDK's
# classes do not.
DOCUMENTED = {"$.context_team_id", "$.context_enterprise_id", "$.event.event_ts", "$.event.cache_ts"}
# A message of an app has these wherever it is read; the samples of message events, made from classes, leave them out.
OF_MESSAGES = ("app_id", "bot_id", "bot_profile", "is_locked", "parent_user_id", "reply_users", "team")
EVENT_SAMPLES = {
    "message": "MessagePayload",
    "app_mention": "AppMentionPayload",
    "app_home_opened": "AppHomeOpenedPayload",
    "member_joined_channel": "MemberJoinedChannelPayload",
    "subteam_members_changed": "SubteamMembersChangedPayload",
    "user_change": "UserChangePayload",
    "reaction_added": "ReactionAddedPayload",
    "channel_created": "ChannelCreatedPayload",
    "channel_rename": "ChannelRenamePayload",
    "channel_archive": "ChannelArchivePayload",
    "pin_removed": "PinRemovedPayload",
    "subteam_created": "SubteamCreatedPayload",
    "message/message_changed": "MessageChangedPayload",
    "message/channel_join": "MessageChannelJoinPayload",
    "message/channel_topic": "MessageChannelTopicPayload",
    "message/channel_name": "MessageChannelNamePayload",
    "message/me_message": "MessageMePayload",
    "message/thread_broadcast": "MessageThreadBroadcastPayload",
    "file_shared": "FileSharedPayload",
    "group_archive": "GroupArchivePayload",
    "group_unarchive": "GroupUnarchivePayload",
    "team_join": "TeamJoinPayload",
    "tokens_revoked": "TokensRevokedPayload",
    "message/bot_message": "MessageBotPayload",
    "message/channel_leave": "MessageChannelLeavePayload",
    "message/file_share": "MessageFileSharePayload",
    "message/group_topic": "MessageGroupTopicPayload",
}


@pytest.fixture(scope="module")
def check() -> Any:
    """The reference's checker."""
    source = REFERENCE / "shape_check.py"
    if not source.exists():
        pytest.skip("the reference material is not beside the repository")
    spec = importlib.util.spec_from_file_location("shape_check", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sample(folder: str, name: str) -> dict[str, Any]:
    """A sample; an empty object where there is none, so that only required keys are judged."""
    path = REFERENCE / "samples" / folder / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {"ok": False} if folder == "api" else {}


def faults(check: Any, folder: str, name: str, candidate: dict[str, Any]) -> list[str]:
    """What differs, but for notes; a missing sample judges required keys only."""
    found = check.check(sample(folder, name), candidate, name, REQUIRED)
    judged = (REFERENCE / "samples" / folder / f"{name}.json").exists()
    kinds = ("lacks", "type", "never") if judged else ("lacks",)
    wrong = [
        one
        for one in found
        if one["kind"] in kinds and one["strength"] == "must" and not _documented(name, one["kind"], one["path"])
    ]
    return [f"{one['kind']} {one['path']} {one['note']}" for one in wrong]


def _documented(name: str, kind: str, path: str) -> bool:
    of_message = name.startswith("Message") and kind == "never" and path.rpartition(".")[2] in OF_MESSAGES
    return path in DOCUMENTED or of_message


async def test_every_method_offered_answers_in_slacks_shape(check: Any) -> None:
    async with Bench(socket=True) as bench:
        found = await answers(bench)
    offered = {method.name for method in ALL} - {"files.upload"}  # retired: it is offered to be refused
    assert set(found) == offered
    wrong = {name: faults(check, "api", name, found[name]) for name in sorted(offered)}
    assert {name: lines for name, lines in wrong.items() if lines} == {}


async def test_every_event_has_slacks_shape(check: Any, bench: Bench, recorder: Recorder) -> None:
    bench.server.set_request_url(recorder.url)
    found = await sent.events(bench, set(EVENT_SAMPLES))
    wrong = {name: faults(check, "events", file, found[name][-1]) for name, file in EVENT_SAMPLES.items()}
    assert {name: lines for name, lines in wrong.items() if lines} == {}


async def test_too_many_events_are_told_in_slacks_shape(check: Any, bench: Bench) -> None:
    """The documentation has it without a wrapper; the sample, made from a class, has the same keys inside one."""
    core, app = bench.server.core, bench.server.state.app()
    await events._too_many(core, app, 1700000040)
    told = (await bench.slack.log(kind="delivery", name="app_rate_limited"))[0]["request"]
    inside = sample("events", "AppRateLimitedPayload")["event"]
    assert check.check(inside, told, "AppRateLimitedPayload", REQUIRED) == []
    assert set(told) == set(inside)


async def test_every_interaction_has_slacks_shape(check: Any, bench: Bench) -> None:
    async with sent.Offering() as app:
        bench.server.set_request_url(app.url)
        found = await sent.interactions(bench)
    names = {
        "view_submission": "ViewSubmissionPayload",
        "message_action": "MessageShortcutPayload",
        "block_actions/message": "BlockActionPayload",
        "view_closed": "ViewClosedPayload",
        "command": "SlashCommandPayload",
    }
    wrong = {name: faults(check, "app-backend", file, found[name][0]) for name, file in names.items()}
    assert {name: lines for name, lines in wrong.items() if lines} == {}
