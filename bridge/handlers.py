"""Handlers: how the services of a product are processed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from bridge import once, pbx
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import transact
from bridge.errors import NotPrepared
from bridge.handler import MANUAL, Handler, handler_from, settings_of
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
