"""Looking: what WHMCS's records say of our services, and what each PBX has of our tenants.

No transaction is open while anybody outside is asked. Our own state is read first, WHMCS's or the PBX's after it, so
that whatever was asked of us in between is seen as newer. What is under way is left alone: it says nothing yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bridge.app import Bridge
from bridge.database import transact
from bridge.drift import pbx_drift, view, whmcs_drift
from bridge.drift.drift import Drift
from bridge.drift.view import Known, View
from bridge.drift.whmcs_drift import Ours, Theirs
from bridge.drivers import secrets_from
from bridge.errors import BridgeError, NotReached
from bridge.handler import Handler
from bridge.pbx.driver import Driver
from bridge.service import Resources, Service, resources_from
from bridge.store import announcements, handlers, leftovers, mirror, operations, servers, services
from bridge.whmcs import records
from bridge.whmcs.questions import OUR_MODULE
from bridge.whmcs.records import Records, every

MODULES = (OUR_MODULE,)
BATCH = 100


@dataclass(slots=True)
class Looked:
    """What was looked at, and what was found. Filled as the looking goes on."""

    drifts: list[Drift] = field(default_factory=list)
    services: set[int] = field(default_factory=set)
    """Compared with WHMCS's records."""
    own: set[int] = field(default_factory=set)
    """Looked through in our own tables."""
    tenants: set[int] = field(default_factory=set)
    """Compared with their PBX."""
    servers: set[int] = field(default_factory=set)
    """Whose tenants were listed."""
    generations: dict[int, int] = field(default_factory=dict)
    lives_in: dict[int, int] = field(default_factory=dict)
    """The tenant of each service."""
    dwellers: dict[int, frozenset[int]] = field(default_factory=dict)
    """The services of each tenant."""
    numbers: set[tuple[str, int]] = field(default_factory=set)
    """(public number, tenant) as wanted or seen."""
    products: dict[str, dict[str, Any]] | None = None
    """What WHMCS says of our products; None where it was not asked."""
    left: int = 0
    """Services and tenants that were left alone because something is under way."""
    skipped: list[tuple[int, str]] = field(default_factory=list)
    """Servers, or tenants of them, that could not be looked at, and why."""


# --- in WHMCS --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Books:
    """What is needed to understand a service."""

    handlers: Mapping[tuple[int, int], Handler]
    packages: Mapping[int, Resources]
    zones: Mapping[int, str]

    def handler(self, service: Service) -> Handler | None:
        return self.handlers.get((service.product_id, service.server_id or 0)) or self.handlers.get(
            (service.product_id, 0)
        )


def in_whmcs(bridge: Bridge, service_ids: Collection[int] | None) -> Looked:
    """All of our services, or those named. A BridgeError where WHMCS cannot be read: then nothing is known of any."""
    assert bridge.records is not None
    looked = Looked()
    books = transact(bridge.engine, _books)
    for batch, left in _ours(bridge, books, service_ids):
        looked.left += left
        looked.services |= {each.service.service_id for each in batch}
        looked.generations |= {each.service.service_id: each.service.generation for each in batch}
        theirs = _theirs(bridge.records, [each.service.service_id for each in batch], books)
        for ours in batch:
            there = theirs[ours.service.service_id]
            of_our_module = there is not None and there.service.module in MODULES
            package = books.packages.get(there.service.product_id) if there is not None else None
            looked.drifts += whmcs_drift.of_service(ours, there, is_of_our_module=of_our_module, package=package)
    for stranger in _strangers(bridge, bridge.records, books, service_ids):
        looked.services.add(stranger.service.service_id)
        looked.generations[stranger.service.service_id] = 0
        found = whmcs_drift.unknown_here(stranger)
        looked.drifts += [found] if found is not None else []
    if service_ids is None:
        looked.products = _products(bridge.records)
    return looked


def orphans(bridge: Bridge, service_ids: Collection[int] | None) -> Looked:
    """Living services that have lost their tenant, as our own tables tell."""
    looked = Looked()
    books = transact(bridge.engine, _books)
    for batch, _left in _ours(bridge, books, service_ids):
        looked.own |= {each.service.service_id for each in batch}
        found = [whmcs_drift.orphan(each) for each in batch]
        looked.drifts += [each for each in found if each is not None]
    return looked


def _books(tx: Connection) -> _Books:
    packages: dict[int, Resources] = {}
    for product_id, _version, _name in handlers.packages(tx):
        newest = handlers.package(tx, product_id)
        assert newest is not None
        packages[product_id] = resources_from(newest[1])
    return _Books(
        {(each.product_id, each.server_id): each for each in handlers.listed(tx)},
        packages,
        {each.server_id: each.zone or f"server{each.server_id}.invalid" for each in servers.listed(tx)},
    )


def _ours(bridge: Bridge, books: _Books, service_ids: Collection[int] | None) -> Iterator[tuple[list[Ours], int]]:
    """Our services a batch at a time, without those for which something is under way, and how many those were."""
    after = 0
    wanted = sorted(service_ids) if service_ids is not None else None
    while True:

        def read(tx: Connection, after: int = after) -> tuple[list[Ours], int, int | None]:
            page = _page(tx, wanted, after)
            last = page[-1].service_id if len(page) == BATCH else None
            ids = [each.service_id for each in page]
            waiting = operations.open_services(tx, ids) | announcements.pending_of(tx, ids)
            unheard = announcements.unheard_of(tx, ids)
            named = mirror.domains_of(tx, [each.tenant_id for each in page if each.tenant_id is not None])
            free = [
                Ours(
                    each,
                    named.get(each.tenant_id) if each.tenant_id is not None else None,
                    books.zones.get(each.server_id or 0, ""),
                    books.handler(each),
                    each.service_id in unheard,
                )
                for each in page
                if each.service_id not in waiting
            ]
            return free, len(waiting), last

        batch, left, last = transact(bridge.engine, read)
        yield batch, left
        if last is None:
            return
        after = last


def _page(tx: Connection, wanted: Sequence[int] | None, after: int) -> list[Service]:
    if wanted is None:
        return services.page(tx, after=after, limit=BATCH)
    found = (services.get(tx, each) for each in [each for each in wanted if each > after][:BATCH])
    return [each for each in found if each is not None]


def _theirs(source: Records, service_ids: Sequence[int], books: _Books) -> dict[int, Theirs | None]:
    if not service_ids:
        return {}
    rows = source.services_of(service_ids)
    return {each: _with_choices(found, books) for each, found in _chosen(source, rows).items()}


def _chosen(
    source: Records, rows: Mapping[int, records.Service | None]
) -> dict[int, tuple[records.Service, tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]] | None]:
    there = [service_id for service_id, row in rows.items() if row is not None]
    choices, addons, fields = source.choices_of(there), source.addons_of(there), source.fields_of(there)
    return {
        service_id: (row, choices[service_id], addons[service_id], fields[service_id]) if row is not None else None
        for service_id, row in rows.items()
    }


def _with_choices(
    found: tuple[records.Service, tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]] | None, books: _Books
) -> Theirs | None:
    if found is None:
        return None
    row, choices, addons, fields = found
    options = whmcs_drift.options_of(choices, addons, books.packages.get(row.product_id))
    return Theirs(row, options, {each.name: each.value for each in fields})


def _strangers(bridge: Bridge, source: Records, books: _Books, service_ids: Collection[int] | None) -> Iterator[Theirs]:
    """Services of our module that we do not know: asked for here after WHMCS told of them, so none is merely newer."""
    if service_ids is None:
        rows = list(every(lambda after: source.services(MODULES, after=after)))
    else:
        named = source.services_of(service_ids).values() if service_ids else ()
        rows = [each for each in named if each is not None and each.module in MODULES]
    for start in range(0, len(rows), BATCH):
        some = {each.service_id: each for each in rows[start : start + BATCH] if each.status in whmcs_drift.LIVING}
        known = transact(bridge.engine, partial(services.known, service_ids=tuple(some)))
        unknown = {service_id: row for service_id, row in some.items() if service_id not in known}
        for found in _chosen(source, unknown).values() if unknown else ():
            theirs = _with_choices(found, books)
            if theirs is not None:
                yield theirs


def _products(source: Records) -> dict[str, dict[str, Any]]:
    """What of a product reaches no service that was sold already: its module settings and its server group."""
    found = {}
    for each in every(lambda after: source.products(MODULES, after=after)):
        settings = {f"configoption{number}": value for number, value in enumerate(each.settings, 1) if value}
        found[str(each.product_id)] = {"server group": each.server_group_id, **settings}
    return found


# --- on the PBXs -----------------------------------------------------------------------------------------------------


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
        page = transact(bridge.engine, partial(mirror.tenants_after, after=after, limit=BATCH))
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
    before = transact(bridge.engine, mirror.homes)
    for server_id, driver in drivers.items():
        try:
            listings[server_id] = list(driver.domains())
        except BridgeError as trouble:
            looked.skipped.append((server_id, str(trouble)))
    homes = before | transact(bridge.engine, mirror.homes)  # what came or went meanwhile is no stranger
    for server_id, there in listings.items():
        looked.servers.add(server_id)
        ours = {domain: tenant for domain, (tenant, home) in homes.items() if home == server_id}
        elsewhere = {domain: home for domain, (_, home) in homes.items() if home != server_id}
        moved = {domain: homes[domain][0] for domain in there if domain in elsewhere}
        left = transact(bridge.engine, partial(_left_behind, server_id=server_id, tenants=moved))
        looked.drifts += pbx_drift.of_listing(server_id, set(there) - left, ours=ours, homes=elsewhere)
    kept = transact(bridge.engine, mirror.numbers)
    numbers = [each for each in kept if each[1] not in looked.tenants]
    looked.drifts += pbx_drift.of_numbers([*numbers, *looked.numbers])


def _left_behind(tx: Connection, *, server_id: int, tenants: Mapping[str, int]) -> set[str]:
    """What moves left on a server until its retention is over: known, and no duplicate."""
    return {domain for domain, tenant_id in tenants.items() if leftovers.get(tx, tenant_id, server_id) is not None}
