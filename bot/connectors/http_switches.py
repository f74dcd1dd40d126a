"""The maintenance switches of the company's services: how they stand, how they are thrown, health behind them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bot.connectors import http_looks as looks
from bot.connectors.http_looks import Grade, Line, Reply, Seen
from bot.effect import Bad, Blind, Good, Look, Pending, Permanent, Temporary
from bot.model import Record
from bot.operation import Refusal, Service, Unseen

if TYPE_CHECKING:
    from bot.connectors.http import Http


class Unfinished(Exception):
    """A switch was thrown, or may have been, and its state could not be confirmed. The text holds keys only."""


class Switches(Record):
    """How the maintenance switches of some services stood, by the services' keys."""

    on: tuple[str, ...] = ()  # somebody put them under maintenance before: that is for them to end
    unseen: tuple[str, ...] = ()  # why their state could not be seen, in words

    @property
    def refusal(self) -> Refusal | None:
        """Why nothing can be planned that puts them under maintenance for a while."""
        if not self.unseen:
            return None
        why = f"{'; '.join(self.unseen)}. So nobody can say whether somebody has maintenance on already"
        return Refusal(code="maintenance_unseen", sentence=f"{why}. Mend that, then ask again.")

    @property
    def words(self) -> str:
        """ "web and api are in maintenance already and stay so"; empty where none is."""
        if not self.on:
            return ""
        verbs = ("is", "stays") if len(self.on) == 1 else ("are", "stay")
        return f"{' and '.join(self.on)} {verbs[0]} in maintenance already and {verbs[1]} so"


class Switchboard:
    """The hands: the maintenance switches of all services, and health as a check sees it."""

    def __init__(self, http: "Http") -> None:
        self._http = http

    async def throw(self, services: Sequence[Service], on: bool, key: str) -> None:
        """Turns the switches of all services to `on` and reads each back.

        Raises Temporary or Permanent while nothing was changed yet, Unfinished and what the network raises after.
        """
        states = await asyncio.gather(*(self.state(service) for service in services))
        touched = False
        for service, state in zip(services, states, strict=True):
            if state is not on:
                await self._put(service, on, key, touched)
                touched = True
        for service, state in zip(services, states, strict=True):
            if state is not on and await self._read_back(service) is not on:
                raise Unfinished(f"{service.key} did not keep its maintenance switch at {'on' if on else 'off'}")

    async def state(self, service: Service) -> bool:
        """The switch as it is: asked before anything is changed, so every fault is proof of that.

        Raises Temporary or Permanent.
        """
        import aiohttp

        try:
            reply = await self._call("GET", service)
        except (aiohttp.ClientError, OSError) as fault:
            raise self._unswitched(service, fault) from None
        except LookupError as fault:
            raise Permanent(f"{fault.args[0]}; nothing was switched") from None
        if reply.status >= 300:
            raise _refusal(service, reply.status)
        is_on = _is_on(reply)
        if is_on is None:
            raise Permanent(f"{service.key}'s maintenance switch does not say whether it is on; nothing was switched")
        return is_on

    def _unswitched(self, service: Service, fault: BaseException) -> Temporary:
        verdict = looks.verdict(fault, self._http.line(service).timeout)
        return Temporary(
            f"{service.key}'s maintenance switch: {verdict.said if isinstance(verdict, Seen) else verdict.why}"
        )

    async def _put(self, service: Service, on: bool, key: str, touched: bool) -> None:
        import aiohttp

        try:
            reply = await self._call("PUT", service, {"on": on, "by": key})
        except (aiohttp.ClientError, OSError) as fault:
            if looks.unsent(fault) and not touched:
                raise self._unswitched(service, fault) from None
            raise
        if reply.status >= 300:
            if reply.status < 500 and not touched:
                raise _refusal(service, reply.status)
            raise Unfinished(f"{service.key}'s maintenance switch answered {reply.status}")

    async def _read_back(self, service: Service) -> bool | None:
        reply = await self._call("GET", service)
        if reply.status >= 300:
            raise Unfinished(f"{service.key}'s maintenance switch answered {reply.status} to the read-back")
        return _is_on(reply)

    async def _call(self, method: str, service: Service, body: Mapping[str, Any] | None = None) -> Reply:
        settings, line = self._http.settings(service), self._http.line(service)
        if settings.maintenance_url is None:
            raise LookupError(f"service {service.key} has no maintenance_url in config")
        bearer = {"Authorization": f"Bearer {self._http.token(service)}"}
        url = looks.join(line.url, settings.maintenance_url)
        began = asyncio.get_running_loop().time()
        async with (
            asyncio.timeout(line.timeout),
            line.session.request(
                method, url, headers=bearer, json=body, ssl=line.trust, proxy=line.via(url), allow_redirects=False
            ) as answer,
        ):
            line.passed(url, answer.status)
            content = await answer.read()
        return Reply(answer.status, content, (asyncio.get_running_loop().time() - began) * 1000)

    async def health(self, service: Service, behind: bool) -> Look[None]:
        """Good; bad where waiting will not help; pending while it may be coming up; blind where we could not look."""
        settings, line = self._http.settings(service), self._http.line(service)
        try:
            headers = {settings.bypass_header: self._http.token(service)} if behind else {}
        except LookupError as fault:
            return Blind(f"cannot look behind maintenance: {fault.args[0]}")
        paths = [settings.health, *([settings.detailed] if settings.detailed else [])]
        replies = await asyncio.gather(*(line.get(path, headers) for path in paths), return_exceptions=True)
        for reply in replies:
            if isinstance(reply, BaseException):
                return _failed_look(service, reply, line)
            if reply.status >= 500:
                return Pending(note=f"{service.key} answers {reply.status}")
            if reply.status >= 300:
                return Bad(f"{service.key} answers {reply.status}")
        if settings.detailed and isinstance(replies[-1], Reply):
            return _judge(service, looks.details(replies[-1], settings.expects_database))
        return Good(None)

    async def closed(self, service: Service) -> Look[None]:
        """Good once the public sees the maintenance page."""
        settings, line = self._http.settings(service), self._http.line(service)
        try:
            reply = await line.get(settings.health)
        except Exception as fault:  # noqa: BLE001
            return _failed_look(service, fault, line)
        marked = settings.maintenance_marker.lower().encode() in reply.body.lower()
        if reply.status == 503 and marked:
            return Good(None)
        return Pending(note=f"{service.key} still answers {reply.status} to the public")


def _is_on(reply: Reply) -> bool | None:
    body = reply.json()
    on = body.get("on") if isinstance(body, dict) else None
    return on if isinstance(on, bool) else None


def _refusal(service: Service, status: int) -> Temporary | Permanent:
    said = f"{service.key}'s maintenance switch answered {status}; nothing was switched"
    if status in (401, 403):
        return Permanent(f"{said}. Its token is not the one in config: set the secret anew.")
    return Temporary(said) if status == 429 or status >= 500 else Permanent(said)


def _failed_look(service: Service, fault: BaseException, line: Line) -> Look[None]:
    if not isinstance(fault, Exception):
        raise fault
    verdict = looks.verdict(fault, line.timeout)
    if isinstance(verdict, Unseen):
        return Blind(f"{service.key}: {verdict.why}")
    if verdict.lasting:
        return Bad(f"{service.key}: {verdict.said}")
    return Pending(note=f"{service.key} {verdict.said}")


def _judge(service: Service, found: Mapping[str, Seen | Unseen]) -> Look[None]:
    for seen in found.values():
        if isinstance(seen, Seen) and seen.lasting:
            return Bad(f"{service.key}: {seen.said}")
        if isinstance(seen, Seen) and seen.grade is Grade.BAD:
            return Pending(note=f"{service.key}: {seen.said}")
    return Good(None)
