"""What the contestants are sent: slash commands, and clicks on Approve, as Slack writes them."""

import json
import secrets
from collections.abc import Mapping
from itertools import count
from typing import Any
from urllib.parse import urlencode

from deploy.local.slack import SlackServer
from deploy.local.slack.state import Channel, Person

READ = "db connections shop"
NUMBERS = count(1)


def change() -> str:
    """Words that nobody typed before."""
    return f'bench change reason="number {next(NUMBERS)}"'


def command(slack: SlackServer, name: str, text: str) -> str:
    """Somebody types `/ops …` in #incidents; a request of its own each time."""
    person, channel = _person(slack, name), _channel(slack, "incidents")
    return urlencode(
        {
            "token": "-", "team_id": slack.state.team.id, "team_domain": slack.state.team.domain,
            "channel_id": channel.id, "channel_name": channel.name, "user_id": person.id, "user_name": person.name,
            "command": "/ops", "text": text, "api_app_id": "A0", "is_enterprise_install": "false",
            "response_url": f"{slack.url}/commands/none", "trigger_id": secrets.token_hex(12),
        }
    )  # fmt: skip


def approve(slack: SlackServer, name: str, shown: Mapping[str, Any]) -> str:
    """Somebody presses Approve; `shown` has id, fingerprint, channel and ts of a run whose plan is shown."""
    person, channel = _person(slack, name), _channel(slack, shown["channel"])
    app = next(iter(slack.state.apps.values()))
    url = slack.core.response_url(app, "actions", person.id, channel, shown["ts"])
    button = {
        "type": "button", "action_id": "run.approve", "block_id": "b", "action_ts": "1.0",
        "value": f"{shown['id']}|{shown['fingerprint']}|approve|",
    }  # fmt: skip
    payload = {
        "type": "block_actions", "team": slack.core.team_part(), "user": slack.core.user_part(person.id),
        "api_app_id": app.id, "token": "-", "trigger_id": secrets.token_hex(12),
        "container": {"type": "message", "channel_id": channel.id, "message_ts": shown["ts"]},
        "channel": {"id": channel.id, "name": channel.name}, "response_url": f"{slack.url}{url.path}",
        "actions": [button],
    }  # fmt: skip
    return urlencode({"payload": json.dumps(payload)})


def _person(slack: SlackServer, name: str) -> Person:
    found = slack.state.person(name)
    if found is None:
        raise LookupError(f"the sample company has no {name}")
    return found


def _channel(slack: SlackServer, name: str) -> Channel:
    found = slack.state.channel(name)
    if found is None:
        raise LookupError(f"the sample company has no channel {name}")
    return found
