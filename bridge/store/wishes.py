"""What is wanted in tenants: objects, new ones, changed ones, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from bridge.pbx.wire import object_to_json
from bridge.secret import Secret
from bridge.store.mirror import SHELVES, Thing
from bridge.vault import Vault


def want(tx: Connection, tenant_id: int, things: Sequence[Thing], *, uuid_of: Mapping[str, str], vault: Vault) -> None:
    """Wants objects of one kind, new ones or changed ones."""
    if not things:
        return
    shelf = SHELVES[type(things[0])]
    column = shelf.table.c[shelf.column]
    keys = [shelf.key_of(each) for each in things]
    there = {key for (key,) in tx.execute(select(column).where(shelf.table.c.tenant_id == tenant_id, column.in_(keys)))}
    new = []
    for thing in things:
        key = shelf.key_of(thing)
        changed: dict[str, Any] = {"service_id": thing.service_id, "wanted": object_to_json(thing)} | shelf.claim(key)
        password: Secret | None = getattr(thing, "password", None)
        if password is not None:
            changed["secret"] = vault.seal(password, place=shelf.place(tenant_id, key))
        if key in there:
            changed |= {"pbx_uuid": uuid_of[key]} if key in uuid_of else {}
            tx.execute(update(shelf.table).where(shelf.table.c.tenant_id == tenant_id, column == key).values(changed))
        else:
            new.append(
                {"secret": None}
                | changed
                | {
                    "tenant_id": tenant_id,
                    shelf.column: key,
                    "pbx_uuid": uuid_of[key],
                    "held_by_hand": 0,
                    "origin": "bridge",
                }
            )
    if new:
        tx.execute(insert(shelf.table), new)


def unwant(tx: Connection, tenant_id: int, kind: type[Thing], keys: Sequence[str]) -> int:
    """Wants objects no more. The rows go when the PBX has let the objects go."""
    shelf = SHELVES[kind]
    mine = (shelf.table.c.tenant_id == tenant_id) & shelf.table.c[shelf.column].in_(keys)
    changed = tx.execute(update(shelf.table).where(mine).values(wanted=None, secret=None, **shelf.claim(None))).rowcount
    return int(changed)


def unwant_service(tx: Connection, tenant_id: int, service_id: int) -> None:
    """Wants nothing more that belongs to a service."""
    for shelf in SHELVES.values():
        mine = (shelf.table.c.tenant_id == tenant_id) & (shelf.table.c.service_id == service_id)
        tx.execute(update(shelf.table).where(mine).values(wanted=None, secret=None, **shelf.claim(None)))
