"""One replica, from its first connection to its last: doors, engine, poster and directory side by side."""

import asyncio
import gc
import logging
import signal
import time
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.compose import Ground, Machine, Unfit
from bot.hooks import Hooks
from bot.metrics import CountedClient, Metrics
from bot.opening import fit, pool_of, secret
from bot.slack import Desk, Identity, build_app, socket_door
from bot.store.figures import Figures
from bot.store.pool import DATABASE_AWAY
from bot.telemetry import start_sentry
from bot.thread import ANSWER_WITHIN
from bot.web import Site
from config.settings import Settings

log = logging.getLogger("tandem")
LEASE = timedelta(seconds=3)
CLOCK_OFF = 2.0  # seconds between this process and the database beyond which it is not ready


async def serve(ground: Ground, lease: timedelta = LEASE) -> int:
    """Until SIGINT or SIGTERM: then it drains. Raises Unfit where it must not start."""
    settings = ground.settings
    _start_sentry(settings)
    async with AsyncExitStack() as stack:
        machine = await _machine(ground, stack, lease)
        hooks = Hooks(machine.hooks(), machine.service.ask_as_nobody, machine.ledger.now)
        identity = await _identity(machine.client)
        machine.poster.bot_id = identity.bot_id
        desk = Desk(
            machine.service,
            ground.catalogue,
            machine.client,
            machine.names,
            ground.company.known(),
            machine.help,
            people_changed=machine.directory.wake,
        )
        app = build_app(desk, identity, settings.signing_secret.reveal() if settings.signing_secret else None)
        machine.metrics.time_acks(app)
        machine.precedence.watch(app)
        site = Site(
            app, ready=lambda: _ready(machine), mounted=not settings.socket_mode, host=settings.host,
            registry=machine.metrics.registry, hooks=hooks if hooks.hooks else None,
        )  # fmt: skip
        gc.collect()
        gc.freeze()  # code, operations and config stay: no collection while a payload waits looks at them again
        await site.start(settings.port, settings.metrics_port)
        stack.push_async_callback(site.stop)
        log.info("ready", extra={"address": site.address, "config": ground.applied.config[:12]})
        await _until_told(machine, app, settings)
    return 0


async def _machine(ground: Ground, stack: AsyncExitStack, lease: timedelta) -> Machine:
    settings = ground.settings
    token = secret(settings, "SLACK_BOT_TOKEN")
    secret(settings, "TANDEM_SEAL_KEY")
    if not settings.socket_mode:
        secret(settings, "SLACK_SIGNING_SECRET")  # else anybody's request would be taken for Slack's
    doors = await pool_of(settings, size=10, door=True)
    stack.push_async_callback(doors.close)
    engine = await pool_of(settings, size=12)
    stack.push_async_callback(engine.close)
    await fit(ground, engine)
    metrics = Metrics()
    client = CountedClient(
        metrics,
        token=token,
        base_url=settings.slack_api_url,
        ssl=_trust(ground),
        timeout=ANSWER_WITHIN,
    )
    machine = Machine(ground, doors, engine, client, lease, metrics)
    stack.push_async_callback(machine.connectors.close)
    return machine


def _trust(ground: Ground) -> Any:
    return ground.settings.trust() if ground.settings.slack_api_url.startswith("https") else None


def _start_sentry(settings: Settings) -> None:
    certificates = str(settings.certificates) if settings.certificates else None
    try:
        start_sentry(settings.sentry_dsn.reveal() if settings.sentry_dsn else None, certificates)
    except ValueError as error:
        raise Unfit([str(error)]) from None


async def _identity(client: AsyncWebClient) -> Identity:
    """Raises Unfit where Slack does not take the token, or cannot be reached."""
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        code = error.response.get("error", "")
        raise Unfit([f"SLACK_BOT_TOKEN: Slack answers {code}; write the Bot User OAuth Token of the app"]) from None
    except (OSError, TimeoutError) as error:
        raise Unfit(
            [f"Slack cannot be reached ({type(error).__name__}); look at the network and HTTPS_PROXY"]
        ) from None
    return Identity(
        team=answer["team_id"], bot_id=answer["bot_id"], bot_user_id=answer["user_id"], bot_token=client.token or ""
    )


async def _ready(machine: Machine) -> str | None:
    """None, or why this replica should get no traffic."""
    if not machine.worker.ready.is_set():
        return "the engine has no lease"
    try:
        off = await machine.ledger.pool.fetchval(
            "SELECT abs(extract(epoch FROM clock_timestamp()) - $1::float8)", time.time()
        )
    except DATABASE_AWAY as error:
        return f"the database does not answer ({type(error).__name__})"
    return f"this clock is {off:.1f} s off the database's" if off > CLOCK_OFF else None


async def _until_told(machine: Machine, app: Any, settings: Any) -> None:
    """Runs everything; a part that ends by itself ends the process, for a supervisor to start it again."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    parts = [machine.worker.run(), machine.poster.run(), machine.directory.run()]
    if settings.socket_mode:
        parts.append(_socket(app, settings))
    if settings.metrics_port is not None:
        parts.append(machine.metrics.watch(Figures(machine.ledger.pool), machine.vault_bytes))
    tasks = [asyncio.ensure_future(part) for part in parts]
    told = asyncio.ensure_future(stop.wait())
    await asyncio.wait([told, *tasks], return_when=asyncio.FIRST_COMPLETED)
    await machine.worker.drain()
    for task in (told, *tasks):
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


async def _socket(app: Any, settings: Any) -> None:
    handler = socket_door(app, settings.need("SLACK_APP_TOKEN").reveal())
    try:
        await handler.connect_async()
        await asyncio.Event().wait()
    finally:
        await handler.close_async()
