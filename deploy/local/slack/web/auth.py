"""auth.*, api.test and apps.connections.open."""

from __future__ import annotations

from .. import acts
from ..wire import JsonObject, SlackError
from .call import Call, Method


def auth_test(call: Call) -> JsonObject:
    spec, team = call.app.spec, call.core.state.team
    return {
        "url": f"{call.core.base_url}/",
        "team": team.name,
        "user": spec.handle,
        "team_id": team.id,
        "user_id": spec.bot_user_id,
        "bot_id": spec.bot_id,
        "is_enterprise_install": False,
    }


def api_test(call: Call) -> JsonObject:
    error = call.text("error")
    if error:
        raise SlackError(error, args=call.args)
    return {"args": call.args}


def connections_open(call: Call) -> JsonObject:
    return {"url": call.core.transport.sockets.ticket(call.app)}


async def revoke(call: Call) -> JsonObject:
    if call.flag("test"):
        return {"revoked": False}
    await acts.uninstall(call.core, call.app)
    return {"revoked": True}


METHODS = (
    Method("auth.test", auth_test, "special"),
    Method("api.test", api_test, "4", caller="none"),
    Method("auth.revoke", revoke),
    Method("apps.connections.open", connections_open, "3", caller="app"),
)
