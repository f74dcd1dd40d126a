"""PostgreSQL: the company's databases by key, never the bot's own."""

import asyncio

import asyncpg

from bot.connectors.postgres.hands import Hands
from bot.connectors.postgres.reads import Pool, Reads
from bot.connectors.postgres.session import LOOK, DatabaseSettings, Login, parameters, trust
from bot.effect import Connector, Target, World


class Postgres(Connector[Reads, Hands]):
    """`world.targets` maps a database's key to its DatabaseSettings."""

    serves = "database"
    identifies = "database"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._pools: dict[tuple[str, str], Pool] = {}
        self._opening = asyncio.Lock()

    async def reads(self, target: Target | None) -> Reads:
        login = self.login(target)
        settings = login.settings
        return Reads(
            login, await self._pool(login, settings.database), await self._pool(login, settings.maintenance_database)
        )

    async def hands(self, target: Target | None) -> Hands:
        return Hands(self.login(target))

    async def identity(self, target: Target) -> str:
        """The server's own number and the database's name: not its oid, which a swap changes."""
        reads = await self.reads(target)
        return f"{await reads.server()}.{await reads.own_name()}"

    async def close(self) -> None:
        while self._pools:
            _, pool = self._pools.popitem()
            pool.terminate()  # only reads run in them

    def login(self, target: Target | None) -> Login:
        """How to connect to that database. Raises LookupError with what to set."""
        if target is None or target.key not in self.world.targets:
            raise LookupError(f"config has no database {target.key if target else ''}".rstrip())
        settings: DatabaseSettings = self.world.targets[target.key]
        password = None if settings.password_env is None else self.world.secret(settings.password_env)
        return Login(key=target.key, settings=settings, password=password)

    async def _pool(self, login: Login, database: str) -> Pool:
        """Sessions that only read, kept for as long as somebody looks."""
        async with self._opening:
            if (login.key, database) not in self._pools:
                settings = login.settings
                self._pools[login.key, database] = await asyncpg.create_pool(
                    host=settings.host,
                    port=settings.port,
                    user=settings.user,
                    password=login.password,
                    database=database,
                    ssl=trust(settings),
                    timeout=5,
                    min_size=0,
                    max_size=4,
                    max_inactive_connection_lifetime=30,
                    statement_cache_size=0,
                    server_settings=parameters(settings, LOOK, reading=True),
                )
            return self._pools[login.key, database]
