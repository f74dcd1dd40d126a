"""Slash commands: who may run one, the form that is sent, and what is made of the answer."""

from __future__ import annotations

import re

from .. import posting
from ..core import Core
from ..delivery.transport import Ack, Delivery
from ..limits.normalize import cut_at_urls, normalize_text
from ..posting import read_answer
from ..spec import SlashCommand
from ..state import Channel, InstalledApp, Message, Person, ResponseUrl
from ..wire import JsonObject, SlackError
from .outcome import Outcome, blocked, of_ack

_MENTION = re.compile(r"(?<![\w<])@([\w.-]+)")
_CHANNEL = re.compile(r"(?<![\w<&])#([\w-]+)")
_TOKEN = re.compile(r"(<[^<>\n]*>)")


async def run(core: Core, person: Person, channel: Channel, line: str, thread_ts: str = "") -> Outcome:
    """Run what a person typed. Words for the person come back as an ephemeral message from Slackbot too."""
    word, _, rest = line.strip().partition(" ")
    found = find(core, word)
    refusal = _refusal(core, person, channel, word, thread_ts) if found else _unknown(word)
    if found is None or refusal:
        posting.slackbot_says(core, channel, person.id, refusal)
        return blocked(refusal)
    app, command = found
    url = core.response_url(app, "commands", person.id, channel)
    trigger = core.trigger(app, person.id, channel=channel.id)
    payload = _form(core, app, person, channel, command, rest.strip(), url, trigger)
    ack = await core.transport.deliver(app, Delivery("slash_commands", payload, command.url, command.command))
    words, ts = answer(core, app, person, channel, line.strip(), command.command, ack, url)
    return of_ack(ack, words, trigger_id=trigger, response_url=payload["response_url"], ts=ts)


def find(core: Core, word: str) -> tuple[InstalledApp, SlashCommand] | None:
    """The command of that name; of two apps the one installed last wins."""
    for app in reversed(core.state.apps.values()):
        for command in app.spec.manifest.features.slash_commands:
            if command.command == word and not app.revoked and "commands" in app.scopes:
                return app, command
    return None


def _unknown(word: str) -> str:
    return f"`{word}` is not a valid command. A message that starts with “/” is read as a command in Slack."


def _refusal(core: Core, person: Person, channel: Channel, word: str, thread_ts: str) -> str:
    """Why Slack would not even send it; "" when it would."""
    if thread_ts:
        return f"`{word}` is not supported in threads. Sorry!"
    if person.outsider:
        return f"`{word}` can’t be used here: commands are for members of {core.state.team.name} only."
    if channel.archived:
        return f"`{word}` can’t be used in a channel that is archived."
    return ""


def _form(
    core: Core,
    app: InstalledApp,
    person: Person,
    channel: Channel,
    command: SlashCommand,
    text: str,
    url: ResponseUrl,
    trigger: str,
) -> JsonObject:
    return {
        "token": app.spec.verification_token,
        "team_id": core.state.team.id,
        "team_domain": core.state.team.domain,
        "channel_id": channel.id,
        "channel_name": core.channel_name(channel),
        "user_id": person.id,
        "user_name": person.name,
        "command": command.command,
        "text": escaped(core, app, text) if command.should_escape else text,
        "api_app_id": app.id,
        "is_enterprise_install": "false",
        "response_url": f"{core.base_url}{url.path}",
        "trigger_id": trigger,
    }


def escaped(core: Core, app: InstalledApp, text: str) -> str:
    """Text with people, groups, channels and links as ids, and entities escaped."""

    def person(found: re.Match[str]) -> str:
        member, group = core.state.person(found[1]), core.state.group(found[1])
        if member:
            return f"<@{member.id}|{member.name}>"
        return f"<!subteam^{group.id}|@{group.handle}>" if group else found[0]

    def channel(found: re.Match[str]) -> str:
        there = core.state.channel(found[1])
        if there is None:
            return found[0]
        hidden = there.kind != "channel" and app.spec.bot_user_id not in there.members
        return f"<#{there.id}|{'' if hidden else there.name}>"

    def named(words: str) -> str:
        return _CHANNEL.sub(channel, _MENTION.sub(person, words))

    def sent(part: str) -> str:
        if part.startswith("<"):
            return part  # a token that was typed
        return "".join(f"<{words}>" if is_url else named(words) for words, is_url in cut_at_urls(part))

    return "".join(sent(part) for part in _TOKEN.split(normalize_text(text, links=False)))


def answer(
    core: Core,
    app: InstalledApp,
    person: Person,
    channel: Channel,
    line: str,
    word: str,
    ack: Ack,
    url: ResponseUrl,
) -> tuple[str, str]:
    """Show what the ack says, or why there is none: (words for the person, ts of the message shown)."""
    if not ack.ok:
        code = "operation_timeout" if ack.result == "late" else "dispatch_failed"
        return _failed(core, channel, person, word, code)
    body = ack.payload if ack.payload is not None else ({"text": ack.text} if ack.text.strip() else {})
    try:
        content = read_answer({**body, "thread_ts": None}, core.switches)
    except SlackError as refusal:
        return _failed(core, channel, person, word, refusal.code)
    public = body.get("response_type") == "in_channel"
    if public:
        posting.post_as_person(core, person, channel, line)
    if content.empty:
        return "", ""
    shown: Message
    if public:
        shown = posting.post_as_app(core, app, channel, content)
    else:
        shown = posting.post_ephemeral(core, channel, person.id, content, app)
    url.origin, url.origin_for = shown.ts, shown.ephemeral_for
    core.state.save(url)
    return shown.text, shown.ts


def _failed(core: Core, channel: Channel, person: Person, word: str, code: str) -> tuple[str, str]:
    words = f'{word} failed with the error "{code}"'
    if code == "operation_timeout" and core.switches.command_timeout == "did_not_respond":
        words = f"{word} failed because the app did not respond"
    return words, posting.slackbot_says(core, channel, person.id, words).ts
