"""Money: whole millionths of one currency."""

from __future__ import annotations

import pytest

from bridge.rating.money import Money


def test_money_of_one_currency_adds_up() -> None:
    assert Money(100_000, "USD") + Money(200_000, "USD") == Money(300_000, "USD")
    assert Money(100_000, "USD") - Money(300_000, "USD") == Money(-200_000, "USD")


def test_two_currencies_never_do() -> None:
    with pytest.raises(ValueError, match="USD and EUR do not add up"):
        Money(1, "USD") + Money(1, "EUR")
    with pytest.raises(ValueError, match="USD and EUR do not add up"):
        Money(1, "USD") - Money(1, "EUR")


@pytest.mark.parametrize(
    ("micro", "text"),
    [
        (0, "0.00"),
        (-1_500_000, "-1.50"),
        (29_000, "0.029"),
        (1, "0.000001"),
        (-1, "-0.000001"),
        (1_234_560_000, "1234.56"),
    ],
)
def test_money_is_written_as_a_plain_decimal(micro: int, text: str) -> None:
    assert str(Money(micro, "USD")) == text
