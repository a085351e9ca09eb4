"""What was changed in a deck can be told, and taken back."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.decks.rows import DeckRows
from bridge.rating.decks.states import difference, undone
from bridge.rating.rate import Rate

rates = some.builds(
    Rate,
    some.text("012", min_size=1, max_size=2),
    some.integers(0, 2),
    description=some.sampled_from(["", "UK"]),
    old_price=some.none() | some.just(5),
    is_custom=some.booleans(),
)


def rows(listed: list[Rate]) -> DeckRows:
    found = DeckRows()
    for rate in listed:
        found.add(rate)
    return found.in_order()


@given(some.lists(rates, max_size=10), some.lists(rates, max_size=10))
def test_a_change_is_told_by_the_rows_and_taken_back(old: list[Rate], new: list[Rate]) -> None:
    removed, added = difference(rows(old), rows(new))

    assert Counter(removed.rates()) == Counter(old) - Counter(new)
    assert Counter(added.rates()) == Counter(new) - Counter(old)
    assert Counter(undone(rows(new), added=added, removed=removed).rates()) == Counter(old)


def test_a_deck_without_a_change_has_no_difference() -> None:
    one = rows([Rate("44", 1, description="UK"), Rate("45", 2)])
    two = rows([Rate("45", 2), Rate("44", 1, description="UK")])

    removed, added = difference(one, two)

    assert len(removed) == len(added) == 0
