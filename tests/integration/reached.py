"""What the engine would hand to connectors and effects, for tests of connectors alone."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from bot.connectors.http import ServiceSettings
from bot.connectors.postgres import DatabaseSettings
from bot.effect import Connector, Target, World
from bot.engine.reach import Connectors, Seeing
from bot.operation import RunRef

PASSWORD = "SHOP_PASSWORD"
# What asyncpg raises where the server ended the session; the third where it has read half of the server's word.
ENDED = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


@dataclass
class Try:
    """One attempt at one step."""

    step: str = "step"
    number: int = 1
    tag: str = "r142"
    deadline: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(minutes=1))

    def __post_init__(self) -> None:
        self.key = f"{self.tag}/{self.step}"
        self.session = f"tandem/{os.getpid()}-{self.key}/{self.number}"  # other workers' tests share the server

    async def progress(self, done: float, total: float | None = None, note: str = "", unit: str = "") -> None:
        return None

    async def stopping(self) -> bool:
        return False


def database(url: str, **changes: Any) -> DatabaseSettings:
    """Config of the database of that URL; its password is the secret PASSWORD."""
    parts = urlsplit(url)
    return DatabaseSettings.model_validate(
        {
            "host": parts.hostname,
            "port": parts.port,
            "database": parts.path.lstrip("/"),
            "user": unquote(parts.username or ""),
            "password_env": PASSWORD,
            "sslmode": "disable",
            **changes,
        }
    )


class Reached:
    """Connectors that find each other, as the composition root joins them."""

    def __init__(self, secrets: Mapping[str, str], targets: Mapping[str, Any]) -> None:
        self._made: dict[type[Any], Any] = {}
        self._secrets, self._targets = dict(secrets), dict(targets)

    async def add(self, kind: Callable[[World], Any], blocks: Mapping[str, Any] | None = None) -> Any:
        """That connector, opened."""
        world = World(
            blocks=blocks or {}, targets=self._targets, secret=self._secrets.__getitem__, other=self._made.__getitem__
        )
        connector: Connector[Any, Any] = kind(world)
        await connector.open()
        self._made[type(connector)] = connector
        return connector

    def see(self) -> Seeing:
        """What `observe` of a run r142 is given."""

        def config(target: Target) -> Any:
            return self._targets[target.key]

        def keys(kind: type[Target]) -> list[str]:
            settings = {"Service": ServiceSettings, "Database": DatabaseSettings}[kind.__name__]
            return [key for key, value in self._targets.items() if isinstance(value, settings)]

        return Seeing(Connectors(self.__getitem__), RunRef(tag="r142"), datetime.now(UTC), config, keys)

    def __getitem__(self, kind: type[Any]) -> Any:
        return self._made[kind]

    async def close(self) -> None:
        for connector in self._made.values():
            await connector.close()


def password(url: str) -> str:
    return unquote(urlsplit(url).password or "")
