"""Settings become a Bridge: the one place where parts are put together."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Engine

from bridge.bell import Bell
from bridge.crash import Crash, never
from bridge.drivers import Drivers
from bridge.network import Guard
from bridge.pbx.driver import Surroundings
from bridge.settings import Network, Settings
from bridge.vault import Vault
from bridge.whmcs.client import Whmcs
from bridge.whmcs.endpoint import Endpoint
from bridge.whmcs.records import Records


@dataclass(frozen=True, slots=True)
class Bridge:
    """What a use case may touch. Passed, never imported."""

    settings: Settings
    engine: Engine
    vault: Vault
    drivers: Drivers = field(default_factory=lambda: Drivers(surroundings()))
    whmcs: Whmcs | None = None
    records: Records | None = None
    addon: Endpoint | None = None
    random: Callable[[int], bytes] = os.urandom
    ticks: Callable[[], float] = time.monotonic
    """Seconds that only ever grow, for durations inside the process."""
    bell: Bell = field(default_factory=Bell)
    crash: Crash = never


def surroundings(networks: tuple[Network, ...] = ()) -> Surroundings:
    """What drivers may touch: the network behind its guard, the clock, chance."""
    return Surroundings(guard=Guard(networks), clock=lambda: datetime.now(UTC), random=os.urandom)
