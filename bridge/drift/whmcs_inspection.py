"""Looking into WHMCS: what its records say of our services, and which of ours have lost their tenant.

No transaction is open while WHMCS is asked. Our own state is read first, WHMCS's after it, so that whatever was asked
of us in between is seen as newer. What is under way is left alone: it says nothing yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bridge.app import Bridge
from bridge.database import transact
from bridge.drift import whmcs_drift
from bridge.drift.looked import BATCH, Looked
from bridge.drift.whmcs_drift import Ours, Theirs
from bridge.handler import Handler
from bridge.service import Resources, Service, resources_from
from bridge.store import announcements, handlers, operations, packages, servers, services, tenants
from bridge.whmcs import records
from bridge.whmcs.questions import OUR_MODULE
from bridge.whmcs.records import Records, every

MODULES = (OUR_MODULE,)


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
    return _Books(
        {(each.product_id, each.server_id): each for each in handlers.listed(tx)},
        {each.product_id: resources_from(each.document) for each in packages.listed(tx)},
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
            named = tenants.domains_of(tx, [each.tenant_id for each in page if each.tenant_id is not None])
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
