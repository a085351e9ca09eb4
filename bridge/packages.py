"""Packages: what a product's calls cost and what it gives. A new version is added, and none is ever changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from bridge import once, servers
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.errors import BridgeError, NotFound, NotPrepared
from bridge.quota import COUNTED_BY
from bridge.rating import package_lint
from bridge.rating.country import country
from bridge.rating.document import Faulty, path_text
from bridge.rating.finding import Finding, Severity
from bridge.rating.package import Package
from bridge.rating.package_file import package_document, read_package
from bridge.rating.package_lint import Abilities
from bridge.server import Server
from bridge.store import audit, handlers
from bridge.store import packages as store
from bridge.store import servers as server_store
from bridge.store.packages import Assigned, Stored

NAMED_MAX = 20
FAULTS_TOLD_MAX = 20


def read(document: Mapping[str, Any], notes: list[str] | None = None) -> Package:
    """A package from the keys below `[package]`. `notes` takes how something was read that may be meant otherwise."""
    try:
        return read_package(document, note=(notes if notes is not None else []).append)
    except Faulty as error:
        raise _refused(error) from None


def save(bridge: Bridge, asking: Asking, package: Package) -> dict[str, Any]:
    """A new version of what a product gives. Services take it with their next change of package.

    A package that is in force already is left alone: saving it twice is harmless.
    """
    document = package_document(package)
    assigned = Assigned(
        country=package.country,
        calling_code=country(package.country).calling_code,
        currency=package.currency,
        tariff=package.tariff,
        inbound_tariff=package.inbound_tariff,
        cost_tariff=package.cost_tariff,
    )

    def act(tx: Connection) -> dict[str, Any]:
        before = store.get(tx, package.product_id)
        if before is not None and before.document == document:
            return _answer(before) | {"is_new": False}
        store.add(tx, package.product_id, name=package.name, document=document, assigned=assigned, actor=asking.caller)
        saved = store.get(tx, package.product_id)
        assert saved is not None
        audit.add(
            tx,
            actor=asking.caller,
            action="package.save",
            subject=f"package:{package.product_id}",
            before={"version": before.version} if before else None,
            after={"version": saved.version, "name": saved.name},
        )
        return _answer(saved) | {"is_new": True}

    return once.write(bridge, asking, act)


def get(bridge: Bridge, product_id: int, version: int | None = None) -> dict[str, Any]:
    return _answer(transact(bridge.engine, lambda tx: _stored(tx, product_id, version)))


def listed(bridge: Bridge) -> list[dict[str, Any]]:
    """The newest version of each product."""
    return [_line(each) for each in transact(bridge.engine, store.listed)]


def of_product(bridge: Bridge, product_id: int, version: int | None = None) -> Package:
    return _package(transact(bridge.engine, lambda tx: _stored(tx, product_id, version)))


def named(bridge: Bridge, name: str) -> Package:
    """The package in force of that name; as a number, of that product."""
    found = transact(bridge.engine, store.listed)
    mine = [each for each in found if each.name == name or str(each.product_id) == name]
    if not mine:
        known = ", ".join(each.name for each in found[:NAMED_MAX]) or "none"
        raise NotFound(f"there is no package {name!r}; loaded are: {known}")
    if len(mine) > 1:
        products = ", ".join(str(each.product_id) for each in mine)
        raise NotPrepared(f"{len(mine)} packages are named {name!r}; name the product instead: {products}")
    return _package(mine[0])


def lint(bridge: Bridge, *, product_id: int | None, document: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a package says that is probably not meant: a product's, or a document that may never have been saved."""
    if (product_id is None) == (document is None):
        raise NotPrepared("name a product_id or hand in a package, one of them")
    notes: list[str] = []
    try:
        package = read_package(document, note=notes.append) if document else of_product(bridge, product_id or 0)
    except Faulty as error:
        found = refusals(error)
    else:
        found = findings(bridge, package)
    return {"findings": [each.document() for each in found], "notes": notes}


def refusals(error: Faulty) -> list[Finding]:
    """What keeps a document from being a package, as findings of a lint."""
    return [Finding("refused", Severity.ERROR, path_text(each.path), str(each)) for each in error.faults]


def findings(bridge: Bridge, package: Package) -> list[Finding]:
    """With all there is: the decks that its tariffs name, and the PBXs that its product is put on."""
    able, silent = _abilities(bridge, package.product_id)
    moment = transact(bridge.engine, now)
    return [*package_lint.lint(package, moment, abilities=able), *silent]


def _abilities(bridge: Bridge, product_id: int) -> tuple[list[Abilities], list[Finding]]:
    """What the PBXs that a product's tenants are put on enforce, a driver each, and those that did not answer."""

    def act(tx: Connection) -> list[Server]:
        by_server = handlers.of_product(tx, product_id)
        by_hand = {server_id for server_id, handler in by_server.items() if handler.is_manual}
        if 0 in by_hand:  # every server without a handler of its own
            by_hand |= {each.server_id for each in server_store.listed(tx)} - by_server.keys()
        return [each for each in server_store.listed(tx) if each.enabled and each.server_id not in by_hand]

    able: dict[str, Abilities] = {}
    silent: list[Finding] = []
    for server in transact(bridge.engine, act):
        if server.driver in able:
            continue
        try:
            known = servers.driver_of(bridge, server.server_id)[1].capabilities
        except BridgeError as error:
            told = f"the PBX {server.name} was not asked what it enforces: {error}"
            silent.append(Finding("pbx_not_asked", Severity.NOTE, "package.limits", told))
            continue
        counted = frozenset(COUNTED_BY.values())
        able[server.driver] = Abilities(server.driver, known.limits, known.features, counted)
    return list(able.values()), silent


def _stored(tx: Connection, product_id: int, version: int | None) -> Stored:
    found = store.get(tx, product_id, version)
    if found is not None:
        return found
    if version is None:
        raise NotFound(f"product {product_id} has no package; save one with package.save")
    raise NotFound(f"the package of product {product_id} has no version {version}")


def _package(stored: Stored) -> Package:
    try:
        return read_package(stored.document)
    except Faulty as error:
        raise NotPrepared(
            f"version {stored.version} of the package of product {stored.product_id} cannot be used: {error}"
        ) from None


def _line(stored: Stored) -> dict[str, Any]:
    return {
        "product_id": stored.product_id,
        "version": stored.version,
        "name": stored.name,
        "created_at": stored.created_at.isoformat(),
        "created_by": stored.created_by,
    }


def _answer(stored: Stored) -> dict[str, Any]:
    return {
        "product_id": stored.product_id,
        "version": stored.version,
        "name": stored.name,
        "package": stored.document,
    }


def _refused(error: Faulty) -> NotPrepared:
    wrong = [(path_text(each.path), each.told) for each in error.faults[:FAULTS_TOLD_MAX]]
    return NotPrepared(str(error), kind="invalid_params", fields=wrong)
