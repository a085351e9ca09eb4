"""What calls cost us, and what is left of their price."""

from __future__ import annotations

from dataclasses import replace

from bridge.rating.charge import rate_call
from bridge.rating.cost import cost_of
from bridge.rating.decks.deck import Deck
from bridge.rating.money import Money
from bridge.rating.rate import Increments, Rate
from bridge.rating.series import Series
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage
from tests.rating.sheet import Sheet

CENT = 10**8


def terms_of(sheet: Sheet, *rows: Rate, currency: str = "USD") -> Terms:
    terms = sheet.terms()
    terms.cost = Series.of(Deck.of(rows, currency=currency))
    return terms


def test_a_sale_at_a_higher_price_loses_where_the_carrier_sells_longer_steps() -> None:
    """70 answered seconds, bought at 0.02 60/60 and sold at 0.03 1/1: half as dear again, and 0.005 lost."""
    sheet = Sheet.read("""
        rate  44  0.03  1/1
        call  442079460000  70s  0.035
    """)
    call, *_ = sheet.calls[0]
    terms = terms_of(sheet, Rate("44", 2 * CENT, Increments(60, 60)))

    sold, bought = rate_call(call, terms, Usage()).micro, cost_of(call, terms)

    assert bought == Money(40_000, "USD")
    assert sold == 35_000


def test_free_time_and_markup_are_ours_and_change_no_cost() -> None:
    sheet = Sheet.read("""
        markup_percent = "50"
        included_seconds_per_period = 6000
        rate  44  0.03  1/1
        call  442079460000  60s  0
    """)
    call, *_ = sheet.calls[0]
    terms = terms_of(sheet, Rate("44", 2 * CENT, setup=CENT, min_cost=5 * CENT, is_custom=True), currency="EUR")

    assert cost_of(call, terms) == Money(50_000, "EUR")
    assert cost_of(replace(call, seconds=300), terms) == Money(110_000, "EUR")
    assert cost_of(replace(call, seconds=0), terms) == Money(0, "EUR")


def test_the_premium_route_is_bought_where_it_is_sold() -> None:
    row = Rate("44", 2 * CENT, premium=3 * CENT)
    sheets = [Sheet.read(f'route_class = "{route}"\ncall  442079460000  60s  held') for route in ("value", "premium")]

    costs = [cost_of(sheet.calls[0][0], terms_of(sheet, row)) for sheet in sheets]

    assert costs == [Money(20_000, "USD"), Money(30_000, "USD")]


def test_what_no_carrier_took_and_what_its_deck_does_not_know_has_no_cost() -> None:
    sheet = Sheet.read("""
        extension  2211
        call   2211          60s  0
        in     442079460000  12125551234  60s  0
        local  442079460000  60s  0
        call   331400000000  60s  held
        call   447700900123  60s  held
    """)
    terms = terms_of(sheet, Rate("442", 2 * CENT), Rate("1", CENT), Rate("447", 0, is_priced=False))

    assert [cost_of(call, terms) for call, *_ in sheet.calls] == [None] * 5
    assert cost_of(sheet.calls[0][0], sheet.terms()) is None
