"""Signed HTTP requests to an app: forms for commands and interactions, JSON for events."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote_plus

import aiohttp

from ..state import InstalledApp
from ..wire import JsonObject

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Delivery:
    """`kind` is slash_commands, interactive, options or events_api; `answers` says a payload may come back."""

    kind: str
    payload: JsonObject
    url: str
    name: str
    answers: bool = True
    attempt: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: `result` acked, refused or unreachable (no_socket over Socket Mode)."""

    result: str
    status: int = 0
    payload: JsonObject | None = None
    text: str = ""
    no_retry: bool = False
    reason: str = ""


def sign(secret: str, body: bytes, timestamp: int) -> dict[str, str]:
    """The two headers by which an app knows Slack."""
    base = b"v0:" + str(timestamp).encode() + b":" + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(timestamp), "X-Slack-Signature": f"v0={digest}"}


def encode(kind: str, payload: JsonObject) -> tuple[bytes, str]:
    """Body and content type of a delivery."""
    if kind == "events_api":
        return json.dumps(payload).encode(), "application/json"
    if kind == "slash_commands":
        return "&".join(f"{key}={_quoted(str(value))}" for key, value in payload.items()).encode(), FORM
    return f"payload={quote_plus(json.dumps(payload))}".encode(), FORM


@lru_cache(maxsize=4096)
def _quoted(value: str) -> str:
    """Most values of a command are the same each time, and quoting is much of what a delivery costs."""
    return quote_plus(value)


def parsed(text: str) -> JsonObject | None:
    """The JSON object a body holds, else None."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


class HttpSender:
    """Posts to request URLs. The signature carries real time: the app checks it against its own clock."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Open the connection pool."""
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=600))

    async def close(self) -> None:
        """Close the connection pool."""
        if self._session:
            await self._session.close()

    async def probe(self, url: str, token: str, method: str) -> bool:
        """Whether GET or POST with ssl_check=1 is answered 200; unsigned, as Slack sends it."""
        if self._session is None or not url:
            return False
        fields = {"ssl_check": "1", "token": token}
        try:
            query, form = (fields, None) if method == "GET" else (None, fields)
            async with self._session.request(method, url, params=query, data=form) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def send(self, app: InstalledApp, delivery: Delivery) -> Reply:
        """Post one delivery; never raises for what the network or the app does."""
        url = app.url(delivery.url)
        if not url or self._session is None:
            return Reply("unreachable", reason="connection_failed", text="no request URL is set for the app")
        body, content_type = encode(delivery.kind, delivery.payload)
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        headers |= sign(app.spec.signing_secret, body, int(time.time()))
        if delivery.attempt:
            headers |= {"X-Slack-Retry-Num": str(delivery.attempt), "X-Slack-Retry-Reason": delivery.reason}
        try:
            async with self._session.post(url, data=body, headers=headers, max_redirects=2) as answer:
                text = await answer.text(errors="replace")
                good = 200 <= answer.status < 300
                no_retry = answer.headers.get("x-slack-no-retry") == "1"
                return Reply(
                    "acked" if good else "refused",
                    answer.status,
                    parsed(text) if good else None,
                    text,
                    no_retry,
                    "" if good else "http_error",
                )
        except aiohttp.ClientSSLError as problem:
            return Reply("unreachable", reason="ssl_error", text=str(problem))
        except aiohttp.TooManyRedirects:
            return Reply("refused", reason="too_many_redirects")
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            return Reply("unreachable", reason="connection_failed", text=str(problem))
