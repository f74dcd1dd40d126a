"""How the engine reaches outside systems: each connector opened once, when first needed, and what `observe` may see."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot.effect import Connector, Effect, Permanent, Survival, Target, Temporary
from bot.operation import RunRef, Unseen

C = TypeVar("C", bound=Connector[Any, Any])
Reads = TypeVar("Reads")


class NotConfigured(LookupError):
    """A target or a connector is not in config; the text says what to add."""


class Connectors:
    """The opened connectors of this process, by class."""

    def __init__(self, make: Callable[[type[Connector[Any, Any]]], Connector[Any, Any]]) -> None:
        self._make = make
        self._made: dict[type[Connector[Any, Any]], Connector[Any, Any]] = {}
        self._opened: set[type[Connector[Any, Any]]] = set()
        self._lock = asyncio.Lock()

    async def get(self, kind: type[C]) -> C:
        """The connector, opened. Raises what its `open` declares."""
        async with self._lock:
            found = self.made(kind)
            if kind not in self._opened:
                await found.open()
                self._opened.add(kind)
        return found  # type: ignore[return-value]

    def made(self, kind: type[Connector[Any, Any]]) -> Connector[Any, Any]:
        """The connector as it stands, opened or not: for another that works through it."""
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        return self._made[kind]

    async def reads(self, kind: type[Connector[Reads, Any]], target: Target | None) -> Reads:
        return await (await self.get(kind)).reads(target)

    async def hands(self, deed: Any) -> Any:
        """What an effect or check is given: the hands of its connector on its target."""
        return await (await self.get(deed.connector)).hands(deed.target())

    def within(self, deed: Effect[Any]) -> timedelta:
        """How long one attempt at an effect may take."""
        return deed.timeout if deed.survives is Survival.OURS else self.made(deed.connector).within(deed)

    async def close(self) -> None:
        for connector in self._made.values():
            await connector.close()
        self._made.clear()
        self._opened.clear()


class Seeing:
    """The See of one observation."""

    def __init__(
        self,
        connectors: Connectors,
        run: RunRef,
        at: datetime,
        config: Callable[[Target], Any],
        keys: Callable[[type[Target]], Sequence[str]],
        mild: Collection[str] = (),
    ) -> None:
        """`mild`: the environments that are not the strictest."""
        self.at, self.run = at, run
        self._connectors, self._config, self._keys, self._mild = connectors, config, keys, mild

    async def __call__(self, of: type[Connector[Reads, Any]], target: Target | None = None) -> Reads:
        return await self._connectors.reads(of, target)

    def config(self, target: Target) -> Any:
        return self._config(target)

    def strictest(self, target: Target) -> bool:
        return self._config(target).environment not in self._mild

    def targets(self, kind: type[Target]) -> Sequence[str]:
        return self._keys(kind)

    async def all(self, looks: Mapping[str, Awaitable[Any]], within: timedelta) -> dict[str, Any]:
        async def one(look: Awaitable[Any]) -> Any:
            try:
                async with asyncio.timeout(within.total_seconds()):
                    return await look
            except TimeoutError:
                return Unseen(f"no answer within {within.total_seconds():g} s")
            except (Temporary, Permanent, LookupError) as error:
                return Unseen(str(error))
            except Exception as error:  # noqa: BLE001  a look that breaks is a look that saw nothing
                return Unseen(type(error).__name__)

        values = await asyncio.gather(*(one(look) for look in looks.values()))
        return dict(zip(looks, values, strict=True))
