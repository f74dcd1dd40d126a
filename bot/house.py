"""Operations, config and policy joined: what the engine and the service ask about a command, a target or a person."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot import policy as rules
from bot.catalogue import Catalogue, Entry
from bot.effect import Target
from bot.engine.reach import Connectors, Seeing
from bot.model import Risk
from bot.operation import Call, Offer, Refusal, RunRef


def _no_groups(person: str) -> Collection[str] | None:
    return None


def _no_key(channel: str | None) -> str | None:
    return None


@dataclass(frozen=True)
class House:
    """Everything that is fixed at start. `config` is the hash under which it was applied."""

    catalogue: Catalogue
    deeds: Mapping[str, type[Any]]
    policy: rules.Policy
    config: str
    environment: Callable[[Any], str]  # of params; raises LookupError
    settings: Callable[[Target], Any]  # of a target; raises LookupError
    keys: Callable[[type[Target]], Sequence[str]]
    freezes: Callable[[], Awaitable[Sequence[Any]]]
    clock: Callable[[], Awaitable[datetime]]
    groups: Callable[[str], Collection[str] | None] = _no_groups  # of a person, as the roster has them now
    channel_key: Callable[[str | None], str | None] = _no_key  # of a Slack channel
    limits: Mapping[str, int] = field(default_factory=dict)  # runs, runs_each: the most a door takes; empty: no bound
    mild: Sequence[str] = ()  # every environment but the strictest
    channels: Collection[str] = ()  # the keys of those that a plan may tell
    _needs: dict[tuple[str, str, Risk], rules.Need | None] = field(default_factory=dict, init=False)

    def entry(self, command: str) -> Entry:
        """Raises LookupError."""
        return self.catalogue.get(command)

    def lifted(self, command: str, environment: str, risk: Risk) -> Risk:
        return rules.lifted(self.policy, command, environment, risk)

    def need(self, command: str, environment: str, risk: Risk) -> rules.Need | None:
        at = command, environment, risk
        if at not in self._needs:
            self._needs[at] = rules.need(self.policy, command, environment, risk)
        return self._needs[at]

    def may_ask(
        self, entry: Entry, environment: str, groups: Collection[str] | None, channel: str | None, at: datetime
    ) -> rules.Verdict:
        """By the operation's floor; what its plan raises is judged again when it is made."""
        return rules.may_ask(self.need(entry.command, environment, entry.risk), groups, channel, at)

    async def may_have_asked(
        self, command: str, environment: str, risk: Risk, person: str, channel: str | None
    ) -> rules.Verdict:
        """Whether somebody may ask for what a request turned out to be. `channel`: Slack's id."""
        need, at = self.need(command, environment, risk), await self.clock()
        return rules.may_ask(need, self.groups(person), self.channel_key(channel), at)

    def seeing(self, connectors: Connectors, run: RunRef, at: datetime) -> Seeing:
        return Seeing(connectors, run, at, self.settings, self.keys, self.mild)

    async def frozen(self, services: Sequence[str]) -> Refusal | None:
        """Why a change freeze refuses a run that changes these services, or None."""
        if not services:
            return None
        verdict = rules.frozen(services, await self.freezes(), await self.clock())
        if verdict.may:
            return None
        return Refusal(code="frozen", sentence=verdict.sentence, offers=self._thaw(verdict.freeze))

    def _thaw(self, freeze: str) -> tuple[Offer, ...]:
        """The button that ends a freeze, where policy lets anybody do that; who presses it is judged then."""
        for entry in self.catalogue.entries.values():
            if (field := entry.operation.thaws) and self.need(entry.command, "", entry.risk):
                return (Offer(label="End the freeze", call=Call(command=entry.command, params={field: freeze})),)
        return ()
