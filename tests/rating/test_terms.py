"""What calls are rated by: currencies that have to agree, decks over time, and what is remembered of numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.rating import terms as terms_module
from bridge.rating.charge import rate_call
from bridge.rating.decks.deck import Deck
from bridge.rating.numbers.prefixes import Prefixes
from bridge.rating.rate import Rate
from bridge.rating.series import Series
from bridge.rating.terms import Mismatch, Terms
from bridge.rating.usage import Usage
from tests.rating.sheet import NOON, Sheet

CENT = 10**8


def a_deck(price: int, currency: str = "USD") -> Deck:
    return Deck.of([Rate("44", price)], currency=currency)


def test_a_deck_in_another_currency_is_refused() -> None:
    sheet = Sheet.read("call  911  1s  0")
    package, site = sheet.package(), sheet.terms().site
    euros = Series.of(a_deck(CENT, "EUR"))

    with pytest.raises(Mismatch, match="the package is in USD, its deck in EUR"):
        Terms(package, site, outbound=euros)
    with pytest.raises(Mismatch, match="the package is in USD, its deck in EUR"):
        Terms(package, site, inbound=euros)
    Terms(package, site, cost=euros)


def test_the_deck_that_holds_when_a_call_is_answered_prices_it() -> None:
    sheet = Sheet.read("call  442079460000  60s  0.01")
    call, *_ = sheet.calls[0]
    series = Series([(NOON, a_deck(2 * CENT)), (NOON - timedelta(days=1), a_deck(CENT))])
    terms = Terms(sheet.package(), sheet.terms().site, outbound=series)
    moments = [NOON - timedelta(days=2), NOON - timedelta(seconds=1), NOON, NOON + timedelta(days=9)]

    assert [rate_call(replace(call, start=each), terms, Usage()).micro for each in moments] == [
        None,
        10_000,
        20_000,
        20_000,
    ]
    late = replace(call, start=NOON - timedelta(seconds=1), answer=NOON)
    assert rate_call(late, terms, Usage()).micro == 20_000


def test_one_deck_holds_whenever() -> None:
    deck = a_deck(CENT)

    assert Series.of(deck).at(datetime(1970, 1, 1, tzinfo=UTC)) is deck
    assert Series([]).at(NOON) is None


def test_what_is_remembered_of_numbers_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms_module, "HELD_MAX", 2)
    sheet = Sheet.read("""
        rate  44   0.01
        rate  331  0.02
        rate  336  0.03
        rate  48   0.04
        call  442079460000  60s  0.01
        call  331400000000  60s  0.02
        call  33612345678   60s  0.03
        call  48221046421   60s  0.04
        call  442079460000  60s  0.01
    """)

    assert len(sheet.check()) == 5


def test_of_two_entries_of_a_prefix_the_first_counts() -> None:
    prefixes = Prefixes([("44", "first"), ("4420", "longer"), ("44", "second")])

    assert [prefixes.find(number) for number in ("", "4", "441", "442079")] == [None, None, "first", "longer"]
