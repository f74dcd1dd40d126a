"""Which connector owns the shape of which block of config; the blocks' records live with the connectors."""

import importlib
import pkgutil
from typing import Any

from pydantic import BaseModel, ConfigDict

TARGETS = {  # table of services.toml -> (kind of target, connector, its record)
    "services": ("service", "http", "ServiceSettings"),
    "databases": ("database", "postgres", "DatabaseSettings"),
    "vaults": ("vault", "vault", "VaultSettings"),
}


class Block(BaseModel):
    """A block whose connector publishes no record: taken as written."""

    model_config = ConfigDict(frozen=True, extra="allow")

    environment: str = ""


class NoConnector(LookupError):
    """Config has a block for a connector that this Tandem does not have."""


def of_targets(table: str) -> type[BaseModel]:
    """The record of each block below that table of services.toml."""
    _, connector, name = TARGETS[table]
    return _record(connector, name)


def of_connector(name: str) -> type[BaseModel]:
    """The record of [connectors.<name>]. Raises NoConnector."""
    module = name.replace("-", "_")
    title = "".join(word.title() for word in module.split("_"))
    return _record(module, f"{title}Settings", must=True)


def _record(connector: str, name: str, must: bool = False) -> type[BaseModel]:
    module = f"bot.connectors.{connector}"
    try:
        found: Any = getattr(importlib.import_module(module), name, Block)
    except ModuleNotFoundError as missing:
        if missing.name != module:
            raise
        if must:
            raise NoConnector(connector) from None
        return Block
    return found if isinstance(found, type) and issubclass(found, BaseModel) else Block


def connectors() -> tuple[str, ...]:
    """The names of all connectors there are."""
    package = importlib.import_module("bot.connectors")
    return tuple(found.name.replace("_", "-") for found in pkgutil.iter_modules(package.__path__))
