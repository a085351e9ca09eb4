"""What hands switched off on a PBX, as far as we know, and what we had begun to switch off ourselves."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from bridge.store.mirror import SHELVES, Mirror, Thing
from bridge.tables import domains
from bridge.wanted import NOTHING_HELD, Held, held_from, held_to


def intend(tx: Connection, mirror: Mirror, *, held: Held, switching_off: Held) -> None:
    """What is about to be switched off, and what a hand had switched off before we did, unless it was let go since."""
    freed = mirror.held - still_held(tx, mirror.tenant_id, mirror.held)
    intended = {"held_by_hand": held_to(held - freed), "switching_off": held_to(switching_off | freed)}
    tx.execute(update(domains).where(domains.c.id == mirror.tenant_id).values(intended))


def let_go(tx: Connection, tenant_id: int, kind: type[Thing], key: str) -> None:
    """Forgets that a hand switched an object off: somebody who may says that it is on again.

    Until it is, that it is off is no hand's doing, just as if we had begun to switch it off.
    """
    shelf = SHELVES[kind]
    mine = domains.c.id == tenant_id
    row = tx.execute(select(domains.c.held_by_hand, domains.c.switching_off).where(mine).with_for_update()).one()
    members: dict[str, Any] = {shelf.member: frozenset({key})}
    freed = Held(**members)
    left = {
        "held_by_hand": held_to(held_from(row.held_by_hand) - freed),
        "switching_off": held_to(held_from(row.switching_off) | freed),
    }
    tx.execute(update(domains).where(mine).values(left))
    same = (shelf.table.c.tenant_id == tenant_id) & (shelf.table.c[shelf.column] == key)
    tx.execute(update(shelf.table).where(same).values(held_by_hand=0))


def still_held(tx: Connection, tenant_id: int, held: Held) -> Held:
    """What of this, which was written down before, nobody has let go since."""
    if held == NOTHING_HELD:
        return held
    mine = select(domains.c.held_by_hand).where(domains.c.id == tenant_id)
    return held - (held - held_from(tx.execute(mine.with_for_update()).scalar_one()))
