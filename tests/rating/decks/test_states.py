"""What was changed in a deck can be told, and taken back."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.decks.rows import DeckRows
from bridge.rating.decks.states import difference, undone
from bridge.rating.rate import Increments, Rate

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


def test_what_a_row_says_beside_its_price_is_a_change_as_well() -> None:
    same = Rate("1", 1, description="US")
    old = rows([same, Rate("44", 1, description="UK"), Rate("45", 2, Increments(60, 60))])
    new = rows([same, Rate("44", 1, description="GB"), Rate("45", 2, Increments(60, 6)), Rate("46", 3)])

    removed, added = difference(old, new)

    assert list(removed.rates()) == [Rate("44", 1, description="UK"), Rate("45", 2, Increments(60, 60))]
    assert list(added.rates()) == [
        Rate("44", 1, description="GB"),
        Rate("45", 2, Increments(60, 6)),
        Rate("46", 3),
    ]


@pytest.mark.parametrize("gone", ["1", "44", "46"])
def test_a_prefix_that_goes_is_removed_wherever_it_stands(gone: str) -> None:
    every = [Rate(prefix, 1) for prefix in ("1", "44", "46")]
    left = [rate for rate in every if rate.prefix != gone]

    removed, added = difference(rows(every), rows(left))
    assert (list(removed.rates()), list(added.rates())) == ([Rate(gone, 1)], [])

    removed, added = difference(rows(left), rows(every))
    assert (list(removed.rates()), list(added.rates())) == ([], [Rate(gone, 1)])


def test_a_deck_without_a_change_has_no_difference() -> None:
    one = rows([Rate("44", 1, description="UK"), Rate("45", 2)])
    two = rows([Rate("45", 2), Rate("44", 1, description="UK")])

    removed, added = difference(one, two)

    assert len(removed) == len(added) == 0
