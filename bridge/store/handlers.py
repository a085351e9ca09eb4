"""Handlers: how the services of each product are processed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from bridge.database import NOW
from bridge.handler import Handler, handler_from, settings_of
from bridge.tables import handlers


def of_product(tx: Connection, product_id: int) -> dict[int, Handler]:
    """By server; 0 is for every server without its own."""
    found = select(handlers).where(handlers.c.product_id == product_id)
    return {row.server_id: _handler_from(row) for row in tx.execute(found)}


_DRIVER = (
    select(handlers.c.driver)
    .where(
        handlers.c.product_id == bindparam("this_product"),
        (handlers.c.server_id == bindparam("this_server")) | (handlers.c.server_id == 0),
    )
    .order_by(handlers.c.server_id.desc())
    .limit(1)
)


def driver_of(tx: Connection, product_id: int, server_id: int | None) -> str | None:
    """The driver that the handler of a product on a server asks for; None where nothing is said."""
    asked = {"this_product": product_id, "this_server": server_id or 0}
    driver: str | None = tx.execute(_DRIVER, asked).scalar_one_or_none()
    return driver


def listed(tx: Connection) -> list[Handler]:
    found = select(handlers).order_by(handlers.c.product_id, handlers.c.server_id)
    return [_handler_from(row) for row in tx.execute(found)]


def save(tx: Connection, handler: Handler) -> None:
    mine = (handlers.c.product_id == handler.product_id) & (handlers.c.server_id == handler.server_id)
    changed = {
        "driver": handler.driver,
        "department": handler.department,
        "enabled": int(handler.enabled),
        "settings": settings_of(handler),
        "updated_at": NOW,
    }
    if tx.execute(update(handlers).where(mine).values(changed)).rowcount == 0:
        new = changed | {"product_id": handler.product_id, "server_id": handler.server_id}
        tx.execute(insert(handlers).values(new))


def _handler_from(row: Row[Any]) -> Handler:
    return handler_from(
        product_id=row.product_id,
        server_id=row.server_id,
        driver=row.driver,
        department=row.department,
        enabled=bool(row.enabled),
        settings=row.settings,
    )
