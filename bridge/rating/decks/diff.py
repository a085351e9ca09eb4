"""What another deck changes: prefixes that come, go, become dearer or cheaper, and custom flags that are kept.

Prices are compared at the moment the new deck begins, row by row: a row for some callers or hours counts by itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from operator import lt

from bridge.rating.decks.rows import NO_PRICE, DeckRows, Terms, prefix_of
from bridge.rating.price import price_text
from bridge.rating.rate import Band

LISTED_MAX = 200
MANIFOLD = 10
"""A price that becomes so many times another is a unit misread more often than a price."""

Who = tuple[str, Band | None]
KINDS = ("added", "removed", "dearer", "cheaper", "otherwise", "customs_kept", "customs_lost")


@dataclass(frozen=True, slots=True)
class Change:
    prefix: str
    description: str
    before: int | None = None
    after: int | None = None
    falls_back_to: str | None = None
    """Of a prefix that goes: what prices its calls then; empty is nothing."""

    def document(self) -> dict[str, str | None]:
        told = {
            "prefix": self.prefix,
            "description": self.description,
            "before": None if self.before is None else price_text(self.before),
            "after": None if self.after is None else price_text(self.after),
        }
        return told if self.falls_back_to is None else told | {"falls_back_to": self.falls_back_to}


@dataclass(slots=True)
class Changes:
    """The first of a kind, and how many there are."""

    count: int = 0
    listed: list[Change] = field(default_factory=list)

    def add(self, change: Callable[[], Change]) -> None:
        self.count += 1
        if len(self.listed) < LISTED_MAX:
            self.listed.append(change())


@dataclass(slots=True)
class DeckDiff:
    added: Changes = field(default_factory=Changes)
    removed: Changes = field(default_factory=Changes)
    dearer: Changes = field(default_factory=Changes)
    cheaper: Changes = field(default_factory=Changes)
    otherwise: Changes = field(default_factory=Changes)
    """At the same price: other increments, fees or flags, or a price that can no longer be read."""
    customs_kept: Changes = field(default_factory=Changes)
    customs_lost: Changes = field(default_factory=Changes)
    unchanged: int = 0
    manifold: int = 0

    def counts(self) -> dict[str, int]:
        return {name: getattr(self, name).count for name in KINDS[:4]}

    def document(self) -> dict[str, object]:
        return {name: [change.document() for change in getattr(self, name).listed] for name in KINDS}


def compare(old: DeckRows | None, new: DeckRows, moment: datetime) -> DeckDiff:
    """Both are in order, so one walk along both of them finds every prefix of either."""
    diff, old = DeckDiff(), old or DeckRows()
    if _is_plain(old) and _is_plain(new):
        _compare_plain(diff, old, new)
        return diff
    before, after = _by_prefix(old, moment), _by_prefix(new, moment)
    one, two = next(before, None), next(after, None)
    while one or two:
        if two is None or (one is not None and one[0] < two[0]):
            assert one is not None
            for row in one[1].values():
                _removed(diff, old, row, new)
            one = next(before, None)
        elif one is None or two[0] < one[0]:
            for row in two[1].values():
                _added(diff, new, row)
            two = next(after, None)
        else:
            _both(diff, old, one, new, two)
            one, two = next(before, None), next(after, None)
    return diff


def customs_of(rows: DeckRows) -> set[int]:
    """The keys of prefixes with a custom flag."""
    custom = {place for place, terms in enumerate(rows.terms_known) if terms.is_custom}
    return {key for key, place in zip(rows.keys, rows.terms, strict=True) if place in custom} if custom else set()


def with_customs(rows: DeckRows, keys: set[int], *, is_custom: bool = True) -> int:
    """Sets or clears the flag of every row of these prefixes. Answers how many it changed."""
    changed = 0
    for key in keys:
        row = bisect_left(rows.keys, key)
        while row < len(rows) and rows.keys[row] == key:
            terms = rows.terms_known[rows.terms[row]]
            if terms.is_custom is not is_custom:
                rows.terms[row] = rows.terms_place(replace(terms, is_custom=is_custom))
                changed += 1
            row += 1
    return changed


def _by_prefix(rows: DeckRows, moment: datetime) -> Iterator[tuple[int, dict[Who, int]]]:
    """Every prefix with its rows: for everybody, for each caller, each band of hours. What has ended is not there."""
    keys, terms_known, places = rows.keys, rows.terms_known, rows.terms
    row, end = 0, len(keys)
    while row < end:
        key, found = keys[row], dict[Who, int]()
        coming: dict[Who, int] = {}
        while row < end and keys[row] == key:
            terms = terms_known[places[row]]
            who = (terms.caller_prefix, terms.band)
            if terms.effective_to is None or terms.effective_to > moment:
                is_there = terms.effective_from is None or terms.effective_from <= moment
                (found if is_there else coming).setdefault(who, row)
            row += 1
        if found or coming:
            yield key, coming | found


def _both(
    diff: DeckDiff, old: DeckRows, one: tuple[int, dict[Who, int]], new: DeckRows, two: tuple[int, dict[Who, int]]
) -> None:
    for who, row in two[1].items():
        earlier = one[1].get(who)
        if earlier is None:
            _added(diff, new, row)
        else:
            _changed(diff, old, earlier, new, row)
    for who, row in one[1].items():
        if who not in two[1]:
            _removed(diff, old, row, new, shorter=prefix_of(one[0]))


def _added(diff: DeckDiff, new: DeckRows, row: int) -> None:
    diff.added.add(lambda: _change(new, row, after=_price(new, row)))


def _changed(diff: DeckDiff, old: DeckRows, earlier: int, new: DeckRows, row: int) -> None:
    before, after = old.prices[earlier], new.prices[row]
    was, now = old.terms_known[old.terms[earlier]], new.terms_known[new.terms[row]]

    def change() -> Change:
        return _change(new, row, before=_price(old, earlier), after=_price(new, row))

    if was.is_custom:
        (diff.customs_kept if now.is_custom else diff.customs_lost).add(change)
    if before == after and _undated(was) == _undated(now):
        diff.unchanged += 1
    elif before == after or NO_PRICE in (before, after):
        diff.otherwise.add(change)
    else:
        (diff.dearer if after > before else diff.cheaper).add(change)
        diff.manifold += max(before, after) > MANIFOLD * min(before, after) > 0


def _removed(diff: DeckDiff, old: DeckRows, row: int, new: DeckRows, shorter: str | None = None) -> None:
    def change() -> Change:
        back = _shorter(new, old.keys[row]) if shorter is None else shorter
        return _change(old, row, before=_price(old, row), falls_back_to=back)

    diff.removed.add(change)
    if old.terms_known[old.terms[row]].is_custom:
        diff.customs_lost.add(change)


def _undated(terms: Terms) -> Terms:
    return replace(terms, effective_from=None, effective_to=None)


# --- decks of which each prefix has one row, and that always: nearly all ----------------------------------------------


def _is_plain(rows: DeckRows) -> bool:
    is_unconditional = not any(terms.is_conditional for terms in rows.terms_known)
    return is_unconditional and all(map(lt, rows.keys, islice(rows.keys, 1, None)))


def _compare_plain(diff: DeckDiff, old: DeckRows, new: DeckRows) -> None:
    same = _same_terms(old, new)
    before, after = old.keys, new.keys
    one = two = 0
    while one < len(before) and two < len(after):
        if before[one] == after[two]:
            if old.prices[one] == new.prices[two] and same[old.terms[one]] == new.terms[two]:
                diff.unchanged += 1
            else:
                _changed(diff, old, one, new, two)
            one, two = one + 1, two + 1
        elif before[one] < after[two]:
            _removed(diff, old, one, new)
            one += 1
        else:
            _added(diff, new, two)
            two += 1
    for row in range(one, len(before)):
        _removed(diff, old, row, new)
    for row in range(two, len(after)):
        _added(diff, new, row)


def _same_terms(old: DeckRows, new: DeckRows) -> list[int]:
    """Of each of the old terms, where the new ones have it. A custom flag is told of, so its row is looked at."""
    places = {terms: place for place, terms in enumerate(new.terms_known)}
    return [-1 if terms.is_custom else places.get(terms, -1) for terms in old.terms_known]


def _shorter(rows: DeckRows, key: int) -> str:
    while key > 10:
        key //= 10
        place = bisect_left(rows.keys, key)
        if key > 1 and place < len(rows) and rows.keys[place] == key:
            return prefix_of(key)
    return ""


def _price(rows: DeckRows, row: int) -> int | None:
    price = rows.prices[row]
    return None if price == NO_PRICE else price


def _change(
    rows: DeckRows, row: int, *, before: int | None = None, after: int | None = None, falls_back_to: str | None = None
) -> Change:
    description = rows.texts[rows.descriptions[row]]
    return Change(prefix_of(rows.keys[row]), description, before, after, falls_back_to)
