"""The one object every part of the workspace is handed: state, clock, faults, limits, log, transports."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from .clock import Clock
from .desk import Desk
from .faults import Faults
from .log import Log
from .rates import Rates
from .spec import WorkspaceSpec
from .state import Channel, InstalledApp, ResponseUrl, State, Trigger
from .wire import JsonObject

if TYPE_CHECKING:
    from .delivery.quota import Quota
    from .delivery.transport import Transport

TRIGGER_LIFE = 3.0
RESPONSE_URL_LIFE = 30 * 60.0
RESPONSE_URL_USES = 5
TRIGGER_KEPT = 10 * 60.0  # as long a late one is told from one that never was
KEPT = 50_000

Aging = TypeVar("Aging", Trigger, ResponseUrl)


class Core:
    """Holds the parts together and owns the tasks that outlive a request. `keep` writes what changed to the file."""

    def __init__(self, spec: WorkspaceSpec, clock: Clock, state: State, *, limits: bool) -> None:
        self.spec = spec
        self.switches = spec.switches
        self.clock = clock
        self.state = state
        self.faults = Faults()
        self.rates = Rates(limits, spec.switches)
        self.log = Log()
        self.desk = Desk()
        self.base_url = ""
        self.page = ""  # the fingerprint of the page's files
        self.transport: Transport
        self.typed: dict[str, dict[str, dict[str, JsonObject]]] = {}
        self.offered: dict[str, dict[tuple[str, str], dict[str, JsonObject]]] = {}
        self.uninvited: dict[tuple[str, str], JsonObject] = {}
        """By app and channel: the newest mention of an app that is not in the channel."""
        self.keep: Callable[[], None] = lambda: None
        self.quotas: dict[str, Quota] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` beside the request; it is cancelled when the server stops, and what it changed is kept."""
        _ = self.started(work)

    def started(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """As `spawn`, with the task for who wants to wait a while."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self.keep()
        if not task.cancelled() and task.exception():
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a delivery of the local Slack failed", "exception": task.exception(), "task": task}
            )

    async def settle(self) -> None:
        """Cancel what still runs and wait for its end."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- things deliveries carry ---------------------------------------------------------------------------------

    def trigger(self, app: InstalledApp, person: str, *, view: str = "", channel: str = "") -> str:
        """A new trigger_id for `person`, good for 3 s and one use."""
        now = self.clock.now()
        number = f"{int(now * 1000)}.{secrets.randbelow(10**12):012d}.{secrets.token_hex(16)}"
        self.state.triggers[number] = Trigger(number, app.id, person, now, view, channel)
        self.state.save(self.state.triggers[number])
        self._drop_old(self.state.triggers, now - TRIGGER_KEPT)
        return number

    def response_url(
        self, app: InstalledApp, family: str, person: str, channel: Channel, origin: str = "", origin_for: str = ""
    ) -> ResponseUrl:
        """A new response_url of `family` (commands, actions or app)."""
        path = f"/{family}/{self.state.team.id}/{secrets.randbelow(10**13):013d}/{secrets.token_urlsafe(18)}"
        record = ResponseUrl(path, app.id, person, channel.id, self.clock.now(), origin, origin_for)
        self.state.response_urls[path] = record
        self.state.save(record)
        self._drop_old(self.state.response_urls, self.clock.now() - RESPONSE_URL_LIFE)
        return record

    def _drop_old(self, table: dict[str, Aging], before: float) -> None:
        """Forget, in the file too, what was made before that moment, and the oldest of too many."""
        while table:
            oldest = next(iter(table.values()))
            if oldest.created >= before and len(table) <= KEPT:
                return
            self.state.forget(table.pop(oldest.key))

    # --- parts of payloads ---------------------------------------------------------------------------------------

    def team_part(self) -> JsonObject:
        """`team` of an interaction payload."""
        return {"id": self.state.team.id, "domain": self.state.team.domain}

    def team_of(self, person_id: str) -> JsonObject:
        """`team` of what a person did."""
        person = self.state.people[person_id]
        if person.outsider and self.switches.outsider_team == "own":
            return {"id": person.team_id, "domain": "another-organisation"}
        return self.team_part()

    def user_part(self, person_id: str) -> JsonObject:
        """`user` of an interaction payload."""
        person = self.state.people[person_id]
        return {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id}

    def interaction(self, app: InstalledApp, kind: str, person: str) -> JsonObject:
        """What every interaction payload starts with."""
        return {
            "type": kind,
            "user": self.user_part(person),
            "api_app_id": app.id,
            "token": app.spec.verification_token,
            "team": self.team_of(person),
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def channel_part(self, channel: Channel) -> JsonObject:
        """`channel` of an interaction payload."""
        return {"id": channel.id, "name": self.channel_name(channel)}

    def channel_name(self, channel: Channel) -> str:
        """`channel_name` as deliveries carry it."""
        return channel.name if self.switches.plain_channel_names else channel.command_name
