"""A price list staged: read as its provider's are, compared with the deck in force, kept to be activated.

Staging writes nothing that a price is found by; its answer is the dry run that activating asks for (T-25).
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection

from bridge import once, tariffs
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.errors import Conflict, NotPrepared, Refused
from bridge.rating.decks.cells import read_increment
from bridge.rating.decks.choices import Flow, RouteClass
from bridge.rating.decks.deck import Deck
from bridge.rating.decks.diff import DeckDiff, compare, customs_of, with_customs
from bridge.rating.decks.pack import packed
from bridge.rating.decks.reading import DeckReading, Instructions, read_deck
from bridge.rating.decks.rows import DeckRows
from bridge.rating.decks.sheet import NotASheet
from bridge.rating.packages import margin_lint
from bridge.rating.packages.currency import DECIMALS
from bridge.rating.packages.document import Faulty
from bridge.rating.packages.file import read_package
from bridge.rating.price import Unreadable
from bridge.slug import slug
from bridge.store import audit, packages, providers
from bridge.store import tariffs as store
from bridge.store.providers import Provider
from bridge.store.tariffs import Entry

FEW = 20
"""What a list may change without being looked at twice, whatever share of a small deck that is."""

MANIFOLD_PERCENT = 2
TEXT_PREFIXES_MAX = 200_000
"""A text that fits into a request says so many by ranges at most."""

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
    zone = found.time_zone or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NotPrepared(f"{zone[:60]!r} is no time zone such as Europe/London") from None
    return found


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
        before = tariffs.rows_of(tx, base) if base else None
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
                "time_zone": how.time_zone or "UTC",
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


def stage_text(bridge: Bridge, asking: Asking, wanted: Wanted, content: str) -> dict[str, Any]:
    """A list that came as text, staged."""
    how = replace(instructions(bridge, wanted), prefixes_max=TEXT_PREFIXES_MAX)
    try:
        reading = read_deck(io.BytesIO(content.encode()), how)
    except NotASheet as why:
        raise Refused(str(why), kind="tariff_invalid") from None
    return stage(bridge, asking, wanted, how, reading)


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
        new = new or tariffs.deck_from(entry, rows)
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
    return tariffs.deck_of(tx, found) if found else None
