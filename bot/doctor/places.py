"""Vaults, mail, services, hooks, other connectors: written to and read back, greeted, asked; nothing stays."""

import asyncio
import importlib
import secrets
import ssl
from collections.abc import Mapping
from functools import partial
from typing import Any

from bot.connectors.http import Http, ServiceSettings
from bot.connectors.http_looks import Grade, Seen
from bot.connectors.mail import Mail
from bot.doctor.finding import Finding, Findings, absent, bad, good, looked
from bot.effect import Connector, Permanent, Temporary, World
from bot.engine.reach import Connectors
from bot.operation import Database, Service
from bot.process import compose
from bot.process.compose import Ground
from config.settings import secret

LOOKED_AT = ("postgres", "vault", "users", "mail", "http", "tandem")  # modules of connectors that have looks here


async def vaults(ground: Ground) -> Findings:
    """Each vault: a sealed object is written, listed, read back, opened and removed."""
    targets = ground.company.targets
    kept = targets.get("vault", {})
    if not kept:
        return [absent("Vault")]
    looks = []
    for key, settings in kept.items():
        database = next((name for name, d in targets.get("database", {}).items() if d.vault == key), None)
        looks.append(_vault(key, settings, targets.get("database", {}), database))
    return [finding for part in await asyncio.gather(*looks) for finding in part]


async def _vault(key: str, settings: Any, targets: Mapping[str, Any], database: str | None) -> Findings:
    what = f"Vault {key}"
    if database is None:
        return [absent(what, "no database keeps its backups there")]
    mend = f"look at vaults.{key} in services.toml: its folder or bucket, its keys, and the secret of its keyset"
    return await looked(what, mend, _round_trip(what, key, settings, targets, database))


async def _round_trip(what: str, key: str, settings: Any, targets: Mapping[str, Any], database: str) -> Findings:
    package = await asyncio.to_thread(importlib.import_module, "bot.connectors.vault")
    connector = package.Vault(World(blocks={key: settings}, targets=targets, secret=secret))
    try:
        await connector.open()
        shelf = await connector.reads(Database(key=database))
        return [await _probe(what, shelf.storage, shelf.keys)]
    except ValueError as error:
        raise Permanent(str(error)) from None  # the keyset's own sentence
    except OSError as error:
        raise Permanent(f"it cannot be written to or read ({type(error).__name__})") from None
    finally:
        await connector.close()


async def _probe(what: str, storage: Any, keys: Any) -> Finding:
    name = f"doctor-{secrets.token_hex(8)}.probe"
    word = secrets.token_bytes(64)
    try:
        await storage.write(name, await asyncio.to_thread(keys.seal, word, name), only_new=True)
        listed = name in await storage.sizes("")
        back = await storage.read(name)
        same = back is not None and word not in back and await asyncio.to_thread(keys.open, back, name) == word
    finally:
        await storage.delete(name)
    if not listed or not same or await storage.read(name) is not None:
        raise Permanent("what was written is not listed, or comes back as something else, or stays when removed")
    return good(what, "written, sealed, read back, removed")


async def mail(ground: Ground) -> Findings:
    """The relay: greeting, TLS, login. No mail."""
    block = ground.company.connectors.get("mail")
    if block is None:
        return [absent("Mail")]
    mend = "look at host, port and tls of connectors.mail in tandem.toml, and at the secret of its password"
    return await looked("Mail", mend, _greeted(Mail(World(blocks=block.model_dump(), secret=secret))))


async def _greeted(connector: Mail) -> Findings:
    import aiosmtplib

    await connector.open()
    s = connector.settings
    trust = None if s.tls == "none" else ssl.create_default_context(cafile=s.ca_file)
    whole = s.tls == "whole"
    client = aiosmtplib.SMTP(
        hostname=s.host, port=s.port, timeout=5, use_tls=whole, start_tls=False, tls_context=trust if whole else None
    )
    try:
        await client.connect()
        await client.ehlo()
        if s.tls == "start":
            if not client.supports_extension("starttls"):
                mend = "look at `port` and `tls` of connectors.mail in tandem.toml"
                raise Permanent(f"the mail server does not offer TLS on that port; {mend}")
            await client.starttls(tls_context=trust)
        if s.user and s.password:
            await client.login(s.user, secret(s.password))
        await client.quit()
    except aiosmtplib.SMTPResponseException as error:
        raise Permanent(f"the mail server answers {error.code} ({_class(error)})") from None
    except ssl.SSLCertVerificationError:
        raise Permanent("the mail server's certificate is not trusted: set mail.ca_file") from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Permanent(f"the mail server cannot be talked to ({_class(error.__cause__ or error)})") from None
    finally:
        client.close()
    parts = ["greeted", *([] if s.tls == "none" else ["TLS"]), *(["logged in"] if s.user and s.password else [])]
    return [good("Mail", ", ".join(parts))]


def _class(error: BaseException) -> str:
    return type(error).__name__.removeprefix("SMTP")


async def services(ground: Ground) -> Findings:
    """Each service's own health, as the operations will see it."""
    targets: Mapping[str, ServiceSettings] = ground.company.targets.get("service", {})
    if not targets:
        return [absent("Services")]
    connector = Http(World(targets=targets, secret=secret))
    await connector.open()
    try:
        return await asyncio.gather(*(_service(connector, key, targets[key]) for key in targets))
    finally:
        await connector.close()


async def _service(connector: Http, key: str, settings: ServiceSettings) -> Finding:
    what, target = f"Service {key}", Service(key=key)
    mend = f"look at services.{key} in services.toml, or at the service itself"
    try:
        if settings.maintenance_url:
            connector.token(target)
        reads = await connector.reads(target)
        seen = await reads.probe()
        if settings.maintenance_url:
            await reads.maintained()
    except LookupError as error:
        return bad(what, str(error.args[0]), mend)
    except (Temporary, Permanent) as error:  # behind the semicolon stands what was not done: nothing was to be
        there = (
            f"look at maintenance_url of services.{key} in services.toml, and at the secret of its maintenance_token"
        )
        return bad(what, str(error).partition(";")[0], there)
    wrong = [
        f"{look}: {one.said if isinstance(one, Seen) else one.why}"
        for look, one in seen.items()
        if not isinstance(one, Seen) or (one.grade is Grade.BAD and look not in settings.dependencies)
    ]
    return bad(what, "; ".join(wrong), mend) if wrong else good(what, f"{len(seen)} looks answer")


async def hooks(ground: Ground) -> Findings:
    """Each source of deliveries: its secret is there. Whether its sender uses the same one, only a delivery shows."""
    return [_hook(name, hook.secret) for name, hook in ground.company.hooks.items()] or [absent("Hooks")]


def _hook(name: str, secret_name: str) -> Finding:
    try:
        compose.hook_key(secret_name)
    except LookupError as error:
        said, _, instead = str(error.args[0]).partition(": write ")
        return bad(f"Hook {name}", said, f"write {instead}" if instead else f"look at hooks.{name} in hooks.toml")
    return good(f"Hook {name}", "its secret is set")


async def others(ground: Ground) -> Findings:
    """Every other connector that config has a block for: it opens."""
    kinds: set[type[Connector[Any, Any]]] = {deed.connector for deed in ground.deeds.classes.values()}
    connectors: Connectors = Connectors(
        partial(compose.make, ground.company, None, lambda kind: connectors.made(kind), None)  # type: ignore[arg-type] # noqa: PLW0108
    )
    try:
        named = sorted(((_name(kind), kind) for kind in kinds), key=lambda pair: pair[0])
        looks = [
            looked(f"Connector {name}", f"look at connectors.{name} in tandem.toml", _opens(connectors, name, kind))
            for name, kind in named
            if name not in LOOKED_AT and name in ground.company.connectors
        ]
        return [finding for part in await asyncio.gather(*looks) for finding in part]
    finally:
        await connectors.close()


async def _opens(connectors: Connectors, name: str, kind: type[Connector[Any, Any]]) -> Findings:
    await connectors.get(kind)
    return [good(f"Connector {name}", "its settings are usable")]


def _name(kind: type[Connector[Any, Any]]) -> str:
    """The connector's name in config."""
    return kind.__module__.removeprefix("bot.connectors.").split(".")[0].replace("_", "-")
