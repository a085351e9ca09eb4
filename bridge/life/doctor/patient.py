"""The bridge as doctor meets it: put together as far as it goes. What could not be is a sentence, not an end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bridge import app, database, settings
from bridge import vault as vaults
from bridge.errors import BridgeError
from bridge.life.machine import Machine, here
from bridge.secret import Secret
from bridge.settings import Settings
from bridge.vault import Vault
from bridge.whmcs.client import Whmcs
from bridge.whmcs.endpoint import Endpoint
from bridge.whmcs.records import Records

if TYPE_CHECKING:
    from sqlalchemy import Engine

T = TypeVar("T")

_EMBEDDED = "sqlite:///"

CONNECT_SECONDS = 3
ANSWER_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Patient:
    settings: Settings
    environment: Mapping[str, str] = field(default_factory=dict)
    engine: Engine | None = None
    whmcs_engine: Engine | None = None
    vault: Vault | None = None
    whmcs: Whmcs | None = None
    addon: Endpoint | None = None
    records: Records | None = None
    machine: Machine | None = None
    trouble: Mapping[str, str] = field(default_factory=dict)
    """Why a part is not there, by its name: settings, engine, vault, whmcs, addon, records."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


def admit(environment: Mapping[str, str]) -> Patient:
    """Reads the settings and connects to nothing. A master key that is not there yet is not made."""
    trouble: dict[str, str] = {}

    def part(name: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except BridgeError as error:
            trouble[name] = str(error)
            return None

    read = part("settings", lambda: settings.read(environment))
    if read is None:
        return Patient(Settings(), environment, trouble=trouble)
    anywhere = app.surroundings((ip_network("0.0.0.0/0"), ip_network("::/0")))
    addon = part("addon", lambda: app.addon_of(read, anywhere))
    whmcs_url = read.whmcs_database_url
    return Patient(
        settings=read,
        environment=environment,
        engine=part("engine", lambda: _engine(read.database_url)),
        whmcs_engine=part("whmcs_engine", lambda: _engine(whmcs_url)) if whmcs_url else None,
        vault=part("vault", lambda: vaults.of_file(read.master_key_file)) if read.master_key_file.exists() else None,
        whmcs=part("whmcs", lambda: app.whmcs_of(read, anywhere)),
        addon=addon,
        records=part("records", lambda: app.records_of(read, addon)),
        machine=here(),
        trouble=trouble,
    )


def file_of(url: Secret) -> Path | None:
    """The file of an embedded database; None for a server."""
    text = url.reveal()
    return Path(text.removeprefix(_EMBEDDED).partition("?")[0]) if text.startswith(_EMBEDDED) else None


def _engine(url: Secret) -> Engine | None:
    """A file of SQLite that is not there yet is not made either."""
    path = file_of(url)
    if path is not None and not path.exists():
        return None
    return database.connect(
        url,
        pool_size=2,
        pool_overflow=2,
        pool_seconds=CONNECT_SECONDS,
        connect_seconds=CONNECT_SECONDS,
        read_seconds=ANSWER_SECONDS,
        write_seconds=ANSWER_SECONDS,
    )
