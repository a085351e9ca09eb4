"""Looking at the PBXs: what each has of our tenants, and what it has that is not ours. Views go into the mirror."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bridge.app import Bridge
from bridge.database import transact
from bridge.drift import pbx_drift, view
from bridge.drift.looked import BATCH, Looked
from bridge.drift.view import Known, View
from bridge.drivers import secrets_from
from bridge.errors import BridgeError, NotReached
from bridge.pbx.driver import Driver
from bridge.service import Service
from bridge.store import leftovers, servers, services, tenants


def on_pbxs(bridge: Bridge, service_ids: Collection[int] | None, *, dry_run: bool) -> Looked:
    """All of our tenants, or those of some services. What was seen goes into the mirror."""
    looked = Looked()
    drivers = _drivers(bridge, looked)
    for batch in _tenants(bridge, service_ids, looked):
        seen = [each for tenant in batch if (each := _look(tenant, drivers, looked)) is not None]
        for start in range(0, len(seen), 20):
            still = view.keep(bridge, seen[start : start + 20], dry_run=dry_run)
            looked.left += len(seen[start : start + 20]) - len(still)
            for each in still:
                kept = each.known.kept
                looked.tenants.add(kept.tenant_id)
                there = (*kept.plain.numbers, *(each.actual.numbers if each.actual is not None else ()))
                looked.numbers |= {(number.e164, kept.tenant_id) for number in there}
                looked.drifts += each.drifts
    if service_ids is None:
        _list(bridge, drivers, looked)
    return looked


def _drivers(bridge: Bridge, looked: Looked) -> dict[int, Driver]:
    """A driver for each server that works; the others are skipped, and said so."""

    def read(tx: Connection) -> list[Any]:
        return [(each, servers.secret_of(tx, each.server_id, bridge.vault)) for each in servers.listed(tx)]

    drivers = {}
    for server, secret in transact(bridge.engine, read):
        if not server.is_working:
            looked.skipped.append((server.server_id, server.why_not))
            continue
        try:
            drivers[server.server_id] = bridge.drivers.of(server, secrets_from(secret))
        except BridgeError as trouble:
            looked.skipped.append((server.server_id, str(trouble)))
    return drivers


def _tenants(bridge: Bridge, service_ids: Collection[int] | None, looked: Looked) -> Iterator[list[Known]]:
    """Tenants a batch at a time, without those for which something is under way."""
    if service_ids is not None:

        def homes(tx: Connection) -> list[int]:
            found = (services.get(tx, each) for each in sorted(service_ids))
            return sorted({each.tenant_id for each in found if each is not None and each.tenant_id is not None})

        named = transact(bridge.engine, homes)
        for start in range(0, len(named), BATCH):
            yield _read_tenants(bridge, named[start : start + BATCH], looked)
        return
    after = 0
    while True:
        page = transact(bridge.engine, partial(tenants.page, after=after, limit=BATCH))
        if not page:
            return
        yield _read_tenants(bridge, page, looked)
        after = page[-1]


def _read_tenants(bridge: Bridge, tenant_ids: list[int], looked: Looked) -> list[Known]:
    def read(tx: Connection) -> tuple[dict[int, list[Service]], list[Known]]:
        sharing = services.of_tenants(tx, tenant_ids)
        return sharing, view.known(tx, bridge, sharing)

    sharing, found = transact(bridge.engine, read)
    for tenant_id, members in sharing.items():
        looked.dwellers[tenant_id] = frozenset(each.service_id for each in members)
        looked.lives_in |= {each.service_id: tenant_id for each in members}
    looked.left += len(tenant_ids) - len(found)
    return found


def _look(known: Known, drivers: dict[int, Driver], looked: Looked) -> View | None:
    server_id = known.kept.server_id
    driver = drivers.get(server_id)
    if driver is None:
        return None
    try:
        return view.look(known, driver)
    except NotReached as trouble:
        looked.skipped.append((server_id, str(trouble)))
        del drivers[server_id]
    except BridgeError as trouble:
        looked.skipped.append((server_id, str(trouble)))
    return None


def _list(bridge: Bridge, drivers: dict[int, Driver], looked: Looked) -> None:
    """Every PBX's own list of tenants, and numbers that are in two places."""
    listings = {}
    before = transact(bridge.engine, tenants.homes)
    for server_id, driver in drivers.items():
        try:
            listings[server_id] = list(driver.domains())
        except BridgeError as trouble:
            looked.skipped.append((server_id, str(trouble)))
    homes = before | transact(bridge.engine, tenants.homes)  # what came or went meanwhile is no stranger
    for server_id, there in listings.items():
        looked.servers.add(server_id)
        ours = {domain: tenant for domain, (tenant, home) in homes.items() if home == server_id}
        elsewhere = {domain: home for domain, (_, home) in homes.items() if home != server_id}
        moved = {domain: homes[domain][0] for domain in there if domain in elsewhere}
        left = transact(bridge.engine, partial(_left_behind, server_id=server_id, tenants=moved))
        looked.drifts += pbx_drift.of_listing(server_id, set(there) - left, ours=ours, homes=elsewhere)
    kept = transact(bridge.engine, tenants.numbers)
    numbers = [each for each in kept if each[1] not in looked.tenants]
    looked.drifts += pbx_drift.of_numbers([*numbers, *looked.numbers])


def _left_behind(tx: Connection, *, server_id: int, tenants: Mapping[str, int]) -> set[str]:
    """What moves left on a server until its retention is over: known, and no duplicate."""
    return {domain for domain, tenant_id in tenants.items() if leftovers.get(tx, tenant_id, server_id) is not None}
