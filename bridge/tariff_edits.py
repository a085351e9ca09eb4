"""What operators change in the table of a deck, such as `UPDATE ... SET status = 0`: noticed by its digest.

A table that was changed becomes another state of its deck, used for calls rated from then on; the state before is kept
as the difference. A table that is gone, as after a restore, is made again from the packed rows.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from bridge import tariffs
from bridge.app import Bridge
from bridge.database import now, transact
from bridge.errors import BridgeError
from bridge.logs import say
from bridge.rating.decks.states import difference
from bridge.store import audit, deck_tables
from bridge.store import tariffs as store
from bridge.store.rows import snapshot
from bridge.store.tariffs import Entry

log = logging.getLogger("bridge.tariff_edits")

LOOKED_BACK = timedelta(days=90)
"""A deck that was replaced longer ago prices no call any more."""

BY = "an operator, in the table"


def notice(bridge: Bridge) -> dict[str, Any]:
    """Every deck that calls may still be priced by. One that cannot be read keeps its state and is told."""
    told: dict[str, Any] = {"looked_at": 0, "edited": [], "made_again": [], "troubles": []}
    for entry in transact(bridge.engine, _watched):
        told["looked_at"] += 1
        try:
            _notice_one(bridge, entry, told)
        except BridgeError as trouble:
            told["troubles"].append(f"{entry.table_name}: {trouble}")
    for sentence in told["troubles"]:
        say(log, logging.WARNING, "a deck has trouble in its table", cause=sentence)
    return told


def _watched(tx: Connection) -> list[Entry]:
    oldest = now(tx) - LOOKED_BACK
    found: list[Entry] = []
    for _, decks in groupby(store.active(tx), key=lambda each: each.series):
        series = list(decks)
        ends = [each.effective_from for each in series[1:]]
        found += [each for each, end in zip(series, [*ends, None], strict=True) if end is None or end > oldest]
    return found


def _notice_one(bridge: Bridge, entry: Entry, told: dict[str, Any]) -> None:
    name = deck_tables.checked(entry.table_name or "")
    if not transact(bridge.engine, lambda tx: deck_tables.is_there(tx, name)):
        _make_again(bridge, entry, name)
        told["made_again"].append(name)
        return

    def look(tx: Connection) -> tuple[str, Any, list[str]]:
        digest = deck_tables.digest(tx, name)
        if digest == entry.digest:
            return digest, None, []
        rows, complaints = deck_tables.read(tx, name)
        return digest, rows, complaints

    digest, rows, complaints = transact(snapshot(bridge.engine), look)
    if rows is None:
        return
    told["troubles"] += [f"{name}: {each}" for each in complaints]

    def keep(tx: Connection) -> bool:
        held = store.get(tx, entry.id, lock=True)
        if held is None or (held.state, held.deck_state, held.digest) != ("active", entry.deck_state, entry.digest):
            return False  # changed meanwhile; the next round looks again
        before = tariffs.rows_of(tx, held)
        removed, added = difference(before, rows)
        if not len(removed) and not len(added):
            store.change(tx, entry.id, digest=digest)
            return False
        tariffs.keep_state(tx, held, before, rows, digest=digest, by=BY)
        audit.add(
            tx,
            actor=BY,
            action="tariff.edited",
            subject=f"deck:{entry.id}",
            before={"state": held.deck_state},
            after={"state": held.deck_state + 1, "added": len(added), "removed": len(removed)},
        )
        return True

    if transact(bridge.engine, keep):
        told["edited"].append(name)


def _make_again(bridge: Bridge, entry: Entry, name: str) -> None:
    rows = transact(bridge.engine, lambda tx: tariffs.rows_of(tx, entry))

    def fill(tx: Connection) -> None:
        deck_tables.fill(tx, name, rows)
        store.change(tx, entry.id, digest=deck_tables.digest(tx, name))

    deck_tables.create(bridge.engine, name)
    try:
        transact(bridge.engine, fill)
        transact(bridge.engine, lambda tx: deck_tables.add_key(tx, name))
    except BaseException:
        transact(bridge.engine, lambda tx: deck_tables.drop(tx, name))
        raise
