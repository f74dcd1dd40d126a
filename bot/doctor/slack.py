"""Slack: whether it takes the tokens, whether they may do all that the bot does, and where the bot may speak."""

import asyncio
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.doctor.finding import Finding, Findings, absent, bad, good
from bot.process.compose import Ground
from bot.slack_api import TOKEN_REFUSED, Client

# The bot token's scopes, as the app's manifest lists them.
SCOPES = frozenset(
    {
        "app_mentions:read", "channels:history", "channels:read", "chat:write", "commands", "files:write",
        "groups:history", "groups:read", "im:history", "im:read", "im:write", "mpim:read", "usergroups:read",
        "users:read",
    }
)  # fmt: skip
SETTINGS = "in the app's settings at api.slack.com/apps"
TOKEN = f"write the Bot User OAuth Token ({SETTINGS}, OAuth & Permissions) into SLACK_BOT_TOKEN"
REINSTALL = f"add them {SETTINGS}, OAuth & Permissions, and install the app anew"
LATER = "that is Slack's trouble, not the token's: try again in a minute, and look at slack-status.com"
# Slack's words for what passes by itself.
PASSING = frozenset({"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"})
NETWORK = "look at the network, HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE"
APP_TOKEN = f"make an app-level token with connections:write {SETTINGS}, Basic Information, for SLACK_APP_TOKEN"
UNREACHED = (OSError, TimeoutError)
AT_ONCE = 4


async def slack(ground: Ground) -> Findings:
    """Token, scopes, channels and groups; then how payloads arrive."""
    settings = ground.settings
    if settings.bot_token is None:
        return [bad("Slack token", "SLACK_BOT_TOKEN is not set", TOKEN), *await _door(ground)]
    trust = settings.trust() if settings.slack_api_url.startswith("https") else None
    client = Client(token=settings.bot_token.reveal(), base_url=settings.slack_api_url, ssl=trust, timeout=5)
    about, door = await asyncio.gather(_about(ground, client), _door(ground, client))
    return [*about, *door]


async def _about(ground: Ground, client: Client) -> Findings:
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        said = code(error)
        return [bad("Slack token", f"Slack answers {said}", TOKEN if said in TOKEN_REFUSED else LATER)]
    except UNREACHED as error:
        return [bad("Slack token", f"Slack cannot be reached ({type(error).__name__})", NETWORK)]
    known, company = answer["team_id"], ground.company
    if known != company.team:
        said = f"it is of the workspace {known}, config's team is {company.team}"
        mend = "write the token of that workspace into SLACK_BOT_TOKEN, or this team into tandem.toml"
        token = bad("Slack token", said, mend)
    else:
        token = good("Slack token", f"@{answer['user']} in {known}")
    gate = asyncio.Semaphore(AT_ONCE)
    rooms = [_channel(client, gate, key, channel) for key, channel in company.channels.items()]
    groups = [_group(client, gate, key, group.slack) for key, group in company.groups.items() if group.slack]
    return [token, _scopes(answer), *await asyncio.gather(*rooms, *groups)]


def _scopes(answer: Any) -> Finding:
    headers = {str(name).lower(): str(value) for name, value in answer.headers.items()}
    has = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",") if scope.strip()}
    lacking = sorted(SCOPES - has)
    if lacking:
        return bad("Slack scopes", f"missing {', '.join(lacking)}", REINSTALL)
    more = sorted(has - SCOPES)
    unused = f"; not needed: {', '.join(more)}" if more else ""
    return good("Slack scopes", f"all {len(SCOPES)}{unused}")


async def _channel(client: Client, gate: asyncio.Semaphore, key: str, channel: str) -> Finding:
    what = f"Channel {key}"
    config = f"look at channels.{key} in tandem.toml: the id stands at the foot of the channel's About"
    try:
        async with gate:
            found = (await client.conversations_info(channel=channel))["channel"]
    except SlackApiError as error:
        said = code(error)
        there = "; a private channel is seen only once the bot is in it" if said == "channel_not_found" else ""
        return bad(what, f"Slack answers {said}{there}", _mend(said, f"{config}, and type /invite @tandem there"))
    except UNREACHED as error:
        return bad(what, f"Slack did not answer ({type(error).__name__})", NETWORK)
    if found.get("is_archived"):
        return bad(what, "it is archived", f"unarchive it, or {config}")
    if not found.get("is_member"):
        return bad(what, "the bot is not in it and cannot post", f"type /invite @tandem in #{key}")
    return good(what, "the bot is in it")


async def _group(client: Client, gate: asyncio.Semaphore, key: str, usergroup: str) -> Finding:
    what = f"Slack group {key}"
    try:
        async with gate:
            users = (await client.usergroups_users_list(usergroup=usergroup))["users"]
    except SlackApiError as error:
        said = code(error)
        return bad(what, f"Slack answers {said}", _mend(said, f"look at groups.{key}.slack in people.toml"))
    except UNREACHED as error:
        return bad(what, f"Slack did not answer ({type(error).__name__})", NETWORK)
    return good(what, f"{len(users)} people")


async def _door(ground: Ground, client: Client | None = None) -> Findings:
    """How payloads reach the bot: Socket Mode, or HTTP with a signing secret."""
    settings = ground.settings
    if settings.app_token is None:
        if settings.signing_secret is None:
            mend = "set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP"
            return [bad("Slack's payloads", "neither an app-level token nor a signing secret is set", mend)]
        return [good("Slack's payloads", "over HTTP, with a signing secret"), absent("Socket Mode")]
    found = [good("Slack's payloads", "over Socket Mode")]
    if client is None:
        return found
    try:
        await client.apps_connections_open(app_token=settings.app_token.reveal())
    except SlackApiError as error:
        said = code(error)
        return [*found, bad("Socket Mode", f"Slack answers {said}", _mend(said, APP_TOKEN))]
    except UNREACHED as error:
        return [*found, bad("Socket Mode", f"Slack cannot be reached ({type(error).__name__})", NETWORK)]
    return [*found, good("Socket Mode", "Slack opens a connection")]


def _mend(said: str, config: str) -> str:
    """What to do about Slack's word: wait, give the token what it lacks, or mend what `config` says."""
    if said == "missing_scope":
        return REINSTALL
    return LATER if said in PASSING else config


def code(error: SlackApiError) -> str:
    """Slack's word for what is wrong, where it is one."""
    said = str(error.response.get("error", "")) if error.response is not None else ""
    return said if said.replace("_", "").isalnum() and len(said) < 50 else "an error"
