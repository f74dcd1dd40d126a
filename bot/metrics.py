"""What Prometheus reads: names from code and config as labels, never a person, a text or an id.

Figures of the ledger are of the whole database and the same on every replica: take their max. The others are this
process's own: take their sum.
"""

import asyncio
import logging
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from slack_sdk.errors import SlackApiError

from bot.model import ENDS, State
from bot.slack_api import Client
from bot.store.figures import APPROVAL, PLANNING, STEP, Figure, Figures, Present
from bot.store.pool import DATABASE_AWAY, NotRecorded, Uncertain
from bot.store.store import Doors, Ledger, RunRow

log = logging.getLogger("tandem.metrics")
EVERY = 5.0  # seconds between two looks at the ledger
VAULT_EVERY = 600.0  # seconds between two listings of the vault
ACK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)  # seconds; Slack gives three
KINDS = ("block_actions", "block_suggestion", "view_submission", "view_closed", "shortcut", "message_action")
Sizes = Callable[[], Awaitable[Mapping[str, int]]]


class Metrics:
    """All of one process's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self.claims = Counter("tandem_claims", "Runs that this engine claimed", registry=registry)
        self.leases_lost = Counter("tandem_leases_lost", "Leases that ran out under this engine", registry=registry)
        self.verbs = _histogram("tandem_verb_seconds", "A door's transaction", ("verb", "code"), registry)
        self.acks = _histogram(
            "tandem_ack_seconds", "From a payload's arrival to its answer", ("kind", "status"), registry
        )
        self.slack_errors = Counter(
            "tandem_slack_errors", "Web API calls that Slack refused or left unanswered", ("method", "code"),
            registry=registry,
        )  # fmt: skip
        self.live = Gauge("tandem_runs_live", "Runs that have not ended, by state", ("state",), registry=registry)
        self.awaiting = Gauge("tandem_oldest_awaiting_seconds", "Age of the oldest unapproved ask", registry=registry)
        self.in_doubt = Gauge("tandem_oldest_in_doubt_seconds", "Age of the oldest unanswered doubt", registry=registry)
        self.lag = Gauge("tandem_poster_lag_seconds", "Age of the oldest event not told in Slack", registry=registry)
        self.vault = Gauge(
            "tandem_vault_bytes", "Sealed bytes that a database's backups take", ("database",), registry=registry
        )
        self.ledger = LedgerFigures()
        registry.register(self.ledger)

    async def watch(self, figures: Figures, sizes: Sizes) -> None:
        """Looks again and again at what no process counts by itself. Until cancelled."""
        await asyncio.gather(self._look(figures), self._weigh(sizes))

    async def _look(self, figures: Figures) -> None:
        while True:
            try:
                await self.look(figures)
            except DATABASE_AWAY:
                pass
            except Exception as error:  # figures are a courtesy: the engine goes on
                log.exception("the ledger could not be looked at", extra={"error": type(error).__name__})
            await asyncio.sleep(EVERY)

    async def look(self, figures: Figures, settled: float = 2.0) -> None:
        """One look at the ledger."""
        self.ledger.add(await figures.added(settled))
        self.show(await figures.present())

    def show(self, present: Present) -> None:
        for state in State:
            if state not in ENDS:
                self.live.labels(state.value).set(present.live.get(state.value, 0))
        self.awaiting.set(present.awaiting)
        self.in_doubt.set(present.in_doubt)
        self.lag.set(present.untold)

    async def _weigh(self, sizes: Sizes) -> None:
        while True:
            try:
                for database, size in (await sizes()).items():
                    self.vault.labels(database).set(size)
            except Exception as error:  # noqa: BLE001  an unreachable vault is told by its operations, not here
                log.warning("the vault could not be weighed", extra={"error": type(error).__name__})
            await asyncio.sleep(VAULT_EVERY)

    def time_acks(self, app: Any) -> None:
        """Times a Bolt app's payloads of either transport, whatever becomes of them."""
        dispatch = app.async_dispatch

        async def timed(request: Any) -> Any:
            began, status = time.monotonic(), "error"
            try:
                answer = await dispatch(request)
                status = str(answer.status)
                return answer
            finally:
                self.acks.labels(kind_of(request.body), status).observe(time.monotonic() - began)

        app.async_dispatch = timed


def _histogram(name: str, about: str, labels: Sequence[str], registry: CollectorRegistry) -> Histogram:
    return Histogram(name, about, labels, buckets=ACK, registry=registry)


def kind_of(body: Mapping[str, Any]) -> str:
    """What kind of payload this is, from a closed list."""
    if "command" in body:
        return "command"
    if "event" in body:
        return "event"
    kind = body.get("type")
    return str(kind) if kind in KINDS else "other"


class LedgerFigures(Collector):
    """Counters and histograms that the database adds up; kept here between two scrapes."""

    HISTOGRAMS: Mapping[str, tuple[str, str, str, Sequence[float]]] = {
        "planning": ("tandem_planning_seconds", "From the ask to what came of it", "state", PLANNING),
        "approval": ("tandem_approval_seconds", "From the plan to its approval or end", "state", APPROVAL),
        "step": ("tandem_step_seconds", "An attempt at a step", "mark", STEP),
    }
    COUNTERS: Mapping[str, tuple[str, str, str]] = {
        "asked": ("tandem_runs_asked", "Runs asked for, by door", "via"),
        "ended": ("tandem_runs_ended", "Runs that ended, by how", "state"),
    }

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._seconds: dict[tuple[str, str, str], float] = defaultdict(float)

    def add(self, figures: Sequence[Figure]) -> None:
        for figure in figures:
            key = figure.what, figure.command, figure.label
            self._counts[key][figure.bucket] += figure.count
            self._seconds[key] += figure.seconds

    def collect(self) -> Iterator[Metric]:
        for what, (name, about, label, bounds) in self.HISTOGRAMS.items():
            family = HistogramMetricFamily(name, about, labels=("command", label))
            for key, labels in self._of(what):
                family.add_metric(labels, self._buckets(key, bounds), self._seconds[key])
            yield family
        for what, (name, about, label) in self.COUNTERS.items():
            counter = CounterMetricFamily(name, about, labels=("command", label))
            for key, labels in self._of(what):
                counter.add_metric(labels, sum(self._counts[key].values()))
            yield counter

    def _of(self, what: str) -> list[tuple[tuple[str, str, str], tuple[str, str]]]:
        return [(key, key[1:]) for key in sorted(self._counts) if key[0] == what]

    def _buckets(self, key: tuple[str, str, str], bounds: Sequence[float]) -> list[tuple[str, float]]:
        """Prometheus counts upwards: each bucket holds those below it too."""
        total, found = 0, []
        for n, bound in enumerate([*map(str, bounds), "+Inf"]):
            total += self._counts[key][n]
            found.append((bound, float(total)))
        return found


class CountedLedger(Ledger):
    """The engine's verbs; claims and lives are counted on the way."""

    def __init__(self, pool: Any, metrics: Metrics) -> None:
        super().__init__(pool)
        self._metrics, self._lives = metrics, 0

    async def enlist(self, worker: UUID, lease: timedelta, config: str, kinds: Sequence[str]) -> None:
        await super().enlist(worker, lease, config, kinds)
        if self._lives:  # an engine enlists again only after it lost its lease
            self._metrics.leases_lost.inc()
        self._lives += 1

    async def claim(self, worker: UUID, limit: int, long: int | None = None) -> list[RunRow]:
        rows = await super().claim(worker, limit, long)
        self._metrics.claims.inc(len(rows))
        return rows


class TimedDoors(Doors):
    """The verbs of people, timed with the code of their answer."""

    def __init__(self, pool: Any, metrics: Metrics) -> None:
        super().__init__(pool)
        self._metrics = metrics

    async def _verb(self, name: str, argument: dict[str, Any]) -> dict[str, Any]:
        began, code = time.monotonic(), "error"
        try:
            answer = await super()._verb(name, argument)
            code = str(answer.get("code", "none"))
            return answer
        except (NotRecorded, Uncertain) as error:
            code = "not_recorded" if isinstance(error, NotRecorded) else "uncertain"
            raise
        finally:
            self._metrics.verbs.labels(name, code).observe(time.monotonic() - began)


class CountedClient(Client):
    """Slack's Web API; what it refuses or leaves unanswered is counted by method and code.

    Nothing is sent again by itself: a message whose answer was lost may stand there, and the poster looks first.
    """

    def __init__(self, metrics: Metrics, **more: Any) -> None:
        super().__init__(retry_handlers=[], **more)
        self._metrics = metrics

    async def api_call(self, api_method: str, **more: Any) -> Any:
        try:
            return await super().api_call(api_method, **more)
        except SlackApiError as error:
            self._count(api_method, str(error.response.get("error", "")))
            raise
        except (OSError, TimeoutError):
            self._count(api_method, "no_answer")
            raise

    def _count(self, method: str, code: str) -> None:
        known = code if re.fullmatch("[a-z_]{1,40}", code) else "other"
        self._metrics.slack_errors.labels(method, known).inc()
