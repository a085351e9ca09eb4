"""A stand-in WHMCS for tests: over an engine, asked in the same process, with bad luck on order.

whmcs = a_standin(engine)                       its tables are made, it is furnished
client = client_of(whmcs)                       what the bridge asks its API with
sql_records(whmcs.engine), addon_records_of(whmcs)      the two ways of reading it
whmcs.faults.order("late", "AddCredit")         the next AddCredit is executed and never answered
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import Engine, Table, select

from bridge.demo.whmcs import seed
from bridge.demo.whmcs.inprocess import InProcess
from bridge.demo.whmcs.standin import Credential, StandIn, create_tables
from bridge.demo.whmcs.web import application
from bridge.secret import Secret
from bridge.whmcs.addon import addon_records
from bridge.whmcs.client import Whmcs
from bridge.whmcs.endpoint import AddonKey, Endpoint
from bridge.whmcs.records import Records
from tests.canary import CANARY

IDENTIFIER = "api-identifier"
SECRET = Secret(f"api-{CANARY}")
ADDON_KEY = AddonKey("addon", Secret(base64.b64encode(bytes(range(32))).decode()), "bridge-example-whmcs")
START = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A time that a test sets."""

    now: datetime = field(default=START)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def a_standin(engine: Engine, *, furnish: bool = True, version: str = "8.13.1", **changes: Any) -> StandIn:
    create_tables(engine)
    if furnish:
        with engine.begin() as tx:
            seed.installation(tx, version=version)
    values: dict[str, Any] = {
        "credentials": (Credential(IDENTIFIER, SECRET),),
        "version": version,
        "addon_key": ADDON_KEY,
        "clock": Clock(),
        **changes,
    }
    return StandIn(engine, **values)


def http_of(whmcs: StandIn, address: str = "127.0.0.1") -> httpx.Client:
    return httpx.Client(base_url="https://whmcs.example/", transport=InProcess(application(whmcs), address))


def client_of(whmcs: StandIn, wait: Callable[[float], None] = lambda seconds: None, **changes: Any) -> Whmcs:
    values: dict[str, Any] = {"identifier": IDENTIFIER, "secret": SECRET, "wait": wait, **changes}
    return Whmcs(http_of(whmcs), **values)


def endpoint_of(whmcs: StandIn, key: AddonKey = ADDON_KEY, clock: Callable[[], datetime] | None = None) -> Endpoint:
    return Endpoint(http_of(whmcs), key, clock=clock or whmcs.clock, random=os.urandom)


def addon_records_of(whmcs: StandIn) -> Records:
    return addon_records(endpoint_of(whmcs))


def ask(whmcs: StandIn, action: str, **parameters: Any) -> dict[str, Any]:
    """One API call as it goes over the wire, and the document that comes back."""
    return answer_of(whmcs, action, **parameters).json()  # type: ignore[no-any-return]  # httpx: JSON is Any


def answer_of(whmcs: StandIn, action: str, **parameters: Any) -> httpx.Response:
    sent = {"action": action, "identifier": IDENTIFIER, "secret": SECRET.reveal(), "responsetype": "json", **parameters}
    return http_of(whmcs).post("includes/api.php", data={name: str(value) for name, value in sent.items()})


def rows_of(whmcs: StandIn, table: Table, **where: Any) -> list[dict[str, Any]]:
    wanted = select(table).order_by(*table.primary_key.columns)
    for name, value in where.items():
        wanted = wanted.where(table.c[name] == value)
    with whmcs.engine.connect() as tx:
        return [dict(row) for row in tx.execute(wanted).mappings()]


@dataclass
class Recorder:
    """A module that remembers how it was called and says what it was told to say."""

    said: str = "success"
    calls: list[tuple[str, Mapping[str, Any], bool]] = field(default_factory=list)

    def __call__(self, function: str, parameters: Mapping[str, Any], *, by_cron: bool) -> str:
        self.calls.append((function, parameters, by_cron))
        return self.said
