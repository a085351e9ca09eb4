"""Views: tenants as their PBX shows them, kept in the mirror unless something was done for them since.

No transaction is open while a PBX is asked. What was under way before the look, or began after it, makes the view older
than what is known, and it is dropped; so is that of a tenant that is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bridge.app import Bridge
from bridge.database import now, transact
from bridge.drift import pbx_drift
from bridge.drift.drift import Drift
from bridge.drift.pbx_drift import Kept
from bridge.pbx.driver import Driver, Tenant
from bridge.service import Service
from bridge.store import mirror, operations
from bridge.store.mirror import Mirror
from bridge.wanted import Held


@dataclass(frozen=True, slots=True)
class Known:
    """A tenant for which nothing is under way."""

    mirror: Mirror
    """As it is in the tables."""
    kept: Kept
    last_operation: int | None


@dataclass(frozen=True, slots=True)
class View:
    known: Known
    actual: Tenant | None
    held: Held
    drifts: tuple[Drift, ...]


def known(tx: Connection, bridge: Bridge, sharing: Mapping[int, Sequence[Service]]) -> list[Known]:
    """Tenants with the services that share them, to be looked at next; without those that something is done for."""
    tenant_ids = list(sharing)
    last = operations.last_of_tenants(tx, tenant_ids)
    # Asked after the last one: whatever is newer is noticed by its number, and what is as old is open or done by now.
    waiting = operations.open_tenants(tx, tenant_ids)
    found = []
    for tenant_id, held in mirror.load(tx, [each for each in tenant_ids if each not in waiting], bridge.vault).items():
        members = sharing[tenant_id]
        kept = Kept(
            tenant_id,
            held.server_id,
            mirror.with_administrator(tx, held, members, bridge.vault).plain,
            tuple(each.contribution() for each in members),
            held.applied,
            held.held,
            members[0].department if members else "",
            held.switching_off,
        )
        found.append(Known(held, kept, last.get(tenant_id)))
    return found


def look(known: Known, driver: Driver) -> View:
    actual = driver.find(known.kept.plain.domain)
    compared = pbx_drift.of_tenant(known.kept, actual, driver.capabilities)
    alone = pbx_drift.without_service(known.kept)
    drifts = compared.drifts if alone is None else (*compared.drifts, alone)
    return View(known, actual, compared.held, drifts)


def keep(bridge: Bridge, views: Sequence[View], *, dry_run: bool) -> list[View]:
    """Writes into the mirror, in one transaction, the views that still say something. Answers those."""

    def act(tx: Connection) -> list[View]:
        moment = now(tx)
        return [each for each in views if _keep(tx, each, moment)]

    if dry_run:
        with bridge.engine.connect() as tx:  # never committed
            return act(tx)
    return transact(bridge.engine, act)


def _keep(tx: Connection, view: View, moment: datetime) -> bool:
    held = view.known.mirror
    if not operations.hold_idle(tx, held.tenant_id):
        return False
    if operations.last_of_tenants(tx, [held.tenant_id]).get(held.tenant_id) != view.known.last_operation:
        return False
    mirror.record(tx, held, applied=held.applied, actual=view.actual, held=view.held, now=moment)
    return True
