"""Holding a lease while its work is done: it is renewed, and no PBX is changed once it could be another's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from datetime import timedelta

from bridge.app import Bridge
from bridge.database import now, transact
from bridge.errors import BridgeError
from bridge.logs import say
from bridge.pbx.driver import CallPage, Capabilities, Check, Driver, Tenant
from bridge.store import lanes
from bridge.store.lanes import Lease

log = logging.getLogger(__name__)


class Renewal:
    """Renews a lease at a third of its time, until the work is done."""

    def __init__(self, bridge: Bridge, lease: Lease) -> None:
        self._bridge = bridge
        self._lease = lease
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self._renewed_at = bridge.ticks()

    def __enter__(self) -> Renewal:
        self._thread = threading.Thread(target=self._renew, name="renewal", daemon=True)
        self._thread.start()
        return self

    @property
    def is_fresh(self) -> bool:
        """Half a lease without a renewal, and nothing new is begun (R-24): others may think us dead, and act."""
        return self._bridge.ticks() - self._renewed_at < self._bridge.settings.lease_seconds / 2

    def __exit__(self, *_: object) -> None:
        self._done.set()
        assert self._thread is not None
        self._thread.join()

    def _renew(self) -> None:
        seconds = self._bridge.settings.lease_seconds
        while not self._done.wait(seconds / 3):
            held, began = Lease(self._lease.owner, dict(self._lease.epochs)), self._bridge.ticks()
            try:
                transact(
                    self._bridge.engine,
                    lambda tx, held=held: lanes.renew(  # type: ignore[misc]  # bound now, called now
                        tx, held, until=now(tx) + timedelta(seconds=seconds)
                    ),
                )
            except BridgeError as trouble:
                say(log, logging.WARNING, "lease not renewed", worker=self._lease.owner, cause=str(trouble))
            else:
                self._renewed_at = began


class Leased:
    """A PBX that nothing is changed on once the lease could be another's: each change asks first (R-24)."""

    def __init__(self, driver: Driver, renewal: Renewal) -> None:
        self._driver = driver
        self._renewal = renewal

    @property
    def capabilities(self) -> Capabilities:
        return self._driver.capabilities

    def find(self, domain: str) -> Tenant | None:
        return self._driver.find(domain)

    def put(self, tenant: Tenant, *, adopt: bool = False) -> None:
        self._assert_held()
        self._driver.put(tenant, adopt=adopt)

    def remove(self, tenant: Tenant) -> None:
        self._assert_held()
        self._driver.remove(tenant)

    def calls(self, after: str, limit: int = 1000) -> CallPage:
        return self._driver.calls(after, limit)

    def domains(self) -> Sequence[str]:
        return self._driver.domains()

    def checks(self) -> Iterable[Check]:
        return self._driver.checks()

    def _assert_held(self) -> None:
        if not self._renewal.is_fresh:
            raise LeaseLost


class LeaseLost(Exception):
    """Somebody else has the lane now."""
