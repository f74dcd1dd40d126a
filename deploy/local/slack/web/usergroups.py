"""usergroups.*: who belongs to which user group, and changing that."""

from __future__ import annotations

from .. import acts
from ..limits import length
from ..render import group_object
from ..spec import GroupSpec, stable_id
from ..state import Channel, Group
from ..state.seed import add_group
from ..wire import JsonObject, SlackError
from .call import Call, Method

NAME_MOST = 80
DESCRIPTION_MOST = 140
RESERVED = ("here", "channel", "everyone")


def list_groups(call: Call) -> JsonObject:
    _paid(call)
    disabled = call.flag("include_disabled")
    groups = [group for group in call.core.state.groups.values() if disabled or not group.disabled_at]
    users, count = call.flag("include_users"), call.flag("include_count")
    return {"usergroups": [group_object(call.core.state, group, users=users, count=count) for group in groups]}


def members(call: Call) -> JsonObject:
    _paid(call)
    group = _group(call)
    if group.disabled_at and not call.flag("include_disabled"):
        raise SlackError("no_such_subteam")
    return {"users": list(group.members)}


def _paid(call: Call) -> None:
    if not call.core.state.team.paid:
        raise SlackError("plan_upgrade_required")


def _may_edit(call: Call) -> None:
    """Raises SlackError plan_upgrade_required, or permission_denied where only admins edit groups."""
    _paid(call)
    if call.core.switches.group_editors == "admins":
        raise SlackError("permission_denied")


def _group(call: Call) -> Group:
    group = call.core.state.groups.get(call.text("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return group


def _shown(call: Call, group: Group) -> JsonObject:
    count = call.flag("include_count")
    return {"usergroup": group_object(call.core.state, group, users=True, count=count)}


def _names(call: Call, but: str = "") -> JsonObject:
    """name, handle and description, as far as given. Raises SlackError in Slack's words."""
    said: JsonObject = {key: call.text(key) for key in ("name", "handle", "description") if key in call.args}
    others = [group for group in call.core.state.groups.values() if group.id != but]
    if length(said.get("name", ""), call.core.switches) > NAME_MOST:
        raise SlackError("name_too_long")
    if length(said.get("description", ""), call.core.switches) > DESCRIPTION_MOST:
        raise SlackError("description_too_long")
    if said.get("name") and any(group.name == said["name"] for group in others):
        raise SlackError("name_already_exists")
    handle = said.get("handle", "")
    if handle in RESERVED:
        raise SlackError("forbidden_handle")
    if handle and not all(sign.isalnum() or sign in "-_." for sign in handle):
        raise SlackError("bad_handle")
    taken = [group.handle for group in others] + [person.name for person in call.core.state.people.values()]
    if handle and handle in taken:
        raise SlackError("handle_already_exists")
    return said


def _channels(call: Call) -> list[str]:
    found: list[Channel | None] = [call.core.state.channels.get(name) for name in call.listing("channels")]
    if any(channel is None or channel.kind not in ("channel", "group") for channel in found):
        raise SlackError("invalid_channel_provided")
    return [channel.id for channel in found if channel]


def create(call: Call) -> JsonObject:
    _may_edit(call)
    said, channels = _names(call), _channels(call)
    handle = said.get("handle") or said["name"].lower().replace(" ", "-")
    state = call.core.state
    spec = GroupSpec(handle=handle, name=said["name"], description=said.get("description", ""))
    if spec.id in state.groups:
        spec.id = stable_id("S", state.new_id(""))
    group = add_group(state, spec)
    group.creator = group.updated_by = call.bot
    group.channels = channels
    acts.group_told(call.core, group, "subteam_created")
    return _shown(call, group)


def update(call: Call) -> JsonObject:
    _may_edit(call)
    group = _group(call)
    for key, value in _names(call, but=group.id).items():
        setattr(group, key, value)
    if "channels" in call.args:
        group.channels = _channels(call)
    return _changed(call, group)


def _changed(call: Call, group: Group) -> JsonObject:
    group.updated, group.updated_by = call.core.state.seconds(), call.bot
    acts.group_told(call.core, group, "subteam_updated")
    return _shown(call, group)


def enable(call: Call) -> JsonObject:
    _may_edit(call)
    group = _group(call)
    group.disabled_at = 0
    return _changed(call, group)


def disable(call: Call) -> JsonObject:
    _may_edit(call)
    group = _group(call)
    group.disabled_at = call.core.state.seconds()
    return _changed(call, group)


def set_members(call: Call) -> JsonObject:
    _may_edit(call)
    group, users = _group(call), call.listing("users")
    if not users:
        raise SlackError("no_users_provided")
    people = [call.core.state.people.get(user) for user in users]
    if any(person is None or person.deactivated or person.bot_of or person.outsider for person in people):
        raise SlackError("invalid_users")
    group.updated_by = call.bot
    acts.change_group(call.core, group, list(dict.fromkeys(users)))
    return _shown(call, group)


READ, WRITE, OLD = ("usergroups:read",), ("usergroups:write",), "missing_argument"
METHODS = (
    Method("usergroups.list", list_groups, "2", READ, json=False),
    Method("usergroups.users.list", members, "2", READ, ("usergroup",), json=False),
    Method("usergroups.create", create, "2", WRITE, ("name",), lacks=OLD),
    Method("usergroups.update", update, "2", WRITE, ("usergroup",), lacks=OLD),
    Method("usergroups.enable", enable, "2", WRITE, ("usergroup",), lacks=OLD),
    Method("usergroups.disable", disable, "2", WRITE, ("usergroup",), lacks=OLD),
    Method("usergroups.users.update", set_members, "2", WRITE, ("usergroup", "users"), lacks=OLD),
)
