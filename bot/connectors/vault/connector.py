"""The vault: where backups of the company's databases lie, sealed. One or several, each a folder or a bucket."""

from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from bot.connectors.postgres.connector import Postgres
from bot.connectors.postgres.hands import Hands as DatabaseHands
from bot.connectors.postgres.session import LONGEST
from bot.effect import Attempt, Connector, Effect, SecretName, Target, World
from bot.model import Record

if TYPE_CHECKING:
    from bot.connectors.vault.keys import Keys
    from bot.connectors.vault.shelf import Catalogue, Shelf
    from bot.connectors.vault.storage import Storage


class VaultSettings(Record):
    """One vault: a folder or a bucket. Secrets are named, never written here."""

    folder: str | None = None
    bucket: str | None = None
    prefix: str = ""
    endpoint: str | None = None  # by default Amazon's
    region: str | None = None
    access_key: SecretName | None = None  # without the two the environment's usual ways
    secret_key: SecretName | None = None
    ca_file: str | None = None  # whom to trust as this bucket, by default whom other outgoing connections trust
    keyset: SecretName = "TANDEM_VAULT_KEYSET"  # the secret's name; `python -m bot init --keys` makes one

    @model_validator(mode="after")
    def _one_place(self) -> "VaultSettings":
        if (self.folder is None) == (self.bucket is None):
            raise ValueError("a vault has either a folder or a bucket: write one of the two")
        return self


class Hands:
    """What effects are given: the database's hands, and its shelf."""

    def __init__(self, database: DatabaseHands, shelf: "Shelf") -> None:
        self.database, self.shelf = database, shelf

    async def bar(self, at: Attempt) -> bool:
        """Only sessions act: whatever else an earlier attempt goes on writing lies under a name of its own."""
        return await self.database.bar(at)


class Vault(Connector["Catalogue", Hands]):
    """`world.blocks` maps a vault's key to its VaultSettings, `world.targets` a database's to its DatabaseSettings."""

    serves = "database"
    blocks_of = "vault"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._opened: dict[str, tuple[Storage, Keys]] = {}
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """Raises LookupError or ValueError, with what to set, for a missing or useless keyset."""
        for key, settings in self.world.blocks.items():
            self._opened[key] = await self._open(settings)

    async def close(self) -> None:
        self._opened.clear()
        await self._stack.aclose()

    async def reads(self, target: Target | None) -> "Catalogue":
        from bot.connectors.vault.shelf import Catalogue

        return Catalogue(*self._shelf(target))

    async def hands(self, target: Target | None) -> Hands:
        from bot.connectors.vault.shelf import Shelf

        return Hands(await self.world.other(Postgres).hands(target), Shelf(*self._shelf(target)))

    def within(self, effect: Effect[Any]) -> timedelta:
        """What passes over all of a database takes as long as its settings allow."""
        target = effect.target()
        settings = self.world.targets.get(target.key) if target else None
        return settings.longest if settings is not None and effect.timeout == LONGEST else effect.timeout

    def _shelf(self, target: Target | None) -> "tuple[str, Storage, Keys]":
        if target is None or target.key not in self.world.targets:
            raise LookupError(f"config has no database {target.key if target else ''}".rstrip())
        vault = self.world.targets[target.key].vault
        if vault not in self._opened:
            raise LookupError(f"database {target.key} has no vault: set `vault` to one of {sorted(self._opened)}")
        return target.key, *self._opened[vault]

    async def _open(self, settings: VaultSettings) -> "tuple[Storage, Keys]":
        from bot.connectors.vault.keys import Keys
        from bot.connectors.vault.storage import Folder

        keys = Keys(self.world.secret(settings.keyset))
        if settings.folder is not None:
            return Folder(Path(settings.folder)), keys
        from bot.connectors.vault.s3 import Bucket

        bucket = await Bucket.open(
            self._stack,
            settings.bucket or "",
            settings.prefix,
            settings.ca_file,
            endpoint_url=settings.endpoint,
            region_name=settings.region,
            aws_access_key_id=self._secret(settings.access_key),
            aws_secret_access_key=self._secret(settings.secret_key),
        )
        return bucket, keys

    def _secret(self, name: str | None) -> str | None:
        found: str | None = None if name is None else self.world.secret(name)
        return found
