"""Packages: what a product's calls cost and what it gives. A new version is added, and none is ever changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from bridge import once
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import transact
from bridge.errors import NotFound, NotPrepared
from bridge.package_findings import assert_covers_home, findings
from bridge.rating.numbers.country import country
from bridge.rating.packages.document import Faulty, path_text
from bridge.rating.packages.file import package_document, read_package
from bridge.rating.packages.finding import Finding, Severity
from bridge.rating.packages.package import Package
from bridge.store import audit
from bridge.store import packages as store
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
    assert_covers_home(bridge, package)
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
