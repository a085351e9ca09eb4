"""A staged deck brought into force, from a chosen time: its table is made and filled, and then it is active.

staged ── loading ── active        whatever fails between them leaves it staged, and no table
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from bridge import once, tariffs
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import NOW, now, transact
from bridge.errors import Conflict, NotFound, Refused
from bridge.store import audit, deck_tables, providers
from bridge.store import tariffs as store
from bridge.store.tariffs import Entry
from bridge.tariff_staging import Progress, quiet

LOADING = timedelta(minutes=5)
"""After so long an activation has died, and another may take its place."""


def activate(
    bridge: Bridge,
    asking: Asking,
    deck_id: int,
    *,
    confirm: str,
    effective: datetime | None = None,
    accept_refused: bool = False,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """A staged deck into force, from a chosen time. `confirm` is from its dry run: whoever has it has seen that."""

    def claim(tx: Connection) -> Entry:
        found = _claimed(tx, deck_id, confirm=confirm, effective=effective, accept_refused=accept_refused)
        if found.state != "active":
            store.change(
                tx,
                deck_id,
                state="loading",
                table_name=found.table_name,
                effective_from=found.effective_from,
                activated_at=NOW,
                activated_by=asking.caller[:128],
            )
        return found

    if asking.dry_run:
        with bridge.engine.connect() as tx:  # never committed
            return {**_activated(tx, claim(tx)), "dry_run": True}
    entry = transact(bridge.engine, claim)
    digest = entry.digest if entry.state == "active" else _loaded(bridge, entry, progress)

    def act(tx: Connection) -> dict[str, Any]:
        held = store.get(tx, deck_id, lock=True)
        assert held is not None
        if held.state == "active":
            return _activated(tx, held)
        if (held.state, held.table_name) != ("loading", entry.table_name):
            raise Conflict("the deck was taken back while it was being activated")
        store.change(tx, deck_id, state="active", digest=digest, activated_at=NOW)
        _remember(tx, held)
        audit.add(
            tx,
            actor=asking.caller,
            action="tariff.activate",
            subject=f"deck:{deck_id}",
            before={"in_force": (held.diff.get("base") or [None])[0]},
            after={"series": held.series, "table": held.table_name, "effective_from": held.effective_from.isoformat()},
        )
        now_active = store.get(tx, deck_id)
        assert now_active is not None
        return _activated(tx, now_active)

    return once.write(bridge, asking, act)


def _claimed(tx: Connection, deck_id: int, *, confirm: str, effective: datetime | None, accept_refused: bool) -> Entry:
    held = store.get(tx, deck_id, lock=True)
    if held is None:
        raise NotFound(f"there is no staged deck {deck_id}; import the list again")
    if held.state == "active":
        return held
    moment = now(tx)
    if held.state == "withdrawn":
        raise Conflict(f"the deck {deck_id} was taken back; import its list again")
    if held.state == "loading" and held.activated_at and moment - held.activated_at < LOADING:
        raise Conflict(f"the deck {deck_id} is being activated already", kind="in_progress")
    for other in store.listed(tx, series=held.series):
        if other.id != deck_id and other.state == "loading" and moment - (other.activated_at or moment) < LOADING:
            raise Conflict(f"the deck {other.id} of {held.series} is being activated", kind="in_progress")
    refused = held.reading["rows_refused"]
    if refused and not accept_refused:
        raise Refused(
            f"{refused} of {held.reading['rows_read']} rows are refused; mend the list, or accept that they stay out",
            kind="tariff_invalid",
            errors=held.reading["errors"][:20],
        )
    if confirm != held.diff["confirm"]:
        raise Refused("that is not what the dry run of this deck answered; look at it again")
    since = effective or (held.effective_from if held.reading["effective"] else moment)
    base = store.in_force(tx, held.series, since)
    if held.diff["base"] != ([base.id, base.deck_state] if base else None):
        raise Conflict("another deck is in force than the one this was compared with; import the list again")
    if not held.prefixes:
        raise Refused("a deck without a row would leave every call without a price", kind="tariff_invalid")
    name = held.table_name or _free_name(tx, held, since)
    return replace(held, effective_from=since, table_name=name)


def _loaded(bridge: Bridge, entry: Entry, progress: Progress) -> str:
    """Its table made and filled. Answers the digest; whatever fails leaves the deck staged, and no table."""
    name = deck_tables.checked(entry.table_name or "")
    rows = transact(bridge.engine, lambda tx: tariffs.rows_of(tx, entry))
    progress("writing", 0)

    def fill(tx: Connection) -> str:
        deck_tables.fill(tx, name, rows, lambda count: progress("writing", count))
        return deck_tables.digest(tx, name)

    try:
        transact(bridge.engine, lambda tx: deck_tables.drop(tx, name))
        deck_tables.create(bridge.engine, name)
        digest = transact(bridge.engine, fill)
        transact(bridge.engine, lambda tx: deck_tables.add_key(tx, name))
        return digest
    except BaseException:
        with suppress(Exception):
            transact(bridge.engine, lambda tx: deck_tables.drop(tx, name))
            transact(bridge.engine, lambda tx: store.change(tx, entry.id, state="staged", table_name=None))
        raise


def _free_name(tx: Connection, entry: Entry, since: datetime) -> str:
    """`<provider>_<series>_YYYY_MM`, and `_2` and so on behind it where that is taken."""
    date = f"_{since:%Y_%m}"
    series = entry.series.removesuffix(date)
    words = series if f"{series}_".startswith(f"{entry.provider}_") else f"{entry.provider}_{series}"
    taken = store.table_names(tx, deck_tables.BEGINNING)
    for number in range(1, 1000):
        end = date if number == 1 else f"{date}_{number}"
        room = deck_tables.NAME_MAX - len(deck_tables.BEGINNING) - len(end)
        name = deck_tables.BEGINNING + words[:room].strip("_") + end
        if name not in taken and not deck_tables.is_there(tx, name):
            return name
    raise Conflict(f"there are too many decks of {entry.series} in one month")


def _remember(tx: Connection, entry: Entry) -> None:
    """How this list was read, for the next one of its provider."""
    provider = providers.get(tx, entry.provider)
    if provider is not None:
        default = entry.series if entry.direction == "outbound" else None
        providers.save(
            tx,
            replace(
                provider,
                reading=entry.reading["how"],
                currency=provider.currency or entry.currency,
                tariff=provider.tariff or default,
            ),
        )


def _activated(tx: Connection, entry: Entry) -> dict[str, Any]:
    return {**tariffs.line_of(entry), "diff": entry.diff["counts"]}
