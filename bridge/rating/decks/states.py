"""What was changed in a deck after it came into force: the rows that went and those that came, and back again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from bridge.rating.decks.rows import DeckRows
from bridge.rating.rate import Rate


def difference(old: DeckRows, new: DeckRows) -> tuple[DeckRows, DeckRows]:
    """The rows that only the old one has, and those that only the new one has. Both are in order."""
    removed, added = DeckRows(), DeckRows()
    before, after = _groups(old), _groups(new)
    one, two = next(before, None), next(after, None)
    while one or two:
        if two is None or (one is not None and one[0] < two[0]):
            assert one is not None
            _add(removed, old, one[1])
            one = next(before, None)
        elif one is None or two[0] < one[0]:
            _add(added, new, two[1])
            two = next(after, None)
        else:
            if _differ(old, one[1], new, two[1]):
                was = Counter(old.rate(row) for row in one[1])
                now = Counter(new.rate(row) for row in two[1])
                for rate in (was - now).elements():
                    removed.add(rate)
                for rate in (now - was).elements():
                    added.add(rate)
            one, two = next(before, None), next(after, None)
    return removed, added


def undone(rows: DeckRows, *, added: DeckRows, removed: DeckRows) -> DeckRows:
    """The rows as they were before."""
    gone: Counter[Rate] = Counter(added.rates())
    touched = set(added.keys)
    kept: list[int] = []
    for row, key in enumerate(rows.keys):
        if key in touched:
            rate = rows.rate(row)
            if gone[rate]:
                gone[rate] -= 1
                continue
        kept.append(row)
    before = rows.taken(kept)
    for rate in removed.rates():
        before.add(rate)
    return before.in_order()


def _groups(rows: DeckRows) -> Iterator[tuple[int, list[int]]]:
    """The rows of each prefix."""
    for key, group in groupby(range(len(rows)), key=rows.keys.__getitem__):
        yield key, list(group)


def _differ(old: DeckRows, before: list[int], new: DeckRows, after: list[int]) -> bool:
    """Most prefixes have one row, and most of those are as they were: that is seen without making them."""
    if len(before) > 1 or len(after) > 1:
        return True
    (one,), (two,) = before, after
    return (
        old.prices[one] != new.prices[two]
        or old.texts[old.descriptions[one]] != new.texts[new.descriptions[two]]
        or old.terms_known[old.terms[one]] != new.terms_known[new.terms[two]]
        or bool(old.shorts or new.shorts or old.changes or new.changes)
        or bool(old.premiums or new.premiums or old.olds or new.olds)
    )


def _add(target: DeckRows, source: DeckRows, rows: list[int]) -> None:
    for row in rows:
        target.add(source.rate(row))
