"""A stand-in WHMCS with one support department, and a client that asks it in process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import httpx
from sqlalchemy import Table, select

from bridge import database
from bridge.demo.whmcs import tables
from bridge.demo.whmcs.inprocess import InProcess
from bridge.demo.whmcs.standin import Credential, StandIn, create_tables
from bridge.demo.whmcs.web import application
from bridge.secret import Secret
from bridge.whmcs.client import Whmcs
from tests.canary import CANARY


@dataclass(frozen=True)
class WhmcsRoom:
    IDENTIFIER: ClassVar[str] = "the-identifier"

    standin: StandIn
    http: httpx.Client
    whmcs: Whmcs
    department_id: int

    def tickets(self) -> list[dict[str, Any]]:
        return self._rows(tables.tickets)

    def notifications(self) -> list[dict[str, Any]]:
        return self._rows(tables.notifications)

    def _rows(self, table: Table) -> list[dict[str, Any]]:
        return self.standin.within(lambda tx: [dict(row) for row in tx.execute(select(table)).mappings()])


@contextmanager
def whmcs_room(folder: Path) -> Iterator[WhmcsRoom]:
    engine = database.connect(Secret(f"sqlite:///{folder}/whmcs.db"))
    create_tables(engine)
    standin = StandIn(engine, (Credential(WhmcsRoom.IDENTIFIER, Secret(CANARY)),))
    department_id = standin.within(
        lambda tx: tables.add(tx, tables.departments, name="VoIP", email="voip@example.com", hidden="on")
    )
    with httpx.Client(base_url="https://whmcs.example/", transport=InProcess(application(standin))) as http:
        client = Whmcs(http, identifier=WhmcsRoom.IDENTIFIER, secret=Secret(CANARY), wait=lambda seconds: None)
        yield WhmcsRoom(standin, http, client, department_id)
    engine.dispose()
