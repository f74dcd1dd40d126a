"""The Web API's door: reads a request as the SDKs send it, checks token, scope, limits and faults, runs, logs."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from ..core import Core
from ..delivery import events
from ..delivery.transport import DEADLINE
from ..faults import BAD_GATEWAY, cut, play
from ..spec import AppSpec
from ..state import InstalledApp
from ..wire import JsonObject, SlackError, argument_error, read_json
from .call import Call, Method, missing_scope


class Door:
    """GET and POST /api/<method>."""

    def __init__(self, core: Core, methods: Iterable[Method]) -> None:
        self._core = core
        self.methods = {method.name: method for method in methods}
        spec = AppSpec()
        # whoever calls without an app of their own: the owner's settings page, or nobody
        self._settings = InstalledApp(spec, core.state.team.id, "", False, frozenset())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call, whatever it is."""
        core, name = self._core, request.match_info["method"]
        started = core.clock.now()
        entry = core.log.add("api", name, started)
        core.state.noted(name)
        headers: dict[str, str] = {}
        status = 200
        try:
            method = self.methods.get(name)
            args, token = await read_request(request, json_body=method is None or method.json)
            entry.request = args
            if method is None:
                raise SlackError("unknown_method", req_method=name)
            app = self._authorised(method, token)
            if app is not self._settings:
                entry.app = app.id
                headers["x-oauth-scopes"] = ",".join(sorted(app.scopes))
                headers["x-accepted-oauth-scopes"] = ",".join(method.scopes)
            fault = core.faults.method(name)
            if fault:
                await play(core, fault, request)
            caused: list[asyncio.Task[None]] = []
            events.CAUSED.set(caused)
            body = await self._run(method, app, args)
            if caused and core.switches.events_first:
                await core.clock.within(DEADLINE, asyncio.wait(caused))
            if fault and fault.kind == "lost":
                return cut(request)
        except SlackError as refusal:
            body, status, headers = refusal.body(), refusal.status, headers | refusal.headers
        entry.elapsed = core.clock.now() - started
        entry.result = "ok" if body.get("ok") else str(body.get("error"))
        entry.answer = body
        core.state.noted(name)
        if status == BAD_GATEWAY:
            return web.Response(text="upstream connect error or disconnect", status=status)
        return web.json_response(body, status=status, headers=headers)

    def _authorised(self, method: Method, token: str) -> InstalledApp:
        if method.caller == "none":
            return self._settings
        if not token:
            raise SlackError("not_authed")
        found = self._core.state.app_of_token(token)
        if token == self._core.state.team.config_token:
            found = self._settings, "config"
        if found is None:
            raise SlackError("invalid_auth")
        app, kind = found
        if app.revoked:
            raise SlackError("token_revoked" if method.name != "auth.test" else "account_inactive")
        if kind != method.caller:
            raise SlackError("not_allowed_token_type")
        if method.scopes and not app.scopes.intersection(method.scopes):
            raise missing_scope(app, method.scopes[0])
        return app

    def _place(self, app: InstalledApp, args: JsonObject) -> str:
        """The conversation a call is about, by whichever name it was given."""
        name, state = str(args.get("channel", "")), self._core.state
        found = state.channel(name) if name.startswith("#") else None
        person = state.people.get(name)
        if person and person.role not in ("app", "other organisation"):
            found = state.im(person.id, app)
        return found.id if found else name

    async def _run(self, method: Method, app: InstalledApp, args: JsonObject) -> JsonObject:
        core = self._core
        tier = core.switches.connections_open_tier if method.name == "apps.connections.open" else method.tier
        wait = core.rates.retry_after(app.id, method.name, tier, self._place(app, args), core.clock.now())
        if wait:
            raise SlackError("ratelimited", status=429, headers={"Retry-After": str(wait)})
        missing = [key for key in method.required if args.get(key) in (None, "")]
        if missing and method.lacks != "invalid_arguments":
            raise SlackError(method.lacks)
        if missing:
            raise argument_error(*(f"missing required field: {key}" for key in missing))
        found = method.run(Call(core, app, args))
        return {"ok": True, **(await found if inspect.isawaitable(found) else found)}


FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def read_request(request: web.Request, *, json_body: bool = True) -> tuple[JsonObject, str]:
    """Arguments (query, form and JSON body merged, later wins) and the token, of the header or the form.

    Without `json_body` a JSON body is passed over, as Slack does with methods that take none. Raises SlackError.
    """
    args: JsonObject = {key: value for key, value in request.query.items() if key != "token"}
    if request.method == "POST" and request.can_read_body:
        if request.content_type == "application/json":
            args |= await _json_body(request) if json_body else {}
        elif request.content_type not in FORMS and await request.read():
            raise SlackError("invalid_post_type")
        else:
            args |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    header = request.headers.get("Authorization", "")
    token = header[7:].strip() if header.lower().startswith("bearer ") else ""
    in_form = str(args.pop("token", ""))
    return args, token or ("" if request.content_type == "application/json" else in_form)


async def _json_body(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    if not text.strip():
        return {}
    try:
        body = read_json(text)
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return body
