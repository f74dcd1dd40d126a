"""apps.manifest.*: apps made, changed and taken away by their manifest. What is made is installed at once."""

from __future__ import annotations

import secrets
from typing import Any

from pydantic import ValidationError

from ..interactions import modals
from ..spec import AppSpec, Manifest, crowded
from ..state import AppChange, InstalledApp
from ..state.seed import install
from ..wire import JsonObject, SlackError
from .call import Call, Method


def _manifest(call: Call) -> Manifest:
    """Raises SlackError invalid_manifest with where and why."""
    given: Any = call.value("manifest")
    if not isinstance(given, dict):
        raise SlackError("invalid_manifest", errors=[{"message": "must provide an object", "pointer": "/"}])
    try:
        manifest = Manifest.model_validate(given)
    except ValidationError as wrong:
        faults = [
            {"message": fault["msg"], "pointer": "/" + "/".join(str(part) for part in fault["loc"])}
            for fault in wrong.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise SlackError("invalid_manifest", errors=faults) from None
    if words := crowded(manifest, call.core.switches):
        raise SlackError("invalid_manifest", errors=[{"message": words, "pointer": "/features/shortcuts"}])
    return manifest


def validate(call: Call) -> JsonObject:
    _manifest(call)
    return {"errors": []}


def create(call: Call) -> JsonObject:
    manifest, state = _manifest(call), call.core.state
    if any(app.spec.name == manifest.display_information.name for app in state.apps.values()):
        spec = _distinct(call, manifest)  # ids come from the name; a second app of that name needs others
    else:
        spec = AppSpec(manifest=manifest)
    app = install(state, spec)
    state.app_changed(app, spec=True)
    return {
        "app_id": app.id,
        "credentials": {
            "client_id": f"{state.seconds()}.{secrets.randbelow(10**12):012d}",
            "client_secret": secrets.token_hex(16),
            "verification_token": spec.verification_token,
            "signing_secret": spec.signing_secret,
        },
        "oauth_authorize_url": f"{call.core.base_url}/",
        "team_id": state.team.id,
        "team_domain": state.team.domain,
    }


def _distinct(call: Call, manifest: Manifest) -> AppSpec:
    state, sign = call.core.state, secrets.token_hex
    return AppSpec(
        manifest=manifest,
        app_id=state.new_id("A"),
        bot_user_id=state.new_id("U"),
        bot_id=state.new_id("B"),
        bot_token=f"xoxb-local-{sign(12)}",
        app_token=f"xapp-local-{sign(12)}",
        signing_secret=sign(16),
        verification_token=sign(12),
    )


def _app(call: Call) -> InstalledApp:
    app = call.core.state.apps.get(call.text("app_id"))
    if app is None:
        raise SlackError("app_not_found" if call.text("app_id").startswith("A") else "invalid_app_id")
    return app


async def update(call: Call) -> JsonObject:
    app, manifest = _app(call), _manifest(call)
    before = app.scopes
    app.spec.manifest = manifest
    app.scopes, app.socket_mode = app.spec.scopes, app.spec.socket_mode
    call.core.state.app_changed(app, spec=True, scopes=sorted(app.scopes), socket_mode=app.socket_mode)
    if not app.socket_mode:
        await call.core.transport.sockets.disconnect(app.id, "link_disabled")
    return {"app_id": app.id, "permissions_updated": app.scopes != before}


async def delete(call: Call) -> JsonObject:
    app, state = _app(call), call.core.state
    modals.close_all_of(call.core, app)
    del state.apps[app.id]
    change = state.app_changes.setdefault(app.id, AppChange(app.id))
    change.deleted = True
    bot = state.people[app.spec.bot_user_id]
    bot.deactivated = True
    state.changed("person", bot)
    state.changed("app", change, key=app.id)
    await call.core.transport.sockets.disconnect(app.id, "link_disabled")
    return {}


def export(call: Call) -> JsonObject:
    return {"manifest": _app(call).spec.manifest.model_dump(exclude_unset=True)}


METHODS = (
    Method("apps.manifest.create", create, "1", (), ("manifest",), caller="config"),
    Method("apps.manifest.update", update, "1", (), ("app_id", "manifest"), caller="config"),
    Method("apps.manifest.delete", delete, "1", (), ("app_id",), caller="config"),
    Method("apps.manifest.export", export, "3", (), ("app_id",), caller="config"),
    Method("apps.manifest.validate", validate, "3", (), ("manifest",), caller="config"),
)
