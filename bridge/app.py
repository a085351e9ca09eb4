"""Settings become a Bridge: the one place where parts are put together."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_network
from pathlib import Path

from sqlalchemy import Connection, Engine

from bridge import database, http, schema
from bridge import vault as vaults
from bridge.bell import Bell
from bridge.crash import Crash, never
from bridge.drivers import Drivers
from bridge.errors import NotPrepared
from bridge.life.machine import Machine, here
from bridge.network import Guard
from bridge.pbx.driver import Surroundings
from bridge.secret import Secret
from bridge.settings import Network, Settings
from bridge.store import seals
from bridge.tables import keys
from bridge.transport import boot_seconds
from bridge.vault import Vault
from bridge.whmcs.addon import addon_records
from bridge.whmcs.client import Whmcs
from bridge.whmcs.endpoint import AddonKey, Endpoint
from bridge.whmcs.records import Records
from bridge.whmcs.sql import sql_records


@dataclass(frozen=True, slots=True)
class Bridge:
    """What a use case may touch. Passed, never imported."""

    settings: Settings
    engine: Engine
    vault: Vault
    single: Engine | None = None
    """The same database, where each statement commits by itself; None where that saves nothing."""
    drivers: Drivers = field(default_factory=lambda: Drivers(surroundings()))
    whmcs: Whmcs | None = None
    records: Records | None = None
    addon: Endpoint | None = None
    machine: Machine | None = None
    """Where this process runs; None where it does not matter."""
    random: Callable[[int], bytes] = os.urandom
    ticks: Callable[[], float] = boot_seconds
    """Seconds that only ever grow, for durations inside the process; a machine that sleeps counts them too (R-11)."""
    bell: Bell = field(default_factory=Bell)
    crash: Crash = never


def build(settings: Settings, *, pool_size: int = 20) -> Bridge:
    """Everything from its settings. Nothing is connected to before it is needed."""
    connect = partial(database.connect, settings.database_url, pool_size=pool_size)
    engine = connect()
    if not settings.master_key_file.exists():
        _assert_first_use(engine, settings.master_key_file)
    vault = vaults.of_file(settings.master_key_file)
    around = surroundings(settings.allowed_networks)
    # The guard is for hosts that WHMCS's records name; WHMCS itself is where the operator says.
    anywhere = replace(around, guard=Guard((ip_network("0.0.0.0/0"), ip_network("::/0"))))
    whmcs, addon = whmcs_of(settings, anywhere), addon_of(settings, anywhere)
    return Bridge(
        settings=settings,
        engine=engine,
        vault=vault,
        single=None if engine.dialect.name == "sqlite" else connect(commits_each=True),
        drivers=Drivers(around),
        whmcs=whmcs,
        records=records_of(settings, addon),
        addon=addon,
        machine=here(),
    )


def _assert_first_use(engine: Engine, path: Path) -> None:
    """A master key is made once. Where sealed values wait for theirs, another would open nothing and hide the loss."""

    def is_waited_for(tx: Connection) -> bool:
        return bool(schema.present(tx, [keys.name])) and bool(seals.counts(tx, lambda each: each.table is keys))

    if database.transact(engine, is_waited_for):
        raise NotPrepared(f"the database holds secrets, and their master key {path} is not there; put it back")


def surroundings(networks: tuple[Network, ...] = ()) -> Surroundings:
    """What drivers may touch: the network behind its guard, the clock, chance."""
    return Surroundings(guard=Guard(networks), clock=lambda: datetime.now(UTC), random=os.urandom)


def whmcs_of(settings: Settings, around: Surroundings) -> Whmcs | None:
    """WHMCS's API, where its address and a credential are set."""
    if not (settings.whmcs_url and settings.whmcs_identifier and settings.whmcs_secret_file):
        return None
    access_key = settings.whmcs_access_key_file
    return Whmcs(
        http.client(settings.whmcs_url, guard=around.guard),
        identifier=settings.whmcs_identifier,
        secret=_secret_in("BRIDGE_WHMCS_SECRET_FILE", settings.whmcs_secret_file),
        access_key=_secret_in("BRIDGE_WHMCS_ACCESS_KEY_FILE", access_key) if access_key else None,
    )


def addon_of(settings: Settings, around: Surroundings) -> Endpoint | None:
    """The addon's signed endpoints, where its secret is set."""
    if not (settings.whmcs_url and settings.addon_secret_file):
        return None
    secret = _secret_in("BRIDGE_ADDON_SECRET_FILE", settings.addon_secret_file)
    return Endpoint(
        http.client(settings.whmcs_url, guard=around.guard),
        AddonKey(settings.addon_key, secret, settings.addon_instance),
        clock=around.clock,
        random=around.random,
    )


def records_of(settings: Settings, addon: Endpoint | None) -> Records | None:
    """WHMCS is read by SQL where a database is given, else through the addon."""
    if settings.whmcs_database_url is not None:
        return sql_records(database.connect(settings.whmcs_database_url, pool_size=2))
    return addon_records(addon) if addon is not None else None


def _secret_in(setting: str, path: Path) -> Secret:
    try:
        return Secret(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise NotPrepared(f"{setting} names {path}, which cannot be read") from error
