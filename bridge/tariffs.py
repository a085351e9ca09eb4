"""Tariffs: the decks that follow one another in each, which is in force, what was changed in one, and the way back.

Calls are priced by the packed rows in `deck_rows`; the table of a deck shows the same rows to operators, and what they
change there is noticed (`tariff_edits.py`). How a deck comes to be: `tariff_staging.py`, `tariff_activation.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import Connection

from bridge import once
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import NOW, now, transact
from bridge.errors import Conflict, NotFound, NotPrepared, Refused
from bridge.rating.decks.deck import Deck
from bridge.rating.decks.diff import compare, customs_of, with_customs
from bridge.rating.decks.export import export_lines
from bridge.rating.decks.pack import packed, unpacked
from bridge.rating.decks.rows import DeckRows, key_of, prefix_of
from bridge.rating.decks.states import difference, undone
from bridge.rating.series import Series
from bridge.slug import slug
from bridge.store import audit, deck_tables
from bridge.store import tariffs as store
from bridge.store.tariffs import Entry

PREFIXES_MAX = 10_000


def deck_at(bridge: Bridge, name: str, moment: datetime) -> Deck:
    """The deck of a series that calls answered at that moment are priced by."""

    def act(tx: Connection) -> Deck:
        found = store.in_force(tx, slug(name), moment)
        if found is None:
            raise NotPrepared(f"the tariff {name!r} has no deck for {moment:%Y-%m-%d %H:%M}")
        return deck_of(tx, found)

    return transact(bridge.engine, act)


def series_of(tx: Connection, name: str, *, since: datetime | None = None) -> Series:
    """The decks of a series for calls answered from then on."""
    decks = store.active(tx, slug(name))
    if since is not None:
        begun = [each for each in decks if each.effective_from <= since]
        decks = begun[-1:] + [each for each in decks if each.effective_from > since]
    # of two that begin at one moment, the one that was activated later holds
    by_moment = {each.effective_from: each for each in decks}
    return Series((moment, deck_of(tx, each)) for moment, each in by_moment.items())


def deck_of(tx: Connection, entry: Entry, state: int | None = None) -> Deck:
    return deck_from(entry, rows_of(tx, entry, state), state)


def deck_from(entry: Entry, rows: DeckRows, state: int | None = None) -> Deck:
    return Deck(
        rows,
        currency=entry.currency,
        name=entry.table_name or entry.series,
        direction=cast(Literal["outbound", "inbound", "conference"], entry.direction),
        route_class=cast(Literal["value", "premium"], entry.route_class),
        time_zone=entry.time_zone,
        state=state or entry.deck_state,
    )


def rows_of(tx: Connection, entry: Entry, state: int | None = None) -> DeckRows:
    """The rows of a deck in one of its states, the newest where none is named."""
    content = store.rows(tx, entry.id, entry.deck_state, "rows")
    if content is None:
        raise NotPrepared(f"the rows of the deck {entry.id} are not there; import its list again")
    rows, _ = unpacked(content)
    wanted = entry.deck_state if state is None else state
    if not 1 <= wanted <= entry.deck_state:
        raise NotFound(f"the deck {entry.id} has no state {wanted}")
    for earlier in range(entry.deck_state - 1, wanted - 1, -1):
        added, removed = (_change(tx, entry, earlier, kind) for kind in ("added", "removed"))
        rows = undone(rows, added=added, removed=removed)
    return rows


def _change(tx: Connection, entry: Entry, state: int, kind: Any) -> DeckRows:
    content = store.rows(tx, entry.id, state, kind)
    if content is None:
        raise NotPrepared(f"what was changed in state {state} of the deck {entry.id} is not there")
    return unpacked(content)[0]


def rollback(bridge: Bridge, asking: Asking, name: str, reason: str = "") -> dict[str, Any]:
    """The deck of a series that was activated last is taken back, and the one before it is in force again."""
    series = slug(name)

    def act(tx: Connection) -> dict[str, Any]:
        decks = store.active(tx, series)
        if not decks:
            raise NotFound(f"there is no tariff {name!r} in force")
        last = max(decks, key=lambda each: (each.activated_at or each.staged_at, each.id))
        rest = [each for each in decks if each.id != last.id]
        if not rest:
            raise Refused(f"{series} has no other deck: without this one its calls have no price")
        store.change(tx, last.id, state="withdrawn", withdrawn_at=NOW, withdrawn_by=asking.caller[:128])
        before = store.in_force(tx, series, now(tx))
        audit.add(
            tx,
            actor=asking.caller,
            action="tariff.rollback",
            subject=f"deck:{last.id}",
            before={"table": last.table_name},
            after={"in_force": before.table_name if before else None},
            reason=reason or None,
        )
        return {
            "withdrawn": line_of(replace(last, state="withdrawn")),
            "in_force": line_of(before) if before else None,
        }

    return once.write(bridge, asking, act)


def set_custom(
    bridge: Bridge, asking: Asking, reference: str, *, custom: Sequence[str], clear: Sequence[str]
) -> dict[str, Any]:
    """Which prefixes of a deck the package's own price applies to. What is not named is left as it is."""
    both = set(custom) & set(clear)
    if both:
        raise NotPrepared(f"{min(both)} is both to be set and to be cleared")
    if not custom and not clear:
        raise NotPrepared("no prefix is named")
    if len(custom) + len(clear) > PREFIXES_MAX:
        raise NotPrepared(f"more than {PREFIXES_MAX} prefixes at once")

    def act(tx: Connection) -> dict[str, Any]:
        entry = _found(tx, reference, lock=True)
        if entry.state != "active" or entry.table_name is None:
            raise Conflict(f"the deck {entry.id} is {entry.state}; only one in force has custom flags to set")
        if deck_tables.digest(tx, entry.table_name) != entry.digest:
            raise Conflict("somebody changed the table of this deck; run bridge sweep first, and look at it again")
        before = rows_of(tx, entry)
        rows = rows_of(tx, entry)
        known = set(rows.keys)
        flagged = customs_of(rows)
        asked = {True: {key_of(each) for each in custom}, False: {key_of(each) for each in clear}}
        unknown = sorted((asked[True] | asked[False]) - known)
        if unknown:
            raise NotFound(f"the deck has no prefix {', '.join(prefix_of(key) for key in unknown[:10])}")
        changed = {True: asked[True] - flagged, False: asked[False] & flagged}
        for is_custom, keys in changed.items():
            with_customs(rows, keys, is_custom=is_custom)
            prefixes = sorted(prefix_of(key) for key in keys)
            deck_tables.set_status(tx, entry.table_name, prefixes, status=0 if is_custom else 1)
        told = {
            "set": sorted(prefix_of(key) for key in changed[True]),
            "cleared": sorted(prefix_of(key) for key in changed[False]),
            "untouched": len(known) - len(changed[True]) - len(changed[False]),
        }
        if changed[True] or changed[False]:
            digest = deck_tables.digest(tx, entry.table_name)
            keep_state(tx, entry, before, rows, digest=digest, by=asking.caller)
            audit.add(tx, actor=asking.caller, action="tariff.set_custom", subject=f"deck:{entry.id}", after=told)
        after = store.get(tx, entry.id)
        assert after is not None
        return {**line_of(after), **told}

    return once.write(bridge, asking, act)


def keep_state(tx: Connection, entry: Entry, before: DeckRows, after: DeckRows, *, digest: str, by: str) -> None:
    """Another state of a deck: all its rows now, and what is different, so that the one before can be told."""
    removed, added = difference(before, after.in_order())
    state = entry.deck_state + 1
    store.forget_rows(tx, entry.id, entry.deck_state)
    store.keep_rows(tx, entry.id, entry.deck_state, "removed", packed(removed))
    store.keep_rows(tx, entry.id, entry.deck_state, "added", packed(added))
    store.keep_rows(tx, entry.id, state, "rows", packed(after.in_order()))
    store.add_state(tx, entry.id, deck_state=state, added=len(added), removed=len(removed), by=by)
    store.change(tx, entry.id, deck_state=state, digest=digest, prefixes=len(after))


def listed(bridge: Bridge, *, provider: str | None = None, series: str | None = None) -> list[dict[str, Any]]:
    """Every deck, newest first, and which is in force."""

    def act(tx: Connection) -> list[dict[str, Any]]:
        found = store.listed(tx, provider=slug(provider) if provider else None, series=slug(series) if series else None)
        moment = now(tx)
        ruling = {each.id for name in {each.series for each in found} if (each := store.in_force(tx, name, moment))}
        return [{**line_of(each), "in_force": each.id in ruling} for each in found]

    return transact(bridge.engine, act)


def shown(bridge: Bridge, reference: str) -> dict[str, Any]:
    """A deck, how its list was read, what it changed, and what was changed in it since."""

    def act(tx: Connection) -> dict[str, Any]:
        entry = _found(tx, reference)
        return {
            **line_of(entry),
            "reading": {name: value for name, value in entry.reading.items() if name != "how"},
            "diff": entry.diff["counts"],
            "alarm": entry.diff["alarm"],
            "states": [
                {
                    "state": each.deck_state,
                    "added": each.added,
                    "removed": each.removed,
                    "noted_at": each.noted_at.isoformat(),
                    "noted_by": each.noted_by,
                }
                for each in store.states(tx, entry.id)
            ],
        }

    return transact(bridge.engine, act)


def compared(bridge: Bridge, reference: str, against: str | None = None) -> dict[str, Any]:
    """What a deck changes against another; against the one before it in its series where none is named."""

    def act(tx: Connection) -> dict[str, Any]:
        entry = _found(tx, reference)
        other = _found(tx, against) if against else _before(tx, entry)
        old = rows_of(tx, other) if other else None
        diff = compare(old, rows_of(tx, entry), entry.effective_from)
        return {
            "deck": line_of(entry),
            "against": line_of(other) if other else None,
            "diff": diff.counts(),
            "unchanged": diff.unchanged,
            "changes": diff.document(),
        }

    return transact(bridge.engine, act)


def exported(bridge: Bridge, reference: str, state: int | None = None) -> Iterator[str]:
    """A deck as CSV: as its table stands, or as it was in one of its states."""

    def act(tx: Connection) -> DeckRows:
        entry = _found(tx, reference)
        if state is not None:
            return rows_of(tx, entry, state)
        if entry.table_name and deck_tables.is_there(tx, entry.table_name):
            return deck_tables.read(tx, entry.table_name)[0]
        return rows_of(tx, entry)

    return export_lines(transact(bridge.engine, act))


def _found(tx: Connection, reference: str, *, lock: bool = False) -> Entry:
    """A deck by its number or table, or the one of a series in force, else the one that comes into force next."""
    if reference.isascii() and reference.isdigit() and len(reference) < 16:
        found = store.get(tx, int(reference), lock=lock)
        if found is None:
            raise NotFound(f"there is no deck {reference}")
        return found
    if deck_tables.is_name(reference):
        found = store.of_table(tx, reference, lock=lock)
        if found is None:
            raise NotFound(f"no deck has the table {reference}")
        return found
    series = slug(reference)
    ruling = store.in_force(tx, series, now(tx)) or next(iter(store.active(tx, series)), None)
    ruling = ruling or next(iter(store.listed(tx, series=series)), None)
    if ruling is None:
        raise NotFound(f"there is no tariff {reference!r}")
    return (store.get(tx, ruling.id, lock=True) or ruling) if lock else ruling


def _before(tx: Connection, entry: Entry) -> Entry | None:
    others = [
        each
        for each in store.active(tx, entry.series)
        if each.id != entry.id and (each.effective_from, each.id) <= (entry.effective_from, entry.id)
    ]
    return others[-1] if others else None


def line_of(entry: Entry) -> dict[str, Any]:
    return {
        "deck_id": entry.id,
        "provider": entry.provider,
        "series": entry.series,
        "name": entry.name,
        "direction": entry.direction,
        "currency": entry.currency,
        "route_class": entry.route_class,
        "time_zone": entry.time_zone,
        "state": entry.state,
        "deck_state": entry.deck_state,
        "effective_from": entry.effective_from.isoformat(),
        "table": entry.table_name,
        "prefixes": entry.prefixes,
        "file": entry.file_name,
        "staged_at": entry.staged_at.isoformat(),
        "staged_by": entry.staged_by,
        "activated_at": entry.activated_at.isoformat() if entry.activated_at else None,
        "activated_by": entry.activated_by,
    }
