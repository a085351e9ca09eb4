"""The stand-in as a value: its tables, who may ask it, and which module it calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine

from bridge.database import transact
from bridge.demo.whmcs.faults import Faults
from bridge.demo.whmcs.tables import metadata
from bridge.secret import Secret
from bridge.whmcs.endpoint import AddonKey

T = TypeVar("T")


class Module(Protocol):
    """A server module: what WHMCS calls. `success`, or the sentence that staff see."""

    def __call__(self, function: str, parameters: Mapping[str, Any], *, by_cron: bool) -> str: ...


@dataclass(frozen=True, slots=True)
class Credential:
    """An API credential pair: an administrator and what their API roles allow."""

    identifier: str
    secret: Secret
    actions: frozenset[str] | None = None
    """Names of allowed actions; None is all of them."""
    admin_id: int = 1
    api_access: bool = True
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class StandIn:
    engine: Engine
    credentials: tuple[Credential, ...] = ()
    version: str = "8.13.1"
    allowed_addresses: tuple[str, ...] = ("127.0.0.1", "::1")
    access_key: Secret | None = None
    addon_key: AddonKey | None = None
    """None: the addon is not installed, and its endpoints are a 404."""
    module: Module | None = None
    faults: Faults = field(default_factory=Faults)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    random: Callable[[int], bytes] = os.urandom

    @property
    def has_immutable_invoices(self) -> bool:
        """9.0 and later: an invoice that has left Draft is not edited any more."""
        return int(self.version.partition(".")[0]) >= 9

    def within(self, act: Callable[[Connection], T]) -> T:
        return transact(self.engine, act)

    def moment(self) -> str:
        return self.clock().strftime("%Y-%m-%d %H:%M:%S")

    def day(self) -> str:
        return self.moment()[:10]


def create_tables(engine: Engine) -> None:
    metadata.create_all(engine)
