"""What a run keeps others from: the names of its locks, by what a target is and not by the key that led to it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from bot.effect import Connector, Target
from bot.engine.reach import Connectors
from bot.operation import Operation


async def held_by(
    operation: Operation[Any, Any], params: Any, facts: Any, identify: Callable[[Target], Awaitable[str]]
) -> list[str]:
    """The sorted names of its locks, filled from params and from what the operation names.

    Raises what `identify` raises: a lock on a guess would let two runs change one thing at once.
    """
    values: dict[str, Sequence[str]] = {}
    for name, value in params.__dict__.items():
        if any("{" + name + "}" in pattern for pattern in operation.locks):
            values[name] = (await identify(value) if isinstance(value, Target) else str(value),)
    values |= operation.names(params, facts)
    return sorted({name for pattern in operation.locks for name in _filled(pattern, values)})


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
