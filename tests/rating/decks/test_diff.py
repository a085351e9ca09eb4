"""What a new deck changes, and what it keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.decks.diff import LISTED_MAX, Change, compare, customs_of, with_customs
from bridge.rating.decks.hours import read_hours
from bridge.rating.decks.rows import DeckRows
from bridge.rating.rate import Increments, Rate

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CENT = 10**8


def rows(*rates: Rate) -> DeckRows:
    found = DeckRows()
    for rate in rates:
        found.add(rate)
    return found.in_order()


def test_what_comes_goes_and_changes_is_told() -> None:
    old = rows(Rate("1", CENT), Rate("44", 5 * CENT), Rate("447", 6 * CENT), Rate("49", 2 * CENT))
    new = rows(Rate("1", CENT), Rate("44", 4 * CENT), Rate("49", 3 * CENT), Rate("33", 7 * CENT))

    diff = compare(old, new, NOON)

    assert diff.counts() == {"added": 1, "removed": 1, "dearer": 1, "cheaper": 1}
    assert diff.unchanged == 1
    assert diff.removed.listed == [Change("447", "", 6 * CENT, None, falls_back_to="44")]
    assert diff.dearer.listed == [Change("49", "", 2 * CENT, 3 * CENT)]


@pytest.mark.parametrize("since", [None, NOON - timedelta(days=1)])
@pytest.mark.parametrize(
    ("old", "new", "added", "removed"),
    [
        (["1", "44"], ["44", "46"], 1, 1),
        (["44", "46"], ["1", "44"], 1, 1),
        (["1", "44", "46"], ["44"], 0, 2),
        (["44"], ["1", "44", "46"], 2, 0),
        (["1"], ["44", "46"], 2, 1),
        (["44", "46"], ["1"], 1, 2),
    ],
)
def test_prefixes_that_come_and_go_at_either_end_are_told(
    old: list[str], new: list[str], added: int, removed: int, since: datetime | None
) -> None:
    before, after = (rows(*(Rate(prefix, 1, effective_from=since) for prefix in each)) for each in (old, new))

    assert compare(before, after, NOON).counts() == {"added": added, "removed": removed, "dearer": 0, "cheaper": 0}


def test_the_first_deck_only_adds() -> None:
    assert compare(None, rows(Rate("1", CENT), Rate("2", CENT)), NOON).counts()["added"] == 2


def test_a_prefix_that_falls_back_to_nothing_says_so() -> None:
    (change,) = compare(rows(Rate("447", CENT)), rows(Rate("1", CENT)), NOON).removed.listed

    assert change.document() == {
        "prefix": "447", "description": "", "before": "0.01", "after": None, "falls_back_to": "",
    }  # fmt: skip


def test_other_terms_at_the_same_price_are_told_apart() -> None:
    diff = compare(rows(Rate("44", CENT)), rows(Rate("44", CENT, Increments(30, 6))), NOON)

    assert (diff.otherwise.count, diff.unchanged) == (1, 0)


def test_prices_are_compared_when_the_new_deck_begins() -> None:
    old = rows(Rate("44", CENT), Rate("44", 2 * CENT, effective_from=NOON))
    new = rows(Rate("44", 2 * CENT))

    assert compare(old, new, NOON).unchanged == 1
    assert compare(old, new, NOON - timedelta(seconds=1)).dearer.count == 1


def test_what_has_ended_is_not_compared() -> None:
    old = rows(Rate("44", CENT, effective_to=NOON))

    assert compare(old, rows(), NOON).counts() == {"added": 0, "removed": 0, "dearer": 0, "cheaper": 0}


def test_what_begins_later_is_there() -> None:
    new = rows(Rate("44", CENT, effective_from=NOON + timedelta(days=9)))

    assert compare(None, new, NOON).added.count == 1


def test_hours_are_compared_by_themselves() -> None:
    office, weekend = read_hours("mon-fri 08:00-18:00"), read_hours("sat-sun 00:00-24:00")
    old = rows(Rate("44", CENT), Rate("44", 3 * CENT, band=office))
    new = rows(Rate("44", CENT), Rate("44", 2 * CENT, band=weekend))

    diff = compare(old, new, NOON)

    assert (diff.added.count, diff.removed.count, diff.unchanged) == (1, 1, 1)
    assert diff.removed.listed[0].falls_back_to == "44"


def test_a_price_ten_times_another_is_counted() -> None:
    old = rows(Rate("1", CENT), Rate("2", CENT), Rate("3", 11 * CENT), Rate("4", 0))
    new = rows(Rate("1", 11 * CENT), Rate("2", 10 * CENT), Rate("3", CENT), Rate("4", CENT))

    assert compare(old, new, NOON).manifold == 2


def test_custom_flags_are_kept_by_prefix() -> None:
    old = rows(Rate("27", CENT), Rate("2779", CENT, is_custom=True), Rate("49", CENT, is_custom=True))
    new = rows(Rate("27", CENT), Rate("2779", 2 * CENT))

    changed = with_customs(new, customs_of(old))
    diff = compare(old, new, NOON)

    assert changed == 1
    assert [rate.is_custom for rate in new.rates()] == [False, True]
    assert [change.prefix for change in diff.customs_kept.listed] == ["2779"]
    assert [change.prefix for change in diff.customs_lost.listed] == ["49"]


def test_a_flag_is_cleared_where_told() -> None:
    deck = rows(Rate("27", CENT, is_custom=True))

    assert with_customs(deck, {127, 199}, is_custom=False) == 1
    assert customs_of(deck) == set()


prefixes = some.text("012", min_size=1, max_size=3)
decks = some.dictionaries(prefixes, some.integers(0, 3), max_size=12).map(
    lambda prices: rows(*(Rate(prefix, price) for prefix, price in prices.items()))
)


@given(decks, decks)
def test_every_prefix_of_either_deck_is_counted_once(old: DeckRows, new: DeckRows) -> None:
    diff = compare(old, new, NOON)
    before = {rate.prefix: rate.price for rate in old.rates()}
    after = {rate.prefix: rate.price for rate in new.rates()}
    both = before.keys() & after.keys()

    assert diff.counts() == {
        "added": len(after.keys() - before.keys()),
        "removed": len(before.keys() - after.keys()),
        "dearer": sum(after[prefix] > before[prefix] for prefix in both),
        "cheaper": sum(after[prefix] < before[prefix] for prefix in both),
    }
    for change in diff.removed.listed:
        shorter = [change.prefix[:length] for length in range(len(change.prefix) - 1, 0, -1)]
        assert change.falls_back_to == next((prefix for prefix in shorter if prefix in after), "")


def test_many_changes_are_counted_and_the_first_are_told() -> None:
    diff = compare(None, rows(*(Rate(str(prefix), CENT) for prefix in range(1000, 3000))), NOON)

    assert (diff.added.count, len(diff.added.listed)) == (2000, LISTED_MAX)
