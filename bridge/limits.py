"""How often somebody may knock: token buckets, as many as there are guests, and never more than we can remember."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Network


@dataclass(frozen=True, slots=True)
class Rate:
    per_second: float
    burst: float


PER_ADDRESS = Rate(600, 1200)
PER_KEY = Rate(300, 600)

GUESTS_MAX = 10_000


def neighbourhood(address: str) -> str:
    """Whose budget an address spends: an IPv6 guest owns 2^64 of them, and has one budget."""
    if ":" not in address:
        return address
    try:
        return str(IPv6Network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address


class Buckets:
    """One bucket per name. Whoever was not seen for longest is forgotten first, which only fills their bucket."""

    def __init__(self, rate: Rate, ticks: Callable[[], float], guests_max: int = GUESTS_MAX) -> None:
        self._rate = rate
        self._ticks = ticks
        self._guests_max = guests_max
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, name: str, count: int = 1) -> bool:
        """Whether there was room. What is refused costs nothing, so patience is always rewarded."""
        with self._lock:
            now = self._ticks()
            level, at = self._levels.pop(name, (self._rate.burst, now))
            level = min(self._rate.burst, level + max(0.0, now - at) * self._rate.per_second)
            has_room = level >= count
            self._levels[name] = (level - count if has_room else level, now)
            if len(self._levels) > self._guests_max:
                self._levels.popitem(last=False)
            return has_room


class Failures:
    """How often an address has failed of late, for a growing delay and for one log line now and then (T-29)."""

    def __init__(
        self,
        ticks: Callable[[], float],
        *,
        first_delay_seconds: float = 0.05,
        delay_max_seconds: float = 1.0,
        forget_seconds: float = 60.0,
        log_seconds: float = 10.0,
        guests_max: int = GUESTS_MAX,
    ) -> None:
        self._ticks = ticks
        self._first_delay = first_delay_seconds
        self._delay_max = delay_max_seconds
        self._forget = forget_seconds
        self._log = log_seconds
        self._guests_max = guests_max
        self._seen: OrderedDict[str, _Failing] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, address: str) -> Failed:
        with self._lock:
            now = self._ticks()
            before = self._seen.pop(address, None)
            if before is None or now - before.at > self._forget:
                before = _Failing(0, now, None, 0)
            count, unlogged = before.count + 1, before.unlogged + 1
            is_logged = before.logged_at is None or now - before.logged_at >= self._log
            self._seen[address] = _Failing(
                count, now, now if is_logged else before.logged_at, 0 if is_logged else unlogged
            )
            if len(self._seen) > self._guests_max:
                self._seen.popitem(last=False)
        delay = min(self._delay_max, self._first_delay * 2.0 ** min(count - 1, 20))
        return Failed(delay, unlogged if is_logged else 0)


@dataclass(frozen=True, slots=True)
class Failed:
    delay_seconds: float
    lines: int
    """How many failures the line to be written now stands for; 0: no line now."""


@dataclass(frozen=True, slots=True)
class _Failing:
    count: int
    at: float
    logged_at: float | None
    unlogged: int
