"""One look each at a service: HTTP, detailed health, DNS, TLS, version, third parties. Words, never addresses."""

import asyncio
import re
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from bot.model import Record
from bot.operation import Unseen
from bot.outgoing import proxy_for

if TYPE_CHECKING:
    import aiohttp

WELL = frozenset({"ok", "healthy", "up", "pass", "connected", "operational", "true", "ready"})
SO_SO = frozenset({"warn", "warning", "degraded", "slow"})
ILL = frozenset(
    {
        *("down", "fail", "failed", "failing", "error", "unhealthy", "critical", "disconnected", "timeout", "false"),
        *("unavailable", "starting", "stopping", "maintenance", "unreachable", "off", "unknown"),
    }
)
BODY_LIMIT = 64 * 1024  # bytes of an answer that are read
INDICATORS = {  # the words of statuspage.io for `status.indicator`
    "none": ("good", "all systems operational"),
    "minor": ("warns", "a minor incident is open"),
    "maintenance": ("warns", "under maintenance"),
    "major": ("bad", "a major incident is open"),
    "critical": ("bad", "a critical incident is open"),
}


class Grade(StrEnum):
    GOOD = "good"
    WARNS = "warns"
    BAD = "bad"


class Seen(Record):
    """What one look saw, in words fit for a channel, and how long it took in milliseconds."""

    grade: Grade
    said: str
    ms: float = 0.0
    lasting: bool = False  # bad in a way that waiting will not mend


class PoolStatus(Record):
    """A service's connections to its database, by its own count."""

    used: int
    size: int  # kept open
    overflow: int = 0  # opened beyond that for a while

    @property
    def most(self) -> int:
        return self.size + self.overflow

    @property
    def saturated(self) -> bool:
        """Whoever wants a connection now waits for one."""
        return self.used >= self.most


Looks = dict[str, Seen | Unseen]


PROXY_WANTS_A_WORD = 407


class ByProxy(OSError):
    """The proxy answered, not the service: nothing went beyond it."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


@dataclass(frozen=True)
class Line:
    """A way to one service: the process's session with that service's trust, proxy and time limit (seconds)."""

    session: "aiohttp.ClientSession"
    url: str
    trust: ssl.SSLContext
    proxy: str | None  # None: as the environment says for each address; "none": always directly
    timeout: float

    def via(self, url: str) -> str | None:
        """The proxy that leads there."""
        if self.proxy is None:
            return proxy_for(url)
        return None if self.proxy == "none" else self.proxy

    def passed(self, url: str, status: int) -> None:
        """Raises ByProxy for an answer there that is the proxy's own."""
        if status == PROXY_WANTS_A_WORD and self.via(url):
            raise ByProxy(status)

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> "Reply":
        """One GET without following redirects. Raises aiohttp.ClientError, OSError, TimeoutError."""
        began, url = time.monotonic(), join(self.url, path)
        async with (
            asyncio.timeout(self.timeout),
            self.session.get(
                url, headers=headers, ssl=self.trust, proxy=self.via(url), allow_redirects=False
            ) as answer,
        ):
            self.passed(url, answer.status)
            body = await answer.content.read(BODY_LIMIT)
            while len(body) < BODY_LIMIT and (more := await answer.content.read(BODY_LIMIT - len(body))):
                body += more
        return Reply(answer.status, body, (time.monotonic() - began) * 1000)


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    ms: float

    def json(self) -> Any:
        """The body as JSON, None where it is none."""
        import json

        try:
            return json.loads(self.body)
        except ValueError:
            return None


def join(url: str, path: str) -> str:
    """A path below the service's url; a whole url stays as it is."""
    if not path or "://" in path:
        return path or url
    return url.rstrip("/") + "/" + path.lstrip("/")


async def guarded(name: str, look: Awaitable[Looks], timeout: float) -> Looks:
    """The look's findings, or why there are none: raises nothing but cancellation."""
    import aiohttp

    try:
        async with asyncio.timeout(timeout):
            return await look
    except (aiohttp.ClientError, OSError, ssl.SSLError, ValueError) as fault:
        return {name: verdict(fault, timeout)}


def verdict(fault: BaseException, timeout: float) -> Seen | Unseen:
    """A failed look: what the service itself did is bad; what may be our own network is unseen."""
    import aiohttp

    if isinstance(fault, TimeoutError):
        return Unseen(f"no answer in {timeout:g} s")
    if isinstance(fault, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return Seen(grade=Grade.BAD, said=certificate_fault(fault), lasting=True)
    if isinstance(fault, aiohttp.ClientConnectorDNSError):
        return Unseen("its name does not resolve from here")
    if isinstance(fault, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError | ByProxy):
        wants = getattr(fault, "status", None) == PROXY_WANTS_A_WORD
        return Unseen("the proxy wants a name and password" if wants else "the proxy does not let us through")
    if refused(fault):
        return Seen(grade=Grade.BAD, said="refuses connections")
    if isinstance(fault, ConnectionError | aiohttp.ServerDisconnectedError):
        return Seen(grade=Grade.BAD, said="closed the connection without an answer")
    if isinstance(fault, ssl.SSLError | aiohttp.ClientSSLError):
        return Seen(grade=Grade.BAD, said="does not complete the TLS handshake")
    return Unseen(f"could not look ({type(fault).__name__})")


def unsent(fault: BaseException) -> bool:
    """Whether it is proof that no request reached the service."""
    import aiohttp

    return refused(fault) or isinstance(fault, aiohttp.ClientHttpProxyError | ByProxy)


def refused(fault: BaseException) -> bool:
    """Whether the connection was refused."""
    return isinstance(fault, ConnectionRefusedError) or (
        isinstance(getattr(fault, "os_error", None), ConnectionRefusedError)
    )


def certificate_fault(fault: BaseException) -> str:
    cause = getattr(fault, "certificate_error", fault)
    text = str(getattr(cause, "verify_message", "") or "")
    match text:
        case "certificate has expired":
            return "its certificate has expired"
        case "certificate is not yet valid":
            return "its certificate is not valid yet"
    return "its certificate is for another name" if "mismatch" in text else "its certificate is not trusted"


async def endpoint(line: Line, look: str, path: str, below: int = 300) -> Looks:
    """Is there an answer with a status under `below`? The body is not read as anything."""
    reply = await line.get(path)
    good = reply.status < below
    said = str(reply.status) if good else f"answers {reply.status}"
    return {look: Seen(grade=Grade.GOOD if good else Grade.BAD, said=said, ms=reply.ms)}


async def detailed(line: Line, path: str, expects_database: str | None) -> Looks:
    """The service's own word on itself and on its database."""
    return details(await line.get(path), expects_database)


def details(reply: Reply, expects_database: str | None) -> Looks:
    """What a detailed answer says: `detailed`, and `database` where it speaks of one."""
    body = reply.json()
    if not isinstance(body, dict):
        said = f"answers {reply.status} and no JSON object"
        return {"detailed": Seen(grade=Grade.BAD, said=said, ms=reply.ms)}
    found: Looks = {"detailed": _whole(reply, body)}
    if "database" in body:
        found["database"] = _database(body["database"], expects_database, reply.ms)
    elif expects_database:
        found["database"] = Unseen("its detailed health says nothing of a database")
    if pool := pool_of(body):
        grade = Grade.WARNS if pool.saturated else Grade.GOOD
        found["pool"] = Seen(grade=grade, said=f"{pool.used} of {pool.most} connections in use", ms=reply.ms)
    return found


async def pool(line: Line, path: str) -> PoolStatus | Unseen:
    """What the service's detailed health says of its pool."""
    reply = await line.get(path)
    silent = Unseen(f"its detailed health answers {reply.status} and tells nothing of a pool that can be read")
    return pool_of(reply.json()) or silent


def pool_of(body: Any) -> PoolStatus | None:
    """The pool in a detailed answer, at its top or under `database`, in SQLAlchemy's words."""
    if not isinstance(body, dict):
        return None
    inner = body.get("database")
    told = body.get("pool") or (inner.get("pool") if isinstance(inner, dict) else None)
    if not isinstance(told, dict):
        return None
    found = told.get("checked_out"), told.get("pool_size", told.get("size")), told.get("max_overflow", 0)
    used, size, overflow = (value if type(value) is int else None for value in found)
    if used is None or size is None or overflow is None or min(used, size) < 0 or overflow < 0:
        return None  # a max_overflow of -1 is a pool without a bound, which is never saturated
    return PoolStatus(used=used, size=size, overflow=overflow) if size + overflow else None


def _whole(reply: Reply, body: Mapping[str, Any]) -> Seen:
    parts = {k: state(v) for k, v in body.items() if k not in ("timestamp", "version") and _has_state(v)}
    ill = [f"{name(k)} {v}" for k, v in parts.items() if k != "status" and v not in WELL]
    status = parts.get("status", "ok" if reply.status < 300 else "something else")
    grade = Grade.GOOD
    if reply.status >= 300 or status not in WELL | SO_SO:
        grade = Grade.BAD
    elif ill or status in SO_SO:
        grade = Grade.WARNS
    said = f"says {status}" if reply.status < 300 else f"answers {reply.status}, says {status}"
    return Seen(grade=grade, said=said + (": " + ", ".join(ill[:4]) if ill else ""), ms=reply.ms)


def _database(value: Any, expects: str | None, ms: float) -> Seen:
    says = state(value)
    present = value.get("name") if isinstance(value, dict) else None
    if says not in WELL:
        return Seen(grade=Grade.BAD, said=f"the service says {says}", ms=ms)
    if expects and present is not None and present != expects:
        said = f"the service is connected to {name(present)}, not to {expects}"
        return Seen(grade=Grade.BAD, said=said, ms=ms, lasting=True)
    return Seen(grade=Grade.GOOD, said="the service is connected" + (f" to {name(present)}" if present else ""), ms=ms)


def _has_state(value: Any) -> bool:
    return isinstance(value, str | bool) or (isinstance(value, dict) and "status" in value)


def state(value: Any) -> str:
    """A state out of somebody's answer, from a closed list: a body may hold anything, secrets too."""
    if isinstance(value, dict):
        value = value.get("status", "")
    said = str(value).strip().lower()
    return said if said in WELL | SO_SO | ILL else "something else"


def name(value: Any) -> str:
    """A name out of somebody's answer (a version, a database), only where it looks like one."""
    text = str(value).strip()
    return text if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,39}", text) else "something unreadable"


async def version(line: Line, path: str) -> Looks:
    """The version that is running."""
    reply = await line.get(path)
    body = reply.json()
    value = body.get("version") or body.get("sha") if isinstance(body, dict) else body
    if reply.status >= 300 or value is None:
        return {"version": Seen(grade=Grade.WARNS, said=f"answers {reply.status} without a version", ms=reply.ms)}
    return {"version": Seen(grade=Grade.GOOD, said=name(value), ms=reply.ms)}


async def dns(host: str) -> Looks:
    """Does the name resolve, and to how many addresses."""
    began = time.monotonic()
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except socket.gaierror as fault:
        if fault.errno not in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
            return {"DNS": Unseen("the resolver here does not answer")}
        return {"DNS": Seen(grade=Grade.BAD, said="does not resolve")}
    count = len({entry[4][0] for entry in found})
    said = f"resolves to {count} address{'' if count == 1 else 'es'}"
    return {"DNS": Seen(grade=Grade.GOOD, said=said, ms=(time.monotonic() - began) * 1000)}


async def tls(line: Line, warn_days: int) -> Looks:
    """How long the certificate is still good for, through the proxy where there is one."""
    began = time.monotonic()
    parts = urlsplit(line.url)
    host, port = parts.hostname or "", parts.port or 443
    writer = await _tunnel(line, host, port)
    try:
        certificate = writer.get_extra_info("peercert") or {}
    finally:
        writer.transport.abort()  # nothing was asked, so nobody waits for a goodbye
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    days = (ends - datetime.now(UTC)).days
    grade = Grade.GOOD if days > warn_days else Grade.WARNS
    ms = (time.monotonic() - began) * 1000
    return {"TLS": Seen(grade=grade, said=f"certificate good for {days} more days", ms=ms)}


async def _tunnel(line: Line, host: str, port: int) -> asyncio.StreamWriter:
    via = line.via(line.url)
    if via is None:
        _, writer = await asyncio.open_connection(host, port, ssl=line.trust, server_hostname=host)
        return writer
    proxy = urlsplit(via)
    reader, writer = await asyncio.open_connection(proxy.hostname, proxy.port or 3128)
    word = f"Proxy-Authorization: Basic {_word(proxy)}\r\n" if proxy.username else ""
    writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{word}\r\n".encode())
    status = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1]
    if status != b"200":
        writer.transport.abort()
        raise ByProxy(int(status) if status.isdigit() else 0)
    await writer.start_tls(line.trust, server_hostname=host)
    return writer


def _word(proxy: SplitResult) -> str:
    """The name and password of a proxy's address, as its header has them."""
    return b64encode(f"{unquote(proxy.username or '')}:{unquote(proxy.password or '')}".encode()).decode()


async def status_page(line: Line, name: str) -> Looks:
    """A third party's own page, in the shape of statuspage.io's /api/v2/status.json."""
    reply = await line.get("")
    body = reply.json()
    status = body.get("status") if isinstance(body, dict) else None
    indicator = status.get("indicator") if isinstance(status, dict) else None
    if reply.status >= 300 or indicator not in INDICATORS:
        return {name: Unseen(f"its status page answers {reply.status} and nothing that can be read")}
    grade, said = INDICATORS[indicator]
    return {name: Seen(grade=Grade(grade), said=said, ms=reply.ms)}
