"""How many events an app may have in an hour, and how many may fail before Slack sends no more."""

from __future__ import annotations

from dataclasses import dataclass, field

EVENTS_AN_HOUR = 30_000
FAILING = 0.95
FAILING_FROM = 1000
HOUR = 60


@dataclass(slots=True)
class Minute:
    sent: int = 0
    failed: int = 0


@dataclass(slots=True)
class Quota:
    """The last hour of one app, minute by minute."""

    minutes: dict[int, Minute] = field(default_factory=dict)
    told: int = -1

    def _now(self, now: float) -> Minute:
        minute = int(now // 60)
        for old in [one for one in self.minutes if one <= minute - HOUR]:
            del self.minutes[old]
        return self.minutes.setdefault(minute, Minute())

    def take(self, now: float) -> bool:
        """Whether one more event may go out."""
        current = self._now(now)
        if sum(minute.sent for minute in self.minutes.values()) >= EVENTS_AN_HOUR:
            return False
        current.sent += 1
        return True

    def tell(self, now: float) -> bool:
        """Whether the app is to be told, once a minute, that it has had too many."""
        minute = int(now // 60)
        fresh, self.told = minute != self.told, minute
        return fresh

    def failed(self, now: float) -> bool:
        """Count a failure. True when so many failed that the subscriptions are switched off."""
        self._now(now).failed += 1
        sent = sum(minute.sent for minute in self.minutes.values())
        return sent >= FAILING_FROM and sum(minute.failed for minute in self.minutes.values()) > FAILING * sent
