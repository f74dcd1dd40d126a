"""Every screen of the bot is one that Slack takes, with a tenth of each limit to spare."""

import json
import re
from typing import Any

import pytest

from bot.lifecycle import ended
from bot.model import Doubt, State
from bot.render.tell import KINDS
from deploy.gallery.screens import Screen, screens
from deploy.local.slack.limits import check_message_blocks, check_view
from deploy.local.slack.switches import Switches
from deploy.local.slack.wire import SlackError

SPARE = 0.1
UTC, TOKEN = re.compile(r"\d UTC"), re.compile(r"<!date\^[^>]*>")
TEXT_MOST = 4000  # of chat.update, the smaller of the two
SCREENS = {screen.name: screen for screen in screens()}


@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
def test_slack_takes_it_with_a_tenth_to_spare(screen: Screen) -> None:
    if screen.view is not None:
        check_view(screen.view, margin=SPARE)
        return
    check_message_blocks(list(screen.blocks), margin=SPARE)
    assert screen.text
    assert len(screen.text) <= TEXT_MOST * (1 - SPARE)
    assert len(json.dumps(screen.metadata)) <= Switches().metadata_bytes * (1 - SPARE)


@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
def test_every_time_is_each_readers_own_wherever_slack_can_draw_it(screen: Screen) -> None:
    said = [words for words in _drawn(dict(screen.view) if screen.view else list(screen.blocks)) if UTC.search(words)]
    assert said == []


def test_the_times_that_are_looked_for_are_there() -> None:
    """The screens hold what operations and the machine write of times, or the test above looks for nothing."""
    drawn = {name for name, s in SCREENS.items() if '"type": "date"' in json.dumps(dict(s.view or {}) or s.blocks)}
    machines = {"awaiting-the-end-of-a-freeze", "under-a-standing-approval"}
    operations = {"succeeded", "unban", "unfreeze", "freeze-already", "refused-as-banned"}
    lists = {"answer-backups", "answer-schedules", "answer-delegations"}
    cards = {f"card/{name}" for name in machines | operations | lists}
    assert {*cards, "modal/details", "page/called", "page/expiring"} <= drawn


def test_the_margin_is_one() -> None:
    view = next(dict(s.view) for s in SCREENS.values() if s.view and s.view["type"] == "modal")
    view["title"] = {"type": "plain_text", "text": "t" * 23}
    check_view(view)
    with pytest.raises(SlackError):
        check_view(view, margin=SPARE)


def test_there_is_a_screen_for_each_state_each_doubt_and_each_kind_of_event() -> None:
    assert {f"card/{state.value.replace('_', '-')}" for state in State if state is not State.IN_DOUBT} <= set(SCREENS)
    assert {f"card/in-doubt-{doubt.value}" for doubt in Doubt} <= set(SCREENS)
    assert {f"reply/{kind.replace('_', '-')}" for kind in KINDS} <= set(SCREENS)
    assert len({screen.name for screen in screens()}) == len(screens())


@pytest.mark.parametrize("state", [state for state in State if ended(state)])
def test_the_card_of_what_ended_decides_nothing_any_more(state: State) -> None:
    shown = json.dumps(SCREENS[f"card/{state.value.replace('_', '-')}"].blocks)
    assert "Approve" not in _labels(json.loads(shown))


def _drawn(node: Any) -> list[str]:
    """Texts in which Slack draws a date: not plain_text (headers, buttons, confirmations), tables, code, fallbacks."""
    if isinstance(node, list | tuple):
        return [words for one in node for words in _drawn(one)]
    if not isinstance(node, dict) or node.get("type") in ("plain_text", "rich_text_preformatted", "date"):
        return []
    if isinstance(words := node.get("text"), str):
        return [] if node.get("style", {}).get("code") else [TOKEN.sub("", words)]
    return [words for one in node.values() for words in _drawn(one)]


def _labels(node: Any) -> list[str]:
    if isinstance(node, list):
        return [label for one in node for label in _labels(one)]
    if not isinstance(node, dict):
        return []
    own = [str(node["text"]["text"])] if node.get("type") == "button" else []
    return own + [label for one in node.values() for label in _labels(one)]
