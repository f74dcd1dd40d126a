"""Personal values between a door or a worker and the database: sealed before they go there, opened for one purpose."""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from bot.effect import Permanent, Personal, Secret, Temporary
from bot.personal import ERASED, HIDDEN, mask
from bot.seal import InvalidTag, PersonalSeal, Subject
from bot.store.discreet import remember, remembering
from bot.store.pool import DATABASE_AWAY, NotRecorded, StaleClaim, engine_call
from bot.store.store import Claimed

NAME = "TANDEM_PERSONAL_KEY"
NO_KEY = f"{NAME} is not set, so no personal value can be kept or opened; tell whoever keeps the bot"
OTHER_KEY = (
    f"{NAME} is another than the one under which personal values are kept here, and the former keys do not name that "
    "one; tell whoever keeps the bot"
)
TRIES = 4  # a subject may be kept or erased by others while its values are sealed here
_held: ContextVar[Claimed | None] = ContextVar("held", default=None)


class NoKey(LookupError):
    """This process has no key for personal values; the text says what to set."""


@contextmanager
def holding(claimed: Claimed) -> Iterator[None]:
    """Inside, connectors may open the values of this run."""
    before = _held.set(claimed)
    try:
        with remembering():
            yield
    finally:
        _held.reset(before)


class PersonalStore:
    """Without a seal nothing is kept or opened, and what would be a mask is hidden."""

    def __init__(self, pool: Any, seal: PersonalSeal | None) -> None:
        self.pool, self.seal = pool, seal

    async def recorded(
        self,
        typed: Sequence[Personal],
        send: Callable[[Mapping[Personal, Personal], list[Any]], Awaitable[dict[str, Any]]],
    ) -> dict[str, Any]:
        """The answer to `send(tokens, kept)`, sent again where a subject has another key by then. Raises NoKey,
        NotRecorded. `tokens`: what stands for each typed value; `kept`: what the database keeps with the ask.
        """
        fresh = [value for value in dict.fromkeys(typed) if value.plain()]
        if not fresh:
            return await send({}, [])
        if self.seal is None:
            raise NoKey(NO_KEY)
        tokens = {value: Personal(f"p-{secrets.token_hex(16)}") for value in fresh}
        subjects: dict[bytes, Subject] = {}
        for _ in range(TRIES):
            for value in fresh:
                subjects.setdefault(self.seal.lookup(value.plain()), self.seal.subject(value.plain()))
            answer = await send(tokens, [self._kept(value, token, subjects) for value, token in tokens.items()])
            if answer["code"] == "other_key":
                raise NoKey(OTHER_KEY)
            if answer["code"] != "subjects":
                return answer
            for known in answer["known"]:
                lookup = b64decode(known["lookup"])
                del subjects[lookup]
                if "key" in known:
                    wrapped, mark = b64decode(known["key"]), b64decode(known["mark"])
                    subjects[lookup] = Subject(b64decode(known["found"]), UUID(known["subject"]), wrapped, mark)
        raise NotRecorded("subjects")

    def _kept(self, value: Personal, token: Personal, subjects: Mapping[bytes, Subject]) -> dict[str, Any]:
        assert self.seal is not None  # noqa: S101
        plain = value.plain()
        subject = subjects[self.seal.lookup(plain)]
        parts = {"value": plain, "mask": mask(plain)}
        boxes = {part: _text(self.seal.box(subject, token.token, part, words)) for part, words in parts.items()}
        return {"token": token.token, "lookup": _text(subject.lookup), "subject": str(subject.id),
                "key": _text(subject.wrapped), "mark": _text(subject.mark), **boxes,
                "lookups": [_text(one) for one in self.seal.lookups(plain)],
                "held": [_text(one) for one in self.seal.marks]}  # fmt: skip

    async def whole(self, value: Personal) -> Secret:
        """The value, for the run that this worker holds. Raises Permanent where it is gone, Temporary where away."""
        held = _held.get()
        if held is None:
            raise Permanent("a personal value is opened for the run that uses it alone: nothing was done")
        sql = "SELECT personal_value($1, $2, $3, $4)"
        try:
            found = await engine_call(self.pool, sql, held.run, held.worker, held.fence, value.token)
        except (StaleClaim, *DATABASE_AWAY):
            raise Temporary("the personal value could not be read just now: nothing was done") from None
        if found["code"] == "erased":
            by = f"some time after {found['by']} had ended" if found["age"] else f"by {found['by']}"
            raise Permanent(f"the personal value was erased {by}: nothing was done")
        if found["code"] != "kept":
            raise Permanent("this run was given no such personal value: nothing was done")
        whole = self.opened(found)
        remember(whole.reveal())
        return whole

    def opened(self, found: Mapping[str, str]) -> Secret:
        """The value of one row. Raises Permanent."""
        if self.seal is None:
            raise Permanent(f"{NO_KEY}: nothing was done")
        opened = self._open(self.seal, found, "value")
        if opened is None:
            raise Permanent(f"the personal value does not open: it was moved, or {NAME} is another: nothing was done")
        return Secret(opened)

    def masks(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """What each token is shown as, from rows of the database's `personal_masks`."""
        return {row["token"]: ERASED if row["erased"] else self._mask(row) for row in rows}

    def _mask(self, row: Mapping[str, Any]) -> str:
        return (self._open(self.seal, row, "mask") if self.seal else None) or HIDDEN

    async def masks_of(self, tokens: Sequence[str]) -> dict[str, str]:
        """What tokens are shown as."""
        found = await self.pool.fetchval("SELECT personal_masks($1)", list(tokens)) if tokens else ()
        return self.masks(found or ())

    @staticmethod
    def _open(seal: PersonalSeal, row: Mapping[str, Any], part: str) -> str | None:
        try:
            wrapped, mark, box = (b64decode(row[name]) for name in ("key", "mark", "box"))
            return seal.unbox(UUID(row["subject"]), wrapped, row["token"], part, box, mark)
        except InvalidTag:
            return None


def _text(box: bytes) -> str:
    return b64encode(box).decode()
