"""What one look of the doctor found, and how errors become words: no secret, no address, always a next step."""

import asyncio
from collections.abc import Awaitable, Sequence
from enum import StrEnum
from typing import TypeAlias

from bot.effect import Permanent, Temporary
from bot.model import Record

WITHIN = 15.0  # seconds for all that one part of the doctor looks at


class Mark(StrEnum):
    GOOD = "✓"
    BAD = "✗"
    NONE = "–"  # not configured


class Finding(Record):
    """One line. `mend` says what to do about a bad one."""

    mark: Mark
    what: str
    said: str
    mend: str = ""


Findings: TypeAlias = Sequence[Finding]


def good(what: str, said: str) -> Finding:
    return Finding(mark=Mark.GOOD, what=what, said=said)


def bad(what: str, said: str, mend: str) -> Finding:
    return Finding(mark=Mark.BAD, what=what, said=said, mend=mend)


def absent(what: str, said: str = "not configured") -> Finding:
    return Finding(mark=Mark.NONE, what=what, said=said)


async def looked(what: str, mend: str, look: Awaitable[Findings], within: float = WITHIN) -> Findings:
    """The look's findings, or one bad finding where it broke off. Raises nothing but cancellation."""
    try:
        async with asyncio.timeout(within):
            return await look
    except TimeoutError:
        return [bad(what, f"no answer within {within:g} s", mend)]
    except (Temporary, Permanent) as error:
        return [_wrong(what, str(error), mend)]
    except LookupError as error:
        return [_wrong(what, _own(error), mend)]
    except Exception as error:  # noqa: BLE001  the others' lines are printed all the same
        return [bad(what, f"it could not be looked at ({type(error).__name__})", mend)]


def _wrong(what: str, told: str, mend: str) -> Finding:
    """Our own errors say behind a semicolon what to do; that is nearer than what is said of the whole part."""
    said, _, own = told.partition("; ")
    return bad(what, said, own or mend)


def _own(error: LookupError) -> str:
    """Our own LookupErrors carry a sentence; a missing key or index carries somebody's value."""
    if type(error) is LookupError and error.args:
        return str(error.args[0])
    return f"it could not be looked at ({type(error).__name__})"
