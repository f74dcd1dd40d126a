"""One replica, from its first connection to its last: doors, engine, poster and directory side by side."""

import asyncio
import gc
import logging
import signal
import time
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from bot.doctor.slack import code
from bot.hooks import Hooks
from bot.metrics import CountedClient, Metrics
from bot.process.compose import Ground, Machine, Unfit
from bot.process.opening import fit, pool_of, secret
from bot.slack import Desk, Identity, build_app, socket_door
from bot.slack_api import TOKEN_REFUSED
from bot.store.figures import Figures
from bot.store.pool import DATABASE_AWAY
from bot.telemetry import start_sentry
from bot.thread.poster import ANSWER_WITHIN
from bot.web import Site
from config.settings import Settings

log = logging.getLogger("tandem")
LEASE = timedelta(seconds=3)
FIRST_TRY = 2.0  # seconds in which Slack may refuse the token before anything starts
LONGEST_PAUSE = 10.0  # seconds between two questions to a Slack that does not answer
CLOCK_OFF = 2.0  # seconds between this process and the database beyond which it is not ready


async def serve(ground: Ground, lease: timedelta = LEASE) -> int:
    """Until SIGINT or SIGTERM: then it drains. Raises Unfit where it must not start."""
    settings = ground.settings
    _start_sentry(settings)
    async with AsyncExitStack() as stack:
        machine = await _machine(ground, stack, lease)
        hooks = Hooks(machine.hooks(), machine.service.ask_as_nobody, machine.ledger.now)
        entrance = Entrance(machine)
        identity = await entrance.try_for(FIRST_TRY)
        site = Site(
            None, ready=lambda: _ready(machine, entrance), mounted=not settings.socket_mode, host=settings.host,
            registry=machine.metrics.registry, hooks=hooks if hooks.hooks else None,
        )  # fmt: skip
        if identity:
            site.app = _app(machine, identity)
        gc.collect()
        gc.freeze()  # code, operations and config stay: no collection while a payload waits looks at them again
        await site.start(settings.port, settings.metrics_port)
        stack.push_async_callback(site.stop)
        log.info("ready", extra={"address": site.address, "config": ground.applied.config[:12]})
        await _until_told(machine, site, entrance)
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


class Entrance:
    """Who the bot is in Slack, asked until Slack says it: the engine needs no Slack, doors and poster do."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.client = machine, machine.client
        self.identity: Identity | None = None
        self.why = "TimeoutError"  # the class or the code of what came instead of an answer

    async def try_for(self, seconds: float) -> Identity | None:
        """One try. None where Slack gives no answer; raises Unfit where it does not take the token."""
        try:
            async with asyncio.timeout(seconds):
                answer = await self.client.auth_test()
        except SlackApiError as error:
            self.why = code(error)
            if self.why in TOKEN_REFUSED:
                said = f"SLACK_BOT_TOKEN: Slack answers {self.why}; write the Bot User OAuth Token of the app"
                raise Unfit([said]) from None
            return None
        except (OSError, TimeoutError) as error:
            self.why = type(error).__name__
            return None
        self.identity = Identity(
            team=answer["team_id"], bot_id=answer["bot_id"], bot_user_id=answer["user_id"],
            bot_token=self.client.token or "",
        )  # fmt: skip
        return self.identity

    async def opened(self) -> Identity:
        """Tries again and again, with longer and longer pauses. Raises Unfit."""
        pause = 0.5
        while self.identity is None:
            log.warning("Slack does not say who the bot is", extra={"error": self.why})
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            await self.try_for(ANSWER_WITHIN)
        return self.identity


def _app(machine: Machine, identity: Identity) -> AsyncApp:
    """The doors, for the bot that Slack says it is."""
    company, settings = machine.ground.company, machine.ground.settings
    machine.poster.bot_id = identity.bot_id
    desk = Desk(
        machine.service, machine.ground.catalogue, machine.client, machine.names, company.known(), machine.help,
        people_changed=machine.directory.wake, fallback=company.channels[company.fallback],
    )  # fmt: skip
    app = build_app(desk, identity, settings.signing_secret.reveal() if settings.signing_secret else None)
    machine.metrics.time_acks(app)
    machine.precedence.watch(app)
    return app


async def _ready(machine: Machine, entrance: Entrance) -> str | None:
    """None, or why this replica should get no traffic."""
    if not machine.worker.ready.is_set():
        return "the engine has no lease"
    if entrance.identity is None:
        return f"Slack has not answered since the start ({entrance.why}): runs go on, nobody is told and nobody can act"
    try:
        off = await machine.ledger.pool.fetchval(
            "SELECT abs(extract(epoch FROM clock_timestamp()) - $1::float8)", time.time()
        )
    except DATABASE_AWAY as error:
        return f"the database does not answer ({type(error).__name__})"
    return f"this clock is {off:.1f} s off the database's" if off > CLOCK_OFF else None


async def _until_told(machine: Machine, site: Site, entrance: Entrance) -> None:
    """Runs everything; a part that ends by itself ends the process, for a supervisor to start it again."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    parts = [machine.worker.run(), _with_slack(machine, site, entrance)]
    if machine.ground.settings.metrics_port is not None:
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


async def _with_slack(machine: Machine, site: Site, entrance: Entrance) -> None:
    """All that needs Slack, from when it says who the bot is."""
    if site.app is None:
        site.app = _app(machine, await entrance.opened())
    async with asyncio.TaskGroup() as parts:
        parts.create_task(machine.poster.run())
        parts.create_task(machine.directory.run())
        if machine.ground.settings.socket_mode:
            parts.create_task(_socket(site.app, machine.ground.settings))


async def _socket(app: Any, settings: Any) -> None:
    handler = socket_door(app, settings.need("SLACK_APP_TOKEN").reveal())
    try:
        await handler.connect_async()
        await asyncio.Event().wait()
    finally:
        await handler.close_async()
