"""What a tool that failed said itself, in the thread."""

from typing import Any

from bot import render
from bot.model import Mark, State, Way
from tests.unit.rendered import NAMES, event, view

STEP: dict[str, Any] = {"step": "load", "way": Way.DO, "attempt": 1, "mark": Mark.FAILED}


def test_a_tools_last_lines_stand_under_what_it_failed_at_but_for_what_is_said_already() -> None:
    why = "pg_restore stopped: the server's disk is full"
    output = ["pg_restore: warning: errors ignored", "pg_restore: error: could not extend file"]
    failed = event(1, "step_failed", **STEP, body={"why": why, "output": output})
    (message,) = render.replies(view(State.RUNNING), [failed], NAMES)
    assert all(line in str(message.blocks) for line in output)
    same = {"why": "pg_restore stopped: no such role", "output": ["pg_restore: error: no such role"]}
    (message,) = render.replies(view(State.RUNNING), [failed.model_copy(update={"body": same})], NAMES)
    assert str(message.blocks).count("no such role") == 1
