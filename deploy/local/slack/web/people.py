"""users.*, team.info, bots.info and emoji.list: who is who."""

from __future__ import annotations

from ..render import avatar, team_object, user_object
from ..state import Person
from ..wire import JsonObject, SlackError
from .call import Call, Method

LIST_NEEDS_LIMIT = 1000


def _user(call: Call, person: Person) -> JsonObject:
    return user_object(
        call.core.state,
        person,
        call.core.base_url,
        email="users:read.email" in call.app.scopes,
        locale=call.flag("include_locale"),
    )


def info(call: Call) -> JsonObject:
    return {"user": _user(call, call.person())}


def list_users(call: Call) -> JsonObject:
    people = [person for person in call.core.state.people.values() if not person.outsider]
    if call.args.get("limit") in (None, "", 0, "0"):
        if len(people) > LIST_NEEDS_LIMIT:
            raise SlackError("limit_required")
        part, cursor = people, ""
    else:
        part, cursor = call.page(people, default=200)
    members = [_user(call, person) for person in part]
    return {
        "members": members,
        "cache_ts": call.core.state.seconds(),
        "response_metadata": {"next_cursor": cursor},
    }


def lookup_by_email(call: Call) -> JsonObject:
    wanted = call.text("email").casefold()
    for person in call.core.state.people.values():
        if person.email.casefold() == wanted and not (person.deactivated or person.bot_of or person.outsider):
            return {"user": _user(call, person)}
    raise SlackError("users_not_found")


def presence(call: Call) -> JsonObject:
    person = call.person() if call.text("user") else call.core.state.people[call.bot]
    return {"presence": "away" if person.deactivated else "active"}


def profile(call: Call) -> JsonObject:
    shown = _user(call, call.person() if call.text("user") else call.core.state.people[call.bot])["profile"]
    shown.pop("team", None)
    return {"profile": shown}


def team_info(call: Call) -> JsonObject:
    if call.text("team") and call.text("team") != call.core.state.team.id:
        raise SlackError("team_not_found")
    return {"team": team_object(call.core.state.team, call.core.base_url)}


def bot_info(call: Call) -> JsonObject:
    wanted = call.text("bot") or call.app.spec.bot_id
    for app in call.core.state.apps.values():
        if app.spec.bot_id == wanted:
            user = app.spec.bot_user_id
            return {
                "bot": {
                    "id": app.spec.bot_id,
                    "deleted": app.revoked,
                    "name": app.spec.name,
                    "updated": 1_700_000_000,
                    "app_id": app.id,
                    "user_id": user,
                    "icons": {f"image_{size}": avatar(call.core.base_url, user, size) for size in (36, 48, 72)},
                }
            }
    raise SlackError("bot_not_found")


def emoji(call: Call) -> JsonObject:
    return {"emoji": dict(call.core.spec.emoji), "cache_ts": f"{call.core.state.seconds()}.000000"}


READ = ("users:read",)
METHODS = (
    Method("users.info", info, "4", READ, ("user",), json=False),
    Method("users.list", list_users, "2", READ, json=False),
    Method("users.lookupByEmail", lookup_by_email, "3", ("users:read.email",), ("email",), json=False),
    Method("users.getPresence", presence, "3", READ, json=False),
    Method("users.profile.get", profile, "4", ("users.profile:read",), json=False),
    Method("team.info", team_info, "3", ("team:read",)),
    Method("bots.info", bot_info, "3", READ, json=False),
    Method("emoji.list", emoji, "2", ("emoji:read",), json=False),
)
