"""Handlers and packages: how a product is processed, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from bridge import once, pbx
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import transact
from bridge.errors import NotFound, NotPrepared
from bridge.handler import MANUAL, Handler, handler_from, settings_of
from bridge.rating.package import LIMIT_MAX
from bridge.service import resources_from
from bridge.store import audit, handlers


def save(
    bridge: Bridge,
    asking: Asking,
    *,
    product_id: int,
    server_id: int,
    driver: str,
    department: str,
    enabled: bool,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    if driver not in ("", MANUAL, *pbx.kinds()):
        raise NotPrepared(f"there is no driver {driver!r}; there are {MANUAL}, {', '.join(pbx.kinds())}")
    handler = handler_from(
        product_id=product_id,
        server_id=server_id,
        driver=driver,
        department=department,
        enabled=enabled,
        settings=settings,
    )

    def act(tx: Connection) -> dict[str, Any]:
        before = handlers.of_product(tx, product_id).get(server_id)
        handlers.save(tx, handler)
        audit.add(
            tx,
            actor=asking.caller,
            action="handler.save",
            subject=f"handler:{product_id}:{server_id}",
            before=handler_answer(before) if before else None,
            after=handler_answer(handler),
        )
        return handler_answer(handler)

    return once.write(bridge, asking, act)


def listed(bridge: Bridge) -> list[dict[str, Any]]:
    return transact(bridge.engine, lambda tx: [handler_answer(each) for each in handlers.listed(tx)])


def handler_answer(handler: Handler) -> dict[str, Any]:
    return {
        "product_id": handler.product_id,
        "server_id": handler.server_id or None,
        "driver": handler.driver,
        "department": handler.department,
        "enabled": handler.enabled,
        "settings": settings_of(handler),
    }


def save_package(
    bridge: Bridge, asking: Asking, *, product_id: int, name: str, package: Mapping[str, Any]
) -> dict[str, Any]:
    """A new version of what a product gives. Services take it with their next change of package."""
    for limit, most in resources_from(package).limits:
        if most > LIMIT_MAX:
            raise NotPrepared(f"limits.{limit} is more than {LIMIT_MAX}; leave it out to have it unlimited")

    def act(tx: Connection) -> dict[str, Any]:
        document = {"name": name, **package}
        version = handlers.add_package(tx, product_id, name=name, document=document, actor=asking.caller)
        audit.add(
            tx, actor=asking.caller, action="package.save", subject=f"package:{product_id}", after={"version": version}
        )
        return {"product_id": product_id, "version": version, "name": name, "package": document}

    return once.write(bridge, asking, act)


def package(bridge: Bridge, product_id: int) -> dict[str, Any]:
    def act(tx: Connection) -> dict[str, Any]:
        found = handlers.package(tx, product_id)
        if found is None:
            raise NotFound(f"product {product_id} has no package; save one with package.save")
        return {"product_id": product_id, "version": found[0], "package": found[1]}

    return transact(bridge.engine, act)


def packages(bridge: Bridge) -> list[dict[str, Any]]:
    def act(tx: Connection) -> list[dict[str, Any]]:
        return [
            {"product_id": product_id, "version": version, "name": name}
            for product_id, version, name in handlers.packages(tx)
        ]

    return transact(bridge.engine, act)
