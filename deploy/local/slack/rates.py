"""Slack's rate limits as token buckets: tiers by method and app, and one post a second in a channel."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .switches import Switches

PER_MINUTE = {"1": 1, "2": 20, "3": 50, "4": 100, "special": 600}
POST_BURST = 5
POSTS_PER_MINUTE = 300
KEPT = 1000  # buckets; beyond, those that are full again are forgotten, which a new one would be too


@dataclass(slots=True)
class Bucket:
    """Holds up to `size` calls and gains `rate` a second."""

    size: float
    rate: float
    level: float
    at: float

    def level_at(self, now: float) -> float:
        """How many calls it holds by then."""
        return min(self.size, self.level + (now - self.at) * self.rate)

    def take(self, now: float) -> float:
        """0 when a call may pass, else the seconds until one may."""
        self.level, self.at = self.level_at(now), now
        if self.level >= 1:
            self.level -= 1
            return 0.0
        return (1 - self.level) / self.rate


class Rates:
    """`on` False lets everything pass. Figures are the floors Slack promises; `switches` say how much is a burst."""

    def __init__(self, on: bool = True, switches: Switches | None = None) -> None:
        self.on = on
        self._switches = switches or Switches()
        self._buckets: dict[tuple[str, ...], Bucket] = {}
        self._looked_through_at = KEPT  # so many buckets

    def retry_after(self, app: str, method: str, tier: str, channel: str, now: float) -> int:
        """0 when the call may pass, else whole seconds for Retry-After."""
        if not self.on:
            return 0
        wait = 0.0
        if method == "chat.postMessage":
            wait = self._take((app, method, channel), POST_BURST, 1.0, now)
            wait = wait or self._take((app, method), POSTS_PER_MINUTE, POSTS_PER_MINUTE / 60, now)
        else:
            per_minute = PER_MINUTE[tier]
            burst = max(1.0, per_minute * self._switches.burst_seconds / 60)
            wait = self._take((app, method), burst, per_minute / 60, now)
        return math.ceil(wait)

    def left(self, app: str, now: float) -> list[tuple[tuple[str, ...], int, int]]:
        """(method and, of posts, channel; calls that would pass now; most at once) of every method called of late."""
        found = []
        for (owner, *key), bucket in self._buckets.items():
            if owner == app:
                found.append((tuple(key), int(bucket.level_at(now)), int(bucket.size)))
        return found

    def _take(self, key: tuple[str, ...], size: float, rate: float, now: float) -> float:
        bucket = self._buckets.get(key)
        if bucket is None:
            self._forget_full(now)
            bucket = self._buckets[key] = Bucket(size, rate, size, now)
        return bucket.take(now)

    def _forget_full(self, now: float) -> None:
        """Looks only when there are twice as many as the last look left."""
        if len(self._buckets) < self._looked_through_at:
            return
        self._buckets = {key: one for key, one in self._buckets.items() if one.level_at(now) < one.size}
        self._looked_through_at = max(KEPT, 2 * len(self._buckets))
