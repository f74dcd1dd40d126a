"""For every effect a real counterpart in a fixed state, and a look at all of it that an effect could change."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from bot.connectors.http import Http, MaintenanceOff, MaintenanceOn, ServiceSettings
from bot.connectors.mail import Mail, Send
from bot.connectors.postgres import Beside, CloseDoor, OpenDoor, Postgres, Swap, SwapBack
from bot.connectors.postgres.door import DropDatabase
from bot.connectors.postgres_sessions import Terminate, sittings
from bot.connectors.postgres_settings import Parameters, Place, SetParameter
from bot.connectors.users import FOREVER, Ban, Lift, Unban, Users
from bot.connectors.vault import Load
from bot.connectors.vault.load import MarkVerified, Matches
from bot.connectors.vault.take import Take
from bot.effect import Effect
from bot.operation import Service
from deploy.local.services import SampleService, SampleSettings, start
from tests.integration.reached import PASSWORD, Reached, Try, database, password
from tests.integration.vault_rig import SEED, SHOP, Rig

JANE = UUID(int=1)
SUPABASE = Path(__file__).parents[2] / "deploy" / "local" / "supabase.sql"
LONG = "statement_timeout"


@dataclass
class Case:
    """One effect, what it is handed, and the state of everything it might touch, without what no two runs share."""

    effect: Effect[Any]
    hands: Any
    look: Callable[[], Awaitable[Any]]


@dataclass
class Ground:
    """What a case is built on; all of it is given back at the end of the stack."""

    make_database: Callable[..., Awaitable[str]]
    folder: Path
    stack: AsyncExitStack


Build = Callable[[Ground], Awaitable[Case]]


async def _rig(ground: Ground, seed: str = "") -> Rig:
    folder = ground.folder / f"vault-{len(list(ground.folder.iterdir()))}"
    folder.mkdir()
    rig = await Rig.open(await ground.make_database(None), folder)
    ground.stack.push_async_callback(rig.close)
    ground.stack.push_async_callback(rig.drop_besides)
    if seed:
        await rig.run(seed)
    return rig


async def _databases(rig: Rig) -> dict[str, tuple[bool, int, str | None]]:
    """Each database of the rig by its last name: whether it is open, how many tables it has, its comment."""
    found: dict[str, tuple[bool, int, str | None]] = {}
    for name in sorted(await rig.names()):
        opened = "SELECT datallowconn FROM pg_database WHERE datname = $1"
        allows = await rig.value(opened, name, name="postgres")
        told = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1"
        comment = await rig.value(told, name, name="postgres")
        tables = await rig.value("SELECT count(*) FROM pg_stat_user_tables", name=name) if allows else -1
        found[name.removeprefix(rig.name)] = (allows, tables, comment)
    return found


async def _pair(rig: Rig) -> dict[str, Any]:
    """The arguments of a swap with an empty database that lies beside the live one."""
    fresh = f"{rig.name}_r1_new"
    await rig.run(f'CREATE DATABASE "{fresh}"', "postgres")
    made = Beside(name=fresh, oid=await rig.oid(fresh))
    return {"database": SHOP, "live_oid": await rig.oid(), "fresh": made, "aside": f"{rig.name}_r1_old"}


async def close_door(ground: Ground) -> Case:
    rig = await _rig(ground)
    return Case(CloseDoor(database=SHOP, oid=await rig.oid()), await rig.hands(), lambda: _databases(rig))


async def open_door(ground: Ground) -> Case:
    rig = await _rig(ground)
    hands = await rig.hands()
    await CloseDoor(database=SHOP, oid=await rig.oid()).do(hands, Try("shut"))
    return Case(OpenDoor(database=SHOP), hands, lambda: _databases(rig))


async def swap(ground: Ground) -> Case:
    rig = await _rig(ground, SEED)
    return Case(Swap(**await _pair(rig)), await rig.hands(), lambda: _databases(rig))


async def swap_back(ground: Ground) -> Case:
    rig = await _rig(ground, SEED)
    hands, pair = await rig.hands(), await _pair(rig)
    await Swap(**pair).do(hands, Try("swap"))
    return Case(SwapBack(**pair), hands, lambda: _databases(rig))


async def drop_database(ground: Ground) -> Case:
    rig = await _rig(ground)
    pair = await _pair(rig)
    await rig.run(f'CREATE DATABASE "{pair["fresh"].name}_try1"', "postgres")
    drop = DropDatabase(database=SHOP, name=pair["fresh"].name, oid=pair["fresh"].oid)
    return Case(drop, await rig.hands(), lambda: _databases(rig))


async def take(ground: Ground) -> Case:
    rig = await _rig(ground, SEED)

    async def look() -> Any:
        reads = await rig.vault.reads(SHOP)
        backup = await reads.find("before-r1")
        # a process that is ended between the two leaves a dump that nothing names: no backup, but room in the vault
        kinds = sorted({path.suffix for path in rig.objects()})
        return backup and (backup.kind, backup.tables, backup.rows), kinds

    return Case(Take(database=SHOP, name="before-r1"), await rig.vault_hands(), look)


async def load(ground: Ground) -> Case:
    rig = await _rig(ground, SEED)
    effect = Load(database=SHOP, backup=await rig.take(), into=f"{rig.name}_r1_new")

    async def look() -> Any:
        there = effect.into in await rig.names()
        rows = await rig.value("SELECT count(*) FROM orders", name=effect.into) if there else 0
        return await _databases(rig), rows

    return Case(effect, await rig.vault_hands(), look)


async def matches(ground: Ground) -> Case:
    rig = await _rig(ground, SEED)
    backup, hands = await rig.take(), await rig.vault_hands()
    fresh = await Load(database=SHOP, backup=backup, into=f"{rig.name}_r1_new").do(hands, Try("load"))
    return Case(Matches(database=SHOP, backup=backup, fresh=fresh), hands, lambda: _databases(rig))


async def mark_verified(ground: Ground) -> Case:
    rig = await _rig(ground, SEED)
    backup, hands = await rig.take(), await rig.vault_hands()
    fresh = await Load(database=SHOP, backup=backup, into=f"{rig.name}_r1_new").do(hands, Try("load"))
    verified = await Matches(database=SHOP, backup=backup, fresh=fresh).do(hands, Try("verify"))

    async def look() -> Any:
        marked = await (await rig.vault.reads(SHOP)).find(backup.name)
        return marked and marked.verified and marked.verified.rows, len(rig.objects())

    return Case(MarkVerified(database=SHOP, backup=backup, verified=verified), hands, look)


async def _shop(ground: Ground) -> tuple[Reached, asyncpg.Connection, str]:
    """A company's database with one user who has two sessions, and the connectors on it."""
    url = await ground.make_database()
    owner = await asyncpg.connect(url)
    ground.stack.push_async_callback(owner.close)
    await owner.execute(SUPABASE.read_text())
    await owner.execute("INSERT INTO auth.users (id, email) VALUES ($1, 'jane@example.com')", JANE)
    await owner.execute("INSERT INTO public.users (id) VALUES ($1)", JANE)
    for _ in range(2):
        await owner.execute("INSERT INTO auth.sessions (user_id) VALUES ($1)", JANE)
    joined = Reached({PASSWORD: password(url)}, {"shop": database(url)})
    ground.stack.push_async_callback(joined.close)
    await joined.add(Postgres)
    await joined.add(Users)
    return joined, owner, url


async def _jane(owner: asyncpg.Connection) -> Any:
    state = "SELECT banned_until IS NOT NULL, raw_app_meta_data #- '{ban,since}' FROM auth.users WHERE id = $1"
    counted = [
        await owner.fetchval(f"SELECT count(*) FROM {table}")
        for table in ("auth.sessions", "auth.refresh_tokens", "public.audit_logs", "public.security_incidents")
    ]
    return await owner.fetchrow(state, JANE), counted


def _ban() -> Ban:
    return Ban(database=SHOP, user_id=JANE, ban="ban-r142", lasting=FOREVER, reason="spam", expect=None)


async def ban(ground: Ground) -> Case:
    joined, owner, _ = await _shop(ground)
    return Case(_ban(), await joined[Users].hands(SHOP), lambda: _jane(owner))


async def unban(ground: Ground) -> Case:
    joined, owner, _ = await _shop(ground)
    hands = await joined[Users].hands(SHOP)
    await _ban().do(hands, Try("ban"))
    effect = Unban(database=SHOP, user_id=JANE, ban="ban-r142", reason="r142 went back")
    return Case(effect, hands, lambda: _jane(owner))


async def lift(ground: Ground) -> Case:
    joined, owner, _ = await _shop(ground)
    hands = await joined[Users].hands(SHOP)
    done = await _ban().do(hands, Try("ban"))
    effect = Lift(database=SHOP, user_id=JANE, ban="ban-r142", reason="appeal granted", expect=done.until)
    return Case(effect, hands, lambda: _jane(owner))


async def terminate(ground: Ground) -> Case:
    joined, owner, url = await _shop(ground)
    doomed = [await asyncpg.connect(url, server_settings={"application_name": "report"}) for _ in range(3)]
    other = await asyncpg.connect(url, server_settings={"application_name": "web"})
    for connection in (*doomed, other):
        ground.stack.callback(connection.terminate)
    reads = await joined[Postgres].reads(SHOP)
    shown = sittings(b for b in await reads.activity() if b.app == "report")
    assert len(shown) == 3

    async def look() -> Any:
        sql = (
            "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1"
        )
        return [len(await owner.fetch(sql, app)) for app in ("report", "web")]

    return Case(Terminate(database=SHOP, sessions=shown), await joined[Postgres].hands(SHOP), look)


async def set_parameter(ground: Ground) -> Case:
    joined, owner, _ = await _shop(ground)
    await joined.add(Parameters)
    effect = SetParameter(database=SHOP, name=LONG, value="61s", expect=None, place=Place.DATABASE)

    async def look() -> Any:
        mine = "SELECT oid FROM pg_database WHERE datname = current_database()"
        return await owner.fetch(f"SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = ({mine})")

    return Case(effect, await joined[Postgres].hands(SHOP), look)


async def send(ground: Ground) -> Case:
    joined, _, _ = await _shop(ground)
    box: list[bytes] = []
    lines: set[asyncio.StreamWriter] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A server that keeps what it has whole, whether or not anybody waits for its answer."""
        lines.add(writer)
        writer.write(b"220 mail.test\r\n")
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while command := (await reader.readline()).upper():
                if command.startswith(b"DATA"):
                    writer.write(b"354 go on\r\n")
                    box.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"221 bye\r\n" if command.startswith(b"QUIT") else b"250 yes\r\n")
        writer.close()
        lines.discard(writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    ground.stack.callback(server.close)
    port = server.sockets[0].getsockname()[1]
    block = {"host": "127.0.0.1", "port": port, "tls": "none", "sender": "Shop <help@shop.test>", "timeout": 2}
    mail = await joined.add(Mail, block)
    values = (("appeal", "Reply."), ("lasting", "for 7d"), ("reason", "spam"), ("reference", "r142"))
    effect = Send(to=f"user/shop/{JANE}", template="banned", values=values)

    async def look() -> Any:
        while lines:  # noqa: ASYNC110  what was sent may still be taken
            await asyncio.sleep(0.001)
        return len(box)

    return Case(effect, await mail.hands(None), look)


async def _services(ground: Ground) -> tuple[Any, Any, tuple[Service, ...]]:
    samples = (SampleService(key="shop", dsn=await ground.make_database()), SampleService(key="web"))
    running = await start(SampleSettings(services=samples, token="switch-word"))
    ground.stack.push_async_callback(running.stop)
    settings = {
        key: ServiceSettings.model_validate({**running.config(key), "maintenance_token": "SWITCH", "proxy": "none"})
        for key in ("shop", "web")
    }
    joined = Reached({"SWITCH": "switch-word"}, settings)
    ground.stack.push_async_callback(joined.close)
    http = await joined.add(Http)
    both = (Service(key="shop"), Service(key="web"))
    return running, await http.hands(both[0]), both


async def maintenance_on(ground: Ground) -> Case:
    running, hands, both = await _services(ground)

    async def look() -> Any:
        return [running.in_maintenance(one.key) for one in both]

    return Case(MaintenanceOn(services=both), hands, look)


async def maintenance_off(ground: Ground) -> Case:
    case = await maintenance_on(ground)
    await case.effect.do(case.hands, Try("on"))
    return Case(MaintenanceOff(services=case.effect.services), case.hands, case.look)  # type: ignore[attr-defined]


WORLDS: dict[str, Build] = {
    "http.MaintenanceOff@1": maintenance_off,
    "http.MaintenanceOn@1": maintenance_on,
    "mail.Send@1": send,
    "postgres.door.CloseDoor@1": close_door,
    "postgres.door.DropDatabase@1": drop_database,
    "postgres.door.OpenDoor@1": open_door,
    "postgres.door.Swap@1": swap,
    "postgres.door.SwapBack@1": swap_back,
    "postgres_sessions.Terminate@1": terminate,
    "postgres_settings.SetParameter@1": set_parameter,
    "users.Ban@1": ban,
    "users.Lift@1": lift,
    "users.Unban@1": unban,
    "vault.load.Load@1": load,
    "vault.load.MarkVerified@1": mark_verified,
    "vault.load.Matches@1": matches,
    "vault.take.Take@1": take,
}
