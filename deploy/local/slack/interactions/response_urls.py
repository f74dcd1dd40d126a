"""response_url: five uses in thirty minutes, to post, replace or delete."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from .. import posting
from ..core import RESPONSE_URL_LIFE, RESPONSE_URL_USES, Core
from ..faults import cut, play
from ..posting import Content, fallback, read_answer
from ..state import Message, ResponseUrl
from ..wire import JsonObject, SlackError, read_json


class ResponseUrlDoor:
    """POST /commands/…, /actions/… and /app/…"""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def handle(self, request: web.Request) -> web.Response:
        """Take one use of a response_url."""
        core = self._core
        record = core.state.response_urls.get(request.path)
        name = request.path.split("/")[1]
        entry = core.log.add("response_url", name, core.clock.now(), record.app_id if record else "", path=request.path)
        try:
            body = _body(await request.text())
            entry.request = body
            fault = core.faults.method("response_url", hooks=True)
            if fault:
                await play(core, fault, request)
            self._spend(record)
            if record:
                self._apply(record, body)
        except SlackError as refusal:
            entry.result = refusal.code
            if refusal.status == 404:
                return web.json_response(refusal.body(), status=core.switches.gone_url_status)
            status = refusal.status if refusal.status != 200 else 400
            return web.Response(status=status, text=_words(refusal), headers=refusal.headers)
        entry.result = "ok"
        if fault and fault.kind == "lost":
            return cut(request)
        return web.Response(text="ok")

    def _spend(self, record: ResponseUrl | None) -> None:
        now = self._core.clock.now()
        if record is None or now - record.created > RESPONSE_URL_LIFE:
            raise SlackError("expired_url", status=404)
        if record.uses >= RESPONSE_URL_USES:
            raise SlackError("used_url", status=404)
        record.uses += 1
        self._core.state.save(record)

    def _origin(self, record: ResponseUrl) -> Message | None:
        if record.origin_for:
            return self._core.state.ephemeral(record.origin_for, record.origin)
        return self._core.state.message(record.channel, record.origin)

    def _apply(self, record: ResponseUrl, body: JsonObject) -> None:
        core = self._core
        app, channel = core.state.apps[record.app_id], core.state.channels[record.channel]
        content = read_answer(body, core.switches)
        origin = self._origin(record)
        if _true(body.get("delete_original")):
            if origin:
                posting.delete(core, origin)
            if content.empty:
                return
        elif _true(body.get("replace_original", core.switches.replace_original_default)) and origin:
            posting.update(core, origin, _whole(content), app.spec.bot_user_id)
            return
        if body.get("response_type") == "in_channel":
            shown = posting.post_as_app(core, app, channel, content)
        else:
            shown = posting.post_ephemeral(core, channel, record.person, content, app)
        if not record.origin:
            record.origin, record.origin_for = shown.ts, shown.ephemeral_for
            core.state.save(record)


def _whole(content: Content) -> Content:
    """Content that leaves nothing of the message it replaces: unlike chat.update, this takes buttons away."""
    text = content.text if content.text is not None else fallback(content.blocks)
    return replace(content, text=text, blocks=content.blocks or [], attachments=content.attachments or [])


def _true(value: object) -> bool:
    return value is True or str(value).lower() == "true"


def _body(text: str) -> JsonObject:
    try:
        body = read_json(text)
    except ValueError:
        raise SlackError("invalid_payload", status=400) from None
    if not isinstance(body, dict):
        raise SlackError("invalid_payload", status=400)
    return body


def _words(refusal: SlackError) -> str:
    lines = refusal.extra.get("errors") or []
    return "\n".join([refusal.code, *lines])
