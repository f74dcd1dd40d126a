"""The local databases: the bot's own with its two roles, and the sample company's shop, production and staging."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from deploy.local.postgres import Server, quoted

HERE = Path(__file__).parent
ORDERS = 150_000
OWNER, BOT, OPERATOR, SHOP = "tandem_owner", "tandem_bot", "tandem_operator", "shop_app"


@dataclass(frozen=True)
class Databases:
    """URLs and passwords of what was prepared."""

    server: Server
    owner_url: str
    bot_url: str
    operator_password: str
    shop_url: str
    staging_url: str


async def prepare(server: Server, words: "Words", orders: int = ORDERS) -> Databases:
    """Makes what is missing, with so many orders in a new shop; what is there stays as it is."""
    for role, extra in ((OWNER, ""), (BOT, ""), (OPERATOR, "CREATEDB"), (SHOP, "")):
        await _role(server, role, words.of(role), extra)
    async with server.connect() as conn:
        await conn.execute(f"GRANT pg_monitor, pg_signal_backend, {SHOP} TO {OPERATOR}")
        await conn.execute(f"GRANT SET, ALTER SYSTEM ON PARAMETER log_min_duration_statement TO {OPERATOR}")
        await conn.execute(f"GRANT EXECUTE ON FUNCTION pg_reload_conf(), pg_show_all_file_settings() TO {OPERATOR}")
    await _database(server, "tandem", OWNER)
    model = "template0"
    for name in ("shop", "shop_staging"):
        if await _database(server, name, OPERATOR, model) and model == "template0":
            await _fill(server, name, orders)
            model = name  # the second is a copy of what was just made: that is sooner there
    return Databases(
        server=server,
        owner_url=server.dsn("tandem", OWNER, words.of(OWNER)),
        bot_url=server.dsn("tandem", BOT, words.of(BOT)),
        operator_password=words.of(OPERATOR),
        shop_url=server.dsn("shop", OPERATOR, words.of(OPERATOR)),
        staging_url=server.dsn("shop_staging", OPERATOR, words.of(OPERATOR)),
    )


async def _role(server: Server, role: str, password: str, extra: str) -> None:
    async with server.connect() as conn:
        there = await conn.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role)
        verb = "ALTER" if there else "CREATE"
        await conn.execute(f"{verb} ROLE {role} LOGIN {extra} PASSWORD '{password}'")


async def _database(server: Server, name: str, owner: str, model: str = "template0") -> bool:
    """True where it was made now, as a copy of `model`."""
    async with server.connect() as conn:
        if await conn.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            return False
        await conn.execute(f"CREATE DATABASE {quoted(name)} OWNER {owner} TEMPLATE {model} ENCODING 'UTF8'")
        return True


async def _fill(server: Server, name: str, orders: int) -> None:
    async with server.connect(name) as conn:
        await conn.execute(f"SET ROLE {OPERATOR}")
        await conn.execute("SELECT set_config('shop.orders', $1, false)", str(orders))
        for part in ("shop.sql", "supabase.sql", "users.sql"):
            await conn.execute((HERE / part).read_text())
        await conn.execute("ANALYZE")


async def more_orders(url: str, count: int) -> None:
    """Orders that come in after the backup: what a restore would lose."""
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(
            "INSERT INTO orders (customer, product, amount) "
            "SELECT n % (SELECT max(id) FROM customers) + 1, n % 200 + 1, 1 FROM generate_series(1, $1::int) AS n",
            count,
        )
    finally:
        await conn.close()


class Words:
    """Random words kept in a private folder: the same at the next start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def of(self, name: str) -> str:
        """The word of that name, made the first time."""
        return self.kept(name, lambda: secrets.token_urlsafe(24))

    def kept(self, name: str, make: Callable[[], str]) -> str:
        """The same for a word that is made in another way."""
        path = self._folder / name
        if not path.exists() or not path.read_text():  # an empty one is of a start that was killed at this moment
            beside = path.with_suffix(".new")
            beside.unlink(missing_ok=True)
            beside.touch(mode=0o600)
            beside.write_text(make())
            beside.replace(path)
        return path.read_text()
