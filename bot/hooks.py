"""The door of other systems: a signed delivery asks for what config says, nothing that it holds goes any further."""

import base64
import binascii
import hashlib
import hmac
import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bot.catalogue import Entry
from bot.operation import Input
from bot.store.pool import DATABASE_AWAY, NotRecorded, Uncertain
from bot.view import Outcome

log = logging.getLogger("tandem.hooks")
LEAST_SECRET = 16  # characters
WHOLE_SECRET = "whsec_"  # noqa: S105  how senders of Standard Webhooks write a secret: base64 follows
AHEAD = timedelta(minutes=1)  # how far a sender's clock may be before the database's
MOST_SIGNATURES = 8  # a sender that changes its secret signs with both
BODY = "body:"
ID, EPOCH = re.compile(r"[A-Za-z0-9_-]{1,200}"), re.compile(r"[0-9]{10}([0-9]{3})?")
PREFIX = re.compile(r"[a-z0-9]{1,10}=")
REFUSED = "refused\n"


class Rule(Protocol):
    """How a source signs; config's record of it."""

    @property
    def signature(self) -> str: ...
    @property
    def signs(self) -> str: ...
    @property
    def time(self) -> str: ...
    @property
    def delivery(self) -> str | None: ...
    @property
    def window(self) -> timedelta: ...


class Refused(Exception):
    """A delivery that is not believed. The argument is a word for our own log; its sender is never told it."""


@dataclass(frozen=True)
class Delivery:
    """What is believed of a delivery: that it was signed, when, and which one it is."""

    at: datetime
    id: str  # a digest: nothing of the delivery itself is kept


@dataclass(frozen=True)
class Hook:
    """A source with all that it may bring about."""

    source: str
    rule: Rule
    key: bytes
    entry: Entry
    params: Input
    reason: str
    channel: str  # Slack's id


Headers = Mapping[str, Sequence[str]]  # by name in small letters, every value it came with
Asks = Callable[..., Awaitable[Outcome]]


def key_of(secret: str) -> bytes:
    """The HMAC key. Raises ValueError where the secret is none."""
    if len(secret) < LEAST_SECRET:
        raise ValueError(f"it has fewer than {LEAST_SECRET} characters: write what `openssl rand -hex 32` prints")
    if not secret.startswith(WHOLE_SECRET):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(WHOLE_SECRET), validate=True)
    except binascii.Error:
        raise ValueError(f"what follows {WHOLE_SECRET} is no base64: write it as the sender shows it") from None


def believed(rule: Rule, key: bytes, headers: Headers, body: bytes) -> Delivery:
    """What a delivery whose signature fits says of itself. Raises Refused. Nothing of the body is read before."""
    filled = {"{id}": b"", "{time}": b""}
    if rule.delivery and not rule.delivery.startswith(BODY):
        filled["{id}"] = _fitting(ID, _one(headers, rule.delivery)).encode()
    if not rule.time.startswith(BODY):
        filled["{time}"] = _one(headers, rule.time).encode()
    signed = b"".join(
        body if part == "{body}" else filled.get(part, part.encode()) for part in re.split(r"(\{\w+\})", rule.signs)
    )
    if not _signed_so(_one(headers, rule.signature), hmac.digest(key, signed, "sha256")):
        raise Refused("signature")
    inside = _Inside(body)
    at = _moment(inside.at(rule.time) if rule.time.startswith(BODY) else filled["{time}"].decode())
    if rule.delivery is None:
        return Delivery(at, hashlib.sha256(signed).hexdigest())
    given = str(inside.at(rule.delivery)) if rule.delivery.startswith(BODY) else filled["{id}"].decode()
    return Delivery(at, hashlib.sha256(given.encode()).hexdigest())


def _one(headers: Headers, name: str) -> str:
    values = headers.get(name.lower(), ())
    if len(values) != 1 or not values[0].isascii():
        raise Refused("headers")
    return values[0]


def _fitting(pattern: re.Pattern[str], text: str) -> str:
    """No sign that could move the border between two signed parts."""
    if not pattern.fullmatch(text):
        raise Refused("headers")
    return text


def _signed_so(given: str, digest: bytes) -> bool:
    """Hexadecimal or base64, alone or behind a prefix such as `sha256=` or `v1,`; of several, any."""
    right = (digest.hex().encode(), base64.b64encode(digest))
    parts = [PREFIX.sub("", part, count=1) for part in re.split(r"[ ,]+", given)[: 2 * MOST_SIGNATURES]]
    return any(hmac.compare_digest(part.encode(), one) for part in parts for one in right)


class _Inside:
    """The signed body as JSON, read once somebody asks."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def at(self, place: str) -> str | int:
        """The text or number at `body:a.0.b`. Raises Refused."""
        try:
            found: Any = json.loads(self._body)
            for part in place.removeprefix(BODY).split("."):
                found = found[int(part)] if isinstance(found, list) else found[part]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise Refused("body") from None
        if not isinstance(found, str | int) or isinstance(found, bool) or found == "":
            raise Refused("body")
        return found


def _moment(given: str | int) -> datetime:
    """Seconds or milliseconds since 1970, or a date and time with its zone."""
    text = str(given)
    try:
        if found := EPOCH.fullmatch(text):
            return datetime.fromtimestamp(int(text[:10]) + int(found[1] or 0) / 1000, UTC)
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise Refused("time") from None
    if at.tzinfo is None:
        raise Refused("time")
    return at


class Hooks:
    """Every source of config. `now` is the database's clock, `asks` the service's way in for what has no asker."""

    def __init__(self, hooks: Mapping[str, Hook], asks: Asks, now: Callable[[], Awaitable[datetime]]) -> None:
        self.hooks, self.asks, self.now = hooks, asks, now
        self._nobodys = secrets.token_bytes(32)

    async def take(self, source: str, headers: Headers, body: bytes) -> tuple[int, str]:
        """The status and text to answer with. Strangers learn nothing; others, whether to send it again."""
        hook = self.hooks.get(source)
        try:
            if hook is None:
                hmac.digest(self._nobodys, body, "sha256")  # an unknown source takes as long as a wrong signature
                return 401, REFUSED
            delivery = believed(hook.rule, hook.key, headers, body)
            if not -AHEAD <= await self.now() - delivery.at <= hook.rule.window:
                raise Refused("time")
        except Refused as refused:
            log.warning("a delivery was refused", extra={"source": source, "code": str(refused)})
            return 401, REFUSED
        except DATABASE_AWAY:
            return 503, "not recorded; send it again\n"
        return await self._ask(hook, delivery)

    async def _ask(self, hook: Hook, delivery: Delivery) -> tuple[int, str]:
        try:
            outcome = await self.asks(
                hook.channel, hook.entry, hook.params, hook.reason,
                key=f"hook/{hook.source}/{delivery.id}", via="webhook", source=hook.source,
            )  # fmt: skip
        except NotRecorded:
            return 503, "not recorded; send it again\n"
        except Uncertain:
            return 503, "perhaps recorded; sent again it is found, not repeated\n"
        log.info("a delivery asked", extra={"source": hook.source, "run": outcome.tag})
        return 202, f"{outcome.tag}\n"
