"""Prices as they are written and as whole numbers, and the rounding of amounts."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.amount import (
    EXACT_UNIT,
    SIXTIETHS_A_MICRO,
    Part,
    amount_text,
    exact,
    exact_text,
    marked_up,
    micro_of,
    sixtieths,
)
from bridge.rating.price import UNIT, Unreadable, micro_text, price_text, read_price, rounded

prices = some.integers(-(10**22) + 1, 10**22 - 1)


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("0.0125", 125_000_000),
        ("1", UNIT),
        ("-3", -3 * UNIT),
        ("+0.5", UNIT // 2),
        (".5", UNIT // 2),
        ("5.", 5 * UNIT),
        ("  0.0289 ", 289_000_000),
        ("0", 0),
        ("-0.00", 0),
        ("0.0000000001", 1),
        ("0.00000000010000", 1),
        ("999999999999.9999999999", 10**22 - 1),
        ("000000000000000001", UNIT),
    ],
)
def test_a_price_is_read_exactly(text: str, price: int) -> None:
    assert read_price(text) == price


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "not a number such as 0.0125"),
        (".", "not a number such as 0.0125"),
        ("-", "not a number such as 0.0125"),
        ("1e-7", "not a number such as 0.0125"),
        ("1,5", "not a number such as 0.0125"),
        ("1_0", "not a number such as 0.0125"),
        ("0x1", "not a number such as 0.0125"),
        ("$1", "not a number such as 0.0125"),
        ("NaN", "not a number such as 0.0125"),
        ("٠.٥", "not a number such as 0.0125"),
        ("1 0", "not a number such as 0.0125"),
        ("1.2.3", "not a number such as 0.0125"),
        ("1000000000000", "more than 12 digits before the point"),
        ("-1000000000000", "more than 12 digits before the point"),
        ("0.00000000001", "more than 10 decimals"),
    ],
)
def test_what_is_no_price_is_refused_with_the_rule_it_breaks(text: str, rule: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_price(text)

    assert str(refused.value) == rule


@given(prices)
def test_a_written_price_is_read_back(price: int) -> None:
    text = price_text(price)

    assert read_price(text) == price
    assert Decimal(text) == Decimal(price).scaleb(-10)
    assert "E" not in text
    assert not text.endswith(".")
    assert text != "-0"


def test_a_price_is_written_without_zeros_that_say_nothing() -> None:
    assert [price_text(each) for each in (0, 125_000_000, -3 * UNIT, 10 * UNIT, 1)] == [
        "0",
        "0.0125",
        "-3",
        "10",
        "0.0000000001",
    ]


@pytest.mark.parametrize(
    ("numerator", "denominator", "whole"),
    [
        (4, 10, 0),
        (5, 10, 1),
        (15, 10, 2),
        (151, 100, 2),
        (149, 100, 1),
        (-5, 10, -1),
        (-15, 10, -2),
        (-14, 10, -1),
        (0, 7, 0),
    ],
)
def test_half_is_rounded_away_from_zero(numerator: int, denominator: int, whole: int) -> None:
    assert rounded(numerator, denominator) == whole


@given(some.integers(-(10**30), 10**30), some.integers(1, 10**20))
def test_rounding_goes_to_the_nearest_whole_number(numerator: int, denominator: int) -> None:
    assert abs(rounded(numerator, denominator) - Fraction(numerator, denominator)) <= Fraction(1, 2)


@given(some.integers(-(10**20), 10**20))
def test_halves_are_rounded_as_decimals_round_half_up(halves: int) -> None:
    assert rounded(halves, 2) == (Decimal(halves) / 2).quantize(Decimal(1), ROUND_HALF_UP)


@pytest.mark.parametrize(
    ("micro", "places", "text"),
    [
        (0, 6, "0.000000"),
        (8750, 6, "0.008750"),
        (-360_000, 2, "-0.36"),
        (12_000_000, 0, "12"),
        (1_234_560_000, 2, "1234.56"),
        (100_000, 1, "0.1"),
    ],
)
def test_an_amount_is_written_with_exactly_its_decimals(micro: int, places: int, text: str) -> None:
    assert micro_text(micro, places) == text


def test_an_amount_that_was_not_rounded_to_what_is_shown_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        micro_text(8751, 5)


# --- Amounts: parts at exact prices -----------------------------------------------------------------------------------


def test_adder_and_markup_leave_no_fraction() -> None:
    assert marked_up(1, adder=0, markup=333_333) == 1_333_333
    assert marked_up(10**8, adder=5 * 10**7, markup=250_000) == 1875 * EXACT_UNIT // 100_000
    assert marked_up(10**8, markup=-1_000_000) == 0
    assert marked_up(10**8, markup=0) == exact(10**8)


def test_parts_are_added_before_they_are_divided() -> None:
    """90 s at 0.02 and 150 s at 0.015 a minute: 0.0675."""
    parts = [Part(90, exact(2 * 10**8)), Part(150, exact(15 * 10**7))]

    assert micro_of(sixtieths(parts), 6) == 67_500
    assert micro_of(sixtieths(parts, setup=exact(10**8)), 6) == 77_500
    assert micro_of(sixtieths(parts, least=exact(10**9)), 6) == 100_000
    assert micro_of(sixtieths(parts, setup=exact(10**9), least=exact(10**9)), 6) == 167_500


def test_nothing_comes_to_nothing() -> None:
    assert sixtieths([]) == 0
    assert sixtieths([Part(0, exact(10**8))]) == 0
    assert sixtieths([], setup=1) == sixtieths([], least=1) == 60


def test_each_part_rounded_for_itself_would_be_dearer() -> None:
    thirds = [Part(1, exact(3 * 10**5))] * 3

    assert micro_of(sixtieths(thirds), 6) == 2
    assert sum(micro_of(sixtieths([part]), 6) for part in thirds) == 3


@given(some.integers(0, 10**9), some.integers(0, 10**22), some.integers(0, 6))
def test_an_amount_is_rounded_once_to_its_decimals(seconds: int, price: int, decimals: int) -> None:
    value = Fraction(seconds * price, 60 * UNIT)
    micro = micro_of(sixtieths([Part(seconds, exact(price))]), decimals)

    assert micro % 10 ** (6 - decimals) == 0
    assert abs(Fraction(micro, 10**6) - value) <= Fraction(1, 2 * 10**decimals)


def test_a_micro_unit_is_so_many_sixtieths() -> None:
    assert micro_of(SIXTIETHS_A_MICRO, 6) == 1
    assert micro_of(SIXTIETHS_A_MICRO // 2, 6) == 1
    assert micro_of(SIXTIETHS_A_MICRO // 2 - 1, 6) == 0


@pytest.mark.parametrize(
    ("price", "text"),
    [(0, "0"), (EXACT_UNIT, "1"), (-EXACT_UNIT // 2, "-0.5"), (1, "0.0000000000000001"), (10 * EXACT_UNIT, "10")],
)
def test_an_exact_price_is_written_exactly(price: int, text: str) -> None:
    assert exact_text(price) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0"), (60, "0.01"), (20, "0.003333333333"), (40, "0.006666666667"), (-40, "-0.006666666667"), (6000, "1")],
)
def test_what_was_rounded_is_written_with_twelve_places(seconds: int, text: str) -> None:
    assert amount_text(seconds * exact(10**8)) == text
