"""Tariffs: a price list is staged, compared with the deck in force, activated at a chosen time, and taken back.

Staging writes nothing that a price is found by; its answer is the dry run that activating asks for (T-25). Calls are
priced by the packed rows in `deck_rows`; the table of a deck shows the same rows to operators, and what they change
there is noticed (`tariff_edits.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection

from bridge import once
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import NOW, now, transact
from bridge.errors import Conflict, NotFound, NotPrepared, Refused
from bridge.rating.decks.cells import read_increment
from bridge.rating.decks.deck import Deck, Flow, RouteClass
from bridge.rating.decks.diff import DeckDiff, compare, customs_of, with_customs
from bridge.rating.decks.export import export_lines
from bridge.rating.decks.pack import packed, unpacked
from bridge.rating.decks.reading import DeckReading, Instructions
from bridge.rating.decks.rows import DeckRows, key_of, prefix_of
from bridge.rating.decks.states import difference, undone
from bridge.rating.packages import margin_lint
from bridge.rating.packages.currency import DECIMALS
from bridge.rating.packages.document import Faulty
from bridge.rating.packages.file import read_package
from bridge.rating.price import Unreadable
from bridge.rating.series import Series
from bridge.slug import slug
from bridge.store import audit, deck_tables, packages, providers
from bridge.store import tariffs as store
from bridge.store.providers import Provider
from bridge.store.tariffs import Entry

LOADING = timedelta(minutes=5)
"""After so long an activation has died, and another may take its place."""

FEW = 20
"""What a list may change without being looked at twice, whatever share of a small deck that is."""

MANIFOLD_PERCENT = 2
PREFIXES_MAX = 10_000

Progress = Callable[[str, int], object]


def quiet(_what: str, _rows: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a price list is to become. `how` is only what was said of its reading; the provider knows the rest."""

    provider: str
    name: str
    currency: str | None = None
    effective: datetime | None = None
    """From when it holds; None is the moment it is activated."""
    direction: Flow = "outbound"
    route_class: RouteClass = "value"
    mapping: Mapping[str, str] = field(default_factory=dict)
    how: Mapping[str, Any] = field(default_factory=dict)
    file_name: str = ""
    keep_customs: bool = True


# --- reading ----------------------------------------------------------------------------------------------------------


def instructions(bridge: Bridge, wanted: Wanted) -> Instructions:
    """How to read a list: as was said, else as the provider's last one, in a currency that is known."""
    known = transact(bridge.engine, lambda tx: providers.get(tx, slug(wanted.provider)))
    return instructions_of(wanted, known)


def instructions_of(wanted: Wanted, provider: Provider | None = None) -> Instructions:
    remembered = dict(provider.reading) if provider else {}
    mapping = remembered.pop("mapping", {})
    currency = wanted.currency or (provider.currency if provider else None)
    if currency is not None and currency not in DECIMALS:
        raise NotPrepared(f"{currency[:10]!r} is not a currency; write its ISO 4217 code, such as USD")
    found = Instructions(
        mapping=dict(wanted.mapping),
        remembered=mapping,
        currency=currency,
        direction=wanted.direction,
        **{**remembered, **wanted.how},
    )
    try:
        if found.increment is not None:
            read_increment(found.increment)
    except Unreadable as why:
        raise NotPrepared(f"the increment {found.increment!r} is refused: {why}") from None
    try:
        ZoneInfo(found.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NotPrepared(f"{found.time_zone[:60]!r} is no time zone such as Europe/London") from None
    return found


# --- staging ----------------------------------------------------------------------------------------------------------


def stage(
    bridge: Bridge, asking: Asking, wanted: Wanted, how: Instructions, reading: DeckReading, progress: Progress = quiet
) -> dict[str, Any]:
    """A list as it was read, kept to be activated, with what it would change. The document is the dry run."""
    if how.currency is None:
        raise NotPrepared(f"the currency of this list is not known: say it, or give provider {wanted.provider} one")
    provider, series = slug(wanted.provider), slug(wanted.name)
    if series.isdigit():
        raise NotPrepared(f"a tariff named {wanted.name!r} would be taken for the number of a deck; add a letter")
    reading_document = reading.document()
    progress("comparing", len(reading.rows))

    def act(tx: Connection) -> dict[str, Any]:
        moment = wanted.effective or now(tx)
        _assert_same(tx, provider, series, wanted, str(how.currency))
        base = store.in_force(tx, series, moment)
        before = rows_of(tx, base) if base else None
        if before is not None and wanted.keep_customs and not reading.says_customs:
            with_customs(reading.rows, customs_of(before))
        diff = compare(before, reading.rows, moment)
        _ensure_provider(tx, provider, wanted)
        told: dict[str, Any] = {
            "base": [base.id, base.deck_state] if base else None,
            "counts": diff.counts(),
            "changes": diff.document(),
        }
        told["confirm"] = _fingerprint(reading.digest, told)
        told["alarm"] = alarm(diff, before)
        deck_id = store.add(
            tx,
            {
                "provider": provider,
                "series": series,
                "name": wanted.name,
                "direction": wanted.direction,
                "currency": how.currency,
                "route_class": wanted.route_class,
                "time_zone": how.time_zone,
                "effective_from": moment,
                "prefixes": len(reading.rows),
                "file_digest": reading.digest,
                "file_name": wanted.file_name[-255:],
                "reading": {
                    **reading_document,
                    "how": _remembered(how, reading),
                    "effective": wanted.effective.isoformat() if wanted.effective else None,
                },
                "diff": told,
                "staged_by": asking.caller[:128],
            },
        )
        store.keep_rows(tx, deck_id, 1, "rows", packed(reading.rows))
        audit.add(
            tx,
            actor=asking.caller,
            action="tariff.import",
            subject=f"deck:{deck_id}",
            after={"series": series, "rows": reading.rows_accepted, "refused": reading.rows_refused, **diff.counts()},
        )
        staged = store.get(tx, deck_id)
        assert staged is not None
        below = _below_cost(tx, staged, reading.rows, moment)
        return {
            **reading_document,
            "deck_id": None if asking.dry_run else deck_id,
            "provider": provider,
            "series": series,
            "currency": how.currency,
            "direction": wanted.direction,
            "effective_from": moment.isoformat(),
            "diff": diff.counts(),
            "changes": told["changes"],
            "below_cost": below,
            "alarm": told["alarm"],
            "confirm": told["confirm"],
        }

    return once.write(bridge, asking, act)


def alarm(diff: DeckDiff, before: DeckRows | None) -> str | None:
    """What a person looks at before such a list takes the place of a deck: units misread, half a list missing."""
    if before is None:
        return None
    few = max(FEW, len(before) * MANIFOLD_PERCENT // 100)
    if diff.manifold > few:
        return f"{diff.manifold} prices grow or shrink more than tenfold; is their unit right?"
    if diff.removed.count > max(FEW, len(before) // 2):
        return f"{diff.removed.count} of {len(before)} prefixes vanish; is the list whole?"
    return None


def _assert_same(tx: Connection, provider: str, series: str, wanted: Wanted, currency: str) -> None:
    """All decks of a series are of one provider, in one currency, for one direction."""
    for each in store.listed(tx, series=series):
        if each.provider != provider:
            raise Conflict(f"the tariff {series} is of provider {each.provider}; give this one another name")
        if each.state == "active" and each.currency != currency:
            raise Conflict(f"the tariff {series} is in {each.currency}, and this list in {currency}")
        if each.state == "active" and each.direction != wanted.direction:
            raise Conflict(f"the tariff {series} is for {each.direction} calls, and this list for {wanted.direction}")


def _ensure_provider(tx: Connection, provider: str, wanted: Wanted) -> None:
    if providers.get(tx, provider) is None:
        providers.save(tx, Provider(provider, wanted.provider, currency=wanted.currency))


def _remembered(how: Instructions, reading: DeckReading) -> dict[str, Any]:
    """What the provider's next list is read by."""
    plain = Instructions()
    names = ("unit_seconds", "date_format", "time_zone", "decimal_mark", "increment", "strip", "prepend")
    told = {name: getattr(how, name) for name in names if getattr(how, name) != getattr(plain, name)}
    return {"mapping": reading.columns.mapping, **told}


def _fingerprint(file_digest: str, told: Mapping[str, Any]) -> str:
    seen = json.dumps([file_digest, told["base"], told["counts"]], sort_keys=True)
    return hashlib.sha256(seen.encode()).hexdigest()[:16]


def _below_cost(tx: Connection, entry: Entry, rows: DeckRows, moment: datetime) -> list[dict[str, Any]]:
    """Packages that would sell calls for less than they are bought for, if this deck were in force."""
    found: list[dict[str, Any]] = []
    new: Deck | None = None
    for stored in packages.listed(tx):
        try:
            package = read_package(stored.document)
        except Faulty:
            continue
        names = {slug(name) for name in (package.tariff, package.cost_tariff) if name}
        if entry.series not in names or entry.direction != "outbound":
            continue
        new = new or _deck(entry, rows)
        sold = _other(tx, package.tariff, entry, new, moment)
        bought = _other(tx, package.cost_tariff, entry, new, moment) or sold
        if bought is None:
            continue
        for finding in margin_lint.findings(package, sold, bought, moment):
            found.append({"product_id": stored.product_id, "package": stored.name, **finding.document()})
    return found


def _other(tx: Connection, name: str | None, entry: Entry, new: Deck, moment: datetime) -> Deck | None:
    if name is None:
        return None
    if slug(name) == entry.series:
        return new
    found = store.in_force(tx, slug(name), moment)
    return deck_of(tx, found) if found else None


# --- activating -------------------------------------------------------------------------------------------------------


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
    rows = transact(bridge.engine, lambda tx: rows_of(tx, entry))
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
    return {**_line(entry), "diff": entry.diff["counts"]}


# --- afterwards -------------------------------------------------------------------------------------------------------


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
            "withdrawn": _line(replace(last, state="withdrawn")),
            "in_force": _line(before) if before else None,
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
        return {**_line(after), **told}

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


# --- asking -----------------------------------------------------------------------------------------------------------


def listed(bridge: Bridge, *, provider: str | None = None, series: str | None = None) -> list[dict[str, Any]]:
    """Every deck, newest first, and which is in force."""

    def act(tx: Connection) -> list[dict[str, Any]]:
        found = store.listed(tx, provider=slug(provider) if provider else None, series=slug(series) if series else None)
        moment = now(tx)
        ruling = {each.id for name in {each.series for each in found} if (each := store.in_force(tx, name, moment))}
        return [{**_line(each), "in_force": each.id in ruling} for each in found]

    return transact(bridge.engine, act)


def shown(bridge: Bridge, reference: str) -> dict[str, Any]:
    """A deck, how its list was read, what it changed, and what was changed in it since."""

    def act(tx: Connection) -> dict[str, Any]:
        entry = _found(tx, reference)
        return {
            **_line(entry),
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
            "deck": _line(entry),
            "against": _line(other) if other else None,
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
    return _deck(entry, rows_of(tx, entry, state), state)


def _deck(entry: Entry, rows: DeckRows, state: int | None = None) -> Deck:
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


def _found(tx: Connection, reference: str, *, lock: bool = False) -> Entry:
    """A deck by its number, or the one of a series that is in force, else the one that comes into force next."""
    if reference.isascii() and reference.isdigit() and len(reference) < 16:
        found = store.get(tx, int(reference), lock=lock)
        if found is None:
            raise NotFound(f"there is no deck {reference}")
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


def _line(entry: Entry) -> dict[str, Any]:
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
