"""One price with its cost, its margin and its story."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.rating.call import Call, Direction, read_instant
from bridge.rating.decks.deck import Deck
from bridge.rating.explanation import recompute
from bridge.rating.money import Money
from bridge.rating.numbers.site import site_of
from bridge.rating.packages.package import NoRate, Package, PackageType
from bridge.rating.price import read_price
from bridge.rating.quote import Quote, quote
from bridge.rating.rate import Increments, Rate
from bridge.rating.series import Series
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage

PACKAGE = Package("Premium", 12, PackageType.METERED, "USD", "CA", markup=250_000)
SOLD = Rate("44", read_price("0.012"), Increments(30, 6), "United Kingdom")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def deck(rate: Rate, currency: str = "USD") -> Series:
    return Series.of(Deck.of([rate], currency=currency, name="june"))


def asked(to: str, seconds: int, *, cost: Series | None = None, **package: Any) -> Quote:
    mine = replace(PACKAGE, **package)
    terms = Terms(mine, site_of(mine), outbound=deck(SOLD), cost=cost)
    return quote(Call("q", Direction.OUTBOUND, "", to, NOON, seconds), terms, Usage())


def test_a_quote_has_price_billed_seconds_cost_and_margin() -> None:
    # sold: 37 s are 42 s at 0.012 x 1.25 = 0.015 a minute; bought: 60 s at 0.01
    answer = asked("011 44 20 7946 0000", 37, cost=deck(Rate("44", read_price("0.01"))))

    document = answer.document()
    assert (document["charge"], document["currency"], document["billed_seconds"]) == ("0.010500", "USD", 42)
    assert (document["cost"], document["cost_currency"], document["margin"]) == ("0.01", "USD", "0.0005")
    assert (document["class"], document["free_seconds"], document["note"]) == ("billable", 0, "not allowed")
    assert any("44 (United Kingdom)" in sentence for sentence in document["sentences"])


def test_free_time_is_told_apart() -> None:
    # 42 s, of which 12 are free: 30 s at 0.015 a minute
    document = asked("011442079460000", 37, free_seconds_per_call=12).document()

    assert (document["billed_seconds"], document["free_seconds"], document["charge"]) == (42, 12, "0.007500")


def test_a_sale_in_smaller_steps_than_the_purchase_can_lose() -> None:
    # rating.md 2: 70 s, bought at 0.02 60/60, sold at 0.03 1/1
    mine = replace(PACKAGE, markup=0)
    terms = Terms(
        mine,
        site_of(mine),
        outbound=deck(Rate("44", read_price("0.03"), Increments(1, 1))),
        cost=deck(Rate("44", read_price("0.02"))),
    )

    answer = quote(Call("q", Direction.OUTBOUND, "", "442079460000", NOON, 70), terms, Usage())

    assert (answer.charge_text, answer.cost) == ("0.035000", Money(40_000, "USD"))
    assert answer.margin == Money(-5_000, "USD")


def test_a_charge_can_be_computed_again_from_its_quote_alone() -> None:
    answer = asked("011442079460000", 37)

    assert recompute(answer.document()["explanation"]) == 10_500


def test_a_call_that_waits_for_a_price_has_no_charge_and_no_margin() -> None:
    answer = asked("01133140000000", 60, cost=deck(Rate("33", read_price("0.01"))))

    document = answer.document()
    assert (document["charge"], document["margin"], document["cost"]) == (None, None, "0.01")
    assert document["class"] == "unrated"
    assert document["sentences"][-2:] == [
        "The package opens no calls to this destination, which is for dial plans and changes no price.",
        "It is unrated and waits for a price: no price.",
    ]


def test_a_call_that_is_not_allowed_and_happened_has_its_price() -> None:
    told = asked("011442079460000", 37).document()

    assert (told["charge"], told["note"]) == ("0.010500", "not allowed")
    assert "The package opens no calls to this destination" in told["sentences"][2]
    assert told["sentences"][-1] == "0.0105 is rounded half up to 6 decimals: 0.010500 USD."


def test_a_free_call_still_costs_us() -> None:
    answer = asked("01133140000000", 60, cost=deck(Rate("33", read_price("0.01"))), no_rate_policy=NoRate.ZERO)

    assert (answer.charge_text, str(answer.cost), str(answer.margin)) == ("0.000000", "0.01", "-0.01")


def test_what_is_bought_in_another_currency_leaves_no_margin_to_be_told() -> None:
    answer = asked("011442079460000", 37, cost=deck(Rate("44", read_price("0.01")), currency="EUR"))

    document = answer.document()
    assert (document["cost"], document["cost_currency"], document["margin"]) == ("0.01", "EUR", None)


def test_an_emergency_call_has_no_carrier_and_no_cost() -> None:
    document = asked("911", 60, cost=deck(SOLD)).document()

    assert (document["charge"], document["cost"], document["class"]) == ("0.000000", None, "emergency")
    assert document["sentences"][-1] == "It is emergency and costs nothing."


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("yesterday", "is not a time such as 2025-06-30T23:59:59Z"),
        ("2026-11-21T12:00:00", "has no offset from UTC"),
        ("1969-12-31T23:59:59Z", "is not between 1970 and 2200"),
        ("2200-01-01T00:00:00Z", "is not between 1970 and 2200"),
        ("0001-01-01T00:00:00+05:00", "is not between 1970 and 2200"),
    ],
)
def test_an_instant_that_cannot_be_one_of_a_call_is_refused_with_the_rule(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        read_instant(text)


def test_an_instant_keeps_its_offset() -> None:
    assert read_instant(" 2026-11-21T14:00:00+02:00 ") == NOON
