"""Prices as they are written: whole ten-billionths of a currency, and what seconds of them come to.

Everything is multiplied out first, divided once and rounded once. There is no float, and no rounded step in between.
"""

from __future__ import annotations

import re
from decimal import Decimal

PLACES = 10
"""How exactly a price can be written; what is finer is refused, never cut."""

UNIT: int = 10**PLACES
WHOLE_DIGITS_MAX = 12

_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)


class Unreadable(ValueError):
    """Not an amount. The message is the rule that it breaks."""


def read_price(text: str) -> int:
    """`0.0125` as 125000000. Plain digits with at most ten places: no exponent, no sign of a currency, no separator."""
    text = text.strip()
    if not _PLAIN.fullmatch(text):
        raise Unreadable("not a number such as 0.0125")
    value = Decimal(text)
    whole, _, places = text.lstrip("+-").partition(".")
    if len(whole.lstrip("0")) > WHOLE_DIGITS_MAX:
        raise Unreadable(f"more than {WHOLE_DIGITS_MAX} digits before the point")
    if len(places.rstrip("0")) > PLACES:
        raise Unreadable(f"more than {PLACES} decimals")
    return int(value.scaleb(PLACES))


def price_text(price: int) -> str:
    """As a plain decimal, without an exponent and without zeros that say nothing: 0, 0.0125, -3."""
    whole, rest = divmod(abs(price), UNIT)
    places = f"{rest:0{PLACES}d}".rstrip("0")
    return f"{'-' if price < 0 else ''}{whole}{'.' + places if places else ''}"


def rounded(numerator: int, denominator: int) -> int:
    """Half away from zero, so that what is taken back is exactly what was charged. `denominator` is above 0."""
    whole, rest = divmod(abs(numerator), denominator)
    whole += 2 * rest >= denominator
    return -whole if numerator < 0 else whole


def micro_text(micro: int, places: int = 6) -> str:
    """An amount with exactly so many decimals, which it was rounded to before; never -0."""
    unit = 10 ** (6 - places)
    assert micro % unit == 0, "rounded to fewer places than are shown"
    whole, rest = divmod(abs(micro), 1_000_000)
    shown = f"{rest:06d}"[:places]
    return f"{'-' if micro < 0 else ''}{whole}{'.' + shown if shown else ''}"
