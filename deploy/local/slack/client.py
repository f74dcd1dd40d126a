"""A client of the control API: acts as any person, changes the workspace, waits on its change feed."""

from __future__ import annotations

import base64
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import aiohttp

from .wire import JsonObject

T = TypeVar("T")
WAIT = 30.0


class ControlRefused(RuntimeError):
    """The workspace would not do it; the words say why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act came to. `result`: acked, refused, unreachable, no_socket, late or blocked.

    `text` is what Slack shows the person, `elapsed` the seconds to the ack, `ts` the message shown in answer,
    `errors` the texts under inputs by block_id, `options` what a suggestion offered (groups: `option_groups`).
    """

    ok: bool
    result: str
    text: str = ""
    elapsed: float = 0.0
    trigger_id: str = ""
    response_url: str = ""
    ts: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    options: list[JsonObject] = field(default_factory=list)
    option_groups: list[JsonObject] = field(default_factory=list)


def _outcome(body: JsonObject) -> Outcome:
    known = {one.name for one in fields(Outcome)}
    return Outcome(**{key: value for key, value in body.items() if key in known})


def _place(where: JsonObject | str) -> JsonObject:
    """A message or a view, as the control API names it."""
    if isinstance(where, str):
        return {"view": where}
    if "ts" in where and "channel" in where:
        return {"channel": where["channel"], "ts": where["ts"]}
    return {"view": where["id"]}


class Workspace:
    """Acts in the workspace at `url` ("http://127.0.0.1:PORT"). Use `async with`, or call `close`.

    A message or a view is passed as the mapping `messages`, `thread`, `ephemerals` or `view` gave.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Workspace:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=700))
        return self._session

    async def ask(self, verb: str, /, **body: Any) -> JsonObject:
        """One control verb. Raises ControlRefused."""
        async with self._http().post(f"{self.url}/control/{verb}", json=body) as answer:
            found: JsonObject = await answer.json()
        if answer.status >= 400:
            raise ControlRefused(f"{verb}: {found.get('error')}")
        return found

    # --- acting as a person --------------------------------------------------------------------------------------

    async def command(self, person: str, channel: str, line: str, *, thread_ts: str = "") -> Outcome:
        """Type a slash command; returns when it is acked or has failed."""
        body = await self.ask("command", channel=channel, line=line, thread_ts=thread_ts, **{"as": person})
        return _outcome(body)

    async def burst(self, person: str, channel: str, lines: list[str], *, at_once: int = 64) -> list[JsonObject]:
        """Many commands, at most `at_once` in flight: `{result, elapsed}` of each."""
        body = await self.ask("burst", channel=channel, lines=lines, at_once=at_once, **{"as": person})
        outcomes: list[JsonObject] = body["outcomes"]
        return outcomes

    async def post(self, person: str, channel: str, text: str, *, thread_ts: str = "") -> JsonObject:
        """Say something; the message."""
        body = await self.ask("post", channel=channel, text=text, thread_ts=thread_ts, **{"as": person})
        message: JsonObject = body["message"]
        return message

    async def edit(self, person: str, message: JsonObject, text: str) -> JsonObject:
        """Change one's own message; the message."""
        body = await self.ask("edit", text=text, **{"as": person}, **_place(message))
        changed: JsonObject = body["message"]
        return changed

    async def direct(self, person: str, *others: str) -> str:
        """Open a DM, or a group DM, with other people; its id."""
        return str((await self.ask("direct", users=list(others), **{"as": person}))["channel"])

    async def create_channel(self, person: str, name: str, *, private: bool = False) -> str:
        """Make a channel; its id."""
        return str((await self.ask("create_channel", channel=name, private=private, **{"as": person}))["channel"])

    async def invite(self, person: str, channel: str, *others: str) -> None:
        """Add people to a channel."""
        await self.ask("invite", channel=channel, users=list(others), **{"as": person})

    async def upload(self, person: str, name: str, content: str, channel: str = "", **more: str) -> str:
        """Bring a file, into a channel (more: text, thread_ts) or for a file input; its id."""
        coded = base64.b64encode(content.encode()).decode()
        body = await self.ask("upload", name=name, content=coded, channel=channel, **{"as": person}, **more)
        return str(body["file"]["id"])

    async def reload(self, person: str) -> int:
        """Reload the person's client; how many ephemeral messages that took away."""
        return int((await self.ask("reload", **{"as": person}))["gone"])

    async def click(
        self, person: str, where: JsonObject | str, target: str, *, block_id: str = "", value: Any = None
    ) -> Outcome:
        """Press a button or a menu's entry (or choose `value` in a select) by action_id, block_id, value or label."""
        body = {"as": person, "target": target, "block_id": block_id, "value": value, **_place(where)}
        return _outcome(await self.ask("click", **body))

    async def choose(
        self, person: str, where: JsonObject | str, target: str, value: Any, *, block_id: str = ""
    ) -> Outcome:
        """Set an element to `value` (text, option value or label, handle); tells the app when the element does."""
        return await self.click(person, where, target, block_id=block_id, value=value)

    async def suggest(
        self, person: str, where: JsonObject | str, target: str, query: str, *, block_id: str = ""
    ) -> Outcome:
        """Type in an external select: `.options` is what the app offers."""
        body = {"as": person, "target": target, "query": query, "block_id": block_id, **_place(where)}
        return _outcome(await self.ask("suggest", **body))

    async def submit(
        self, person: str, where: JsonObject | str | None = None, values: JsonObject | None = None
    ) -> Outcome:
        """Fill in and submit a modal (the top one when None). `values` by block_id, action_id or label."""
        place = _place(where) if where is not None else {}
        return _outcome(await self.ask("submit", values=values or {}, **{"as": person}, **place))

    async def cancel(self, person: str, where: JsonObject | str | None = None, *, everything: bool = False) -> Outcome:
        """Press Cancel on a modal, or the × (`everything`)."""
        place = _place(where) if where is not None else {}
        return _outcome(await self.ask("close", everything=everything, **{"as": person}, **place))

    async def shortcut(self, person: str, callback_id: str, message: JsonObject | None = None) -> Outcome:
        """Run a shortcut, global or on a message."""
        place = _place(message) if message is not None else {}
        return _outcome(await self.ask("shortcut", callback_id=callback_id, **{"as": person}, **place))

    async def open_home(self, person: str, *, tab: str = "home") -> str:
        """Open the app's home (or its messages tab); the id of the DM."""
        return str((await self.ask("open_home", tab=tab, **{"as": person}))["channel"])

    async def react(self, person: str, message: JsonObject, name: str, *, remove: bool = False) -> bool:
        """Give (or take back) a reaction; whether anything changed."""
        body = await self.ask("react", name=name, remove=remove, **{"as": person}, **_place(message))
        return bool(body["changed"])

    async def join(self, person: str, channel: str, *, leave: bool = False) -> None:
        """Join or leave a channel."""
        await self.ask("join", channel=channel, leave=leave, **{"as": person})

    # --- what a person sees --------------------------------------------------------------------------------------

    async def messages(self, person: str, channel: str) -> list[JsonObject]:
        """The channel's messages, oldest first, without replies."""
        return list((await self.ask("messages", channel=channel, **{"as": person}))["messages"])

    async def thread(self, person: str, channel: str, ts: str) -> list[JsonObject]:
        """A thread: its first message, then the replies."""
        return list((await self.ask("thread", channel=channel, ts=ts, **{"as": person}))["messages"])

    async def ephemerals(self, person: str, channel: str = "") -> list[JsonObject]:
        """What only this person sees, oldest first."""
        return list((await self.ask("ephemerals", channel=channel, **{"as": person}))["messages"])

    async def view(self, person: str) -> JsonObject | None:
        """The modal on top, with `errors`, `notice` and `busy`; None when none is open."""
        stack = await self.views(person)
        return stack[-1] if stack else None

    async def views(self, person: str) -> list[JsonObject]:
        """Every open modal, the bottom one first."""
        return list((await self.ask("view", **{"as": person}))["stack"])

    async def home(self, person: str) -> JsonObject | None:
        """What the app published on the person's home."""
        found: JsonObject | None = (await self.ask("home", **{"as": person}))["view"]
        return found

    async def log(self, *, kind: str = "", name: str = "", since: int = 0) -> list[JsonObject]:
        """Calls, deliveries, acks and response_url uses with timings; `kind`: api, delivery, ack, response_url."""
        return list((await self.ask("log", kind=kind, name=name, since=since))["entries"])

    # --- changing the workspace ----------------------------------------------------------------------------------

    async def set_person(self, person: str, **changes: Any) -> JsonObject:
        """deactivated, role, real_name, display_name, email, title, tz; an unknown handle is added."""
        return await self.ask("set_person", person=person, **changes)

    async def set_group(self, group: str, **changes: Any) -> JsonObject:
        """members (handles), disabled; an unknown handle is added."""
        return await self.ask("set_group", group=group, **changes)

    async def set_channel(self, channel: str, **changes: Any) -> JsonObject:
        """archived, members (handles), app_member, private; an unknown name is added."""
        return await self.ask("set_channel", channel=channel, **changes)

    async def archive_channel(self, channel: str, *, archived: bool = True) -> None:
        """Archive a channel, or bring it back."""
        await self.ask("set_channel", channel=channel, archived=archived)

    async def set_app(self, **changes: Any) -> None:
        """request_url, socket_mode, scopes, revoked (app= names one of several)."""
        await self.ask("set_app", **changes)

    async def apps(self) -> list[JsonObject]:
        """The apps with their tokens and secrets."""
        return list((await self.ask("apps"))["apps"])

    async def delete_message(self, person: str, channel: str, ts: str) -> None:
        """Delete a message, whoever wrote it."""
        await self.ask("delete_message", channel=channel, ts=ts, **{"as": person})

    async def move_clock(self, seconds: float) -> float:
        """Move the workspace's time; the new time."""
        return float((await self.ask("move_clock", seconds=seconds))["now"])

    async def switches(self, **readings: Any) -> JsonObject:
        """Set how what Slack leaves open is read: see switches.py; all of them."""
        body = await self.ask("switches", **readings)
        found: JsonObject = body["switches"]
        return found

    async def limits(self, on: bool) -> None:
        """Switch the rate limits."""
        await self.ask("limits", on=on)

    async def fault(self, target: str, kind: str, **more: Any) -> None:
        """Plan a fault: see faults.py. more: times, seconds, code."""
        await self.ask("fault", target=target, kind=kind, **more)

    async def clear_faults(self) -> None:
        """Forget the faults still planned."""
        await self.ask("clear_faults")

    async def weather(self, weather: str) -> None:
        """Slack is `slow` or `down` for every app, until it is `fair` again."""
        await self.ask("weather", weather=weather)

    async def cut_sockets(self, reason: str = "") -> int:
        """Cut the app's sockets without a word, or say goodbye with one of Slack's reasons; how many."""
        return int((await self.ask("sockets", reason=reason))["count"])

    async def repeat(self, name: str) -> JsonObject:
        """Deliver once more what was last delivered under this name."""
        return await self.ask("repeat", name=name)

    async def ssl_check(self, method: str = "POST") -> bool:
        """Probe the app's command URLs by POST or GET; whether each answered 200."""
        answered = (await self.ask("ssl_check", method=method))["answered"]
        return bool(answered) and all(answered.values())

    async def verify(self) -> bool:
        """Send url_verification; whether the app answered its challenge."""
        return bool((await self.ask("verify"))["ok"])

    # --- waiting -------------------------------------------------------------------------------------------------

    async def changes(self, since: int, seconds: float = 20) -> tuple[int, list[JsonObject]]:
        """What changed after version `since`, waiting up to `seconds` for it: (version now, changes)."""
        query = {"since": str(since), "timeout": str(seconds)}
        async with self._http().get(f"{self.url}/control/changes", params=query) as answer:
            body = await answer.json()
        return int(body["version"]), list(body["changes"])

    async def wait_for(
        self, condition: Callable[[], Awaitable[T | None]], *, seconds: float = WAIT, what: str = ""
    ) -> T:
        """Try `condition` now and after every change until it gives something true. Raises TimeoutError."""
        until = time.monotonic() + seconds
        version, _ = await self.changes(2**53, 0)
        while True:
            found = await condition()
            if found:
                return found
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"after {seconds} s there was still no {what or 'change that fits'}")
            version, _ = await self.changes(version, min(left, 20))

    async def wait_for_log(self, look: Callable[[], Awaitable[T | None]], *, seconds: float = WAIT) -> T:
        """Try `look` (usually over `log`) now and after every new entry until it gives something true."""
        return await self.wait_for(look, seconds=seconds, what="log entry that fits")

    async def wait_for_message(
        self, person: str, channel: str, *, text: str = "", thread_ts: str = "", seconds: float = WAIT
    ) -> JsonObject:
        """The newest message (in a thread when `thread_ts`) whose text or blocks contain `text`."""

        async def look() -> JsonObject | None:
            seen = await (self.thread(person, channel, thread_ts) if thread_ts else self.messages(person, channel))
            return next((one for one in reversed(seen) if text in shown_text(one)), None)

        return await self.wait_for(look, seconds=seconds, what=f"message with {text!r} in {channel}")

    async def wait_for_ephemeral(
        self, person: str, channel: str = "", *, text: str = "", seconds: float = WAIT
    ) -> JsonObject:
        """The newest message only this person sees that contains `text`."""

        async def look() -> JsonObject | None:
            seen = await self.ephemerals(person, channel)
            return next((one for one in reversed(seen) if text in shown_text(one)), None)

        return await self.wait_for(look, seconds=seconds, what=f"ephemeral message with {text!r} for {person}")

    async def wait_for_view(
        self, person: str, *, title: str = "", callback_id: str = "", seconds: float = WAIT
    ) -> JsonObject:
        """The modal on top, once it has this title or callback_id."""

        async def look() -> JsonObject | None:
            view = await self.view(person)
            if view is None or (callback_id and view["callback_id"] != callback_id):
                return None
            return view if title in (view["title"] or {}).get("text", "") else None

        return await self.wait_for(look, seconds=seconds, what=f"modal {title or callback_id!r} for {person}")

    async def wait_for_home(self, person: str, *, text: str = "", seconds: float = WAIT) -> JsonObject:
        """The person's home, once it contains `text`."""

        async def look() -> JsonObject | None:
            view = await self.home(person)
            return view if view and text in shown_text(view) else None

        return await self.wait_for(look, seconds=seconds, what=f"home with {text!r} for {person}")


def shown_text(surface: JsonObject) -> str:
    """Every text a person reads on a message or view, in order, joined by line ends."""
    found = [str(surface.get("text", ""))] if isinstance(surface.get("text"), str) else []
    _gather(surface.get("title"), found)
    _gather(surface.get("blocks"), found)
    _gather(surface.get("attachments"), found)
    return "\n".join(text for text in found if text)


def _gather(value: Any, found: list[str]) -> None:
    if isinstance(value, list):
        for item in value:
            _gather(item, found)
    elif isinstance(value, dict):
        if isinstance(value.get("text"), str):
            found.append(value["text"])
        if value.get("type") == "date" and isinstance(value.get("fallback"), str):
            found.append(value["fallback"])
        if value.get("type") == "link" and not value.get("text"):
            found.append(str(value.get("url", "")))
        for key, item in value.items():
            if (key not in ("text", "value", "metadata") and isinstance(item, (dict, list))) or (
                key == "text" and isinstance(item, dict)
            ):
                _gather(item, found)


__all__ = ["ControlRefused", "Outcome", "Workspace", "shown_text"]
