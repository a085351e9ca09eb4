"""Currencies: rating.md 8.3."""

from __future__ import annotations

import re

import pytest

from bridge.rating.packages.currency import DECIMALS


@pytest.mark.parametrize(
    ("codes", "decimals"),
    [
        ("JPY KRW VND CLP ISK PYG UGX XAF XOF", 0),
        ("USD EUR GBP CAD AUD CHF PLN", 2),
        ("KWD BHD OMR JOD TND IQD LYD", 3),
    ],
)
def test_a_currency_is_paid_in_its_own_decimals(codes: str, decimals: int) -> None:
    assert {DECIMALS[code] for code in codes.split()} == {decimals}


def test_a_code_is_three_capital_letters() -> None:
    assert all(re.fullmatch("[A-Z]{3}", code) for code in DECIMALS)
    assert len(DECIMALS) > 150
