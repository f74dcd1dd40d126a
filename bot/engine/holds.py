"""What a run keeps others from, and what keeps it back: its locks, and the services that it changes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from bot.effect import Connector, Target
from bot.engine.reach import Connectors
from bot.operation import Operation

DEPLOY = "deploy/"  # the lock of whoever changes a service and lets nobody else change it meanwhile


async def held_by(
    operation: Operation[Any, Any], params: Any, facts: Any, identify: Callable[[Target], Awaitable[str]]
) -> list[str]:
    """The sorted names of its locks, by what a target is and not by the key that led to it.

    Raises what `identify` raises: a lock on a guess would let two runs change one thing at once.
    """
    values = _values(operation, params, facts, operation.locks)
    for name, value in params.__dict__.items():
        if isinstance(value, Target) and name in values:
            values[name] = (await identify(value),)
    return sorted({name for pattern in operation.locks for name in _filled(pattern, values)})


def changed_by(operation: Operation[Any, Any], params: Any, facts: Any, locks: Sequence[str]) -> list[str]:
    """The sorted keys of the services that it changes: those it says, and those it locks."""
    values = _values(operation, params, facts, operation.changes)
    return sorted({*(name for one in operation.changes for name in _filled(one, values)), *deployed(locks)})


def _values(
    operation: Operation[Any, Any], params: Any, facts: Any, patterns: Sequence[str]
) -> dict[str, Sequence[str]]:
    """What the patterns' placeholders stand for: fields of params and facts, then what the operation names."""
    fields = {**(facts.__dict__ if facts is not None else {}), **params.__dict__}
    used = {name: value for name, value in fields.items() if any("{" + name + "}" in one for one in patterns)}
    found = {
        name: tuple(map(_text, value)) if isinstance(value, tuple) else (_text(value),) for name, value in used.items()
    }
    return {**found, **(operation.names(params, facts) if patterns else {})}


def _text(value: Any) -> str:
    return value.key if isinstance(value, Target) else str(value)


def deployed(locks: Sequence[str]) -> list[str]:
    """The services whose deploy lock is among these."""
    return [lock.removeprefix(DEPLOY) for lock in locks if lock.startswith(DEPLOY)]


async def identity(target: Target, deeds: Mapping[str, type[Any]], connectors: Connectors) -> str:
    """What the target is, from the connector that tells its kind apart; its key where there is none.

    Raises LookupError, Temporary and Permanent as that connector does.
    """
    kind = type(target).__name__.lower()
    for deed in deeds.values():
        if deed.connector.identifies == kind:
            connector: Connector[Any, Any] = await connectors.get(deed.connector)
            return await connector.identity(target)
    return target.key


def _filled(pattern: str, values: Mapping[str, Sequence[str]]) -> list[str]:
    """ "deploy/{services}" with two services gives two names."""
    names = [pattern]
    for field, given in values.items():
        mark = "{" + field + "}"
        names = [n.replace(mark, one) for n in names for one in given] if any(mark in n for n in names) else names
    return names
