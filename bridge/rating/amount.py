"""What seconds come to: everything multiplied out in whole numbers, divided once and rounded once.

An exact price is a price (`price.py`) times MARKUP_UNIT, so that neither adder nor markup leaves a fraction: 10^-16 of
a currency.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from bridge.rating.packages.package import MARKUP_UNIT
from bridge.rating.price import UNIT, rounded

EXACT_PLACES = 16
EXACT_UNIT = UNIT * MARKUP_UNIT
SIXTIETHS_A_MICRO = 60 * EXACT_UNIT // 1_000_000
AMOUNT_PLACES = 12
"""How exactly an explanation shows what was rounded."""

_DIVISORS: list[int] = [60 * 10 ** (EXACT_PLACES - decimals) for decimals in range(7)]
_MICROS: list[int] = [10 ** (6 - decimals) for decimals in range(7)]


class Part(NamedTuple):
    """Seconds that have one price."""

    seconds: int
    minute: int
    """The exact price of a minute."""
    reason: str = ""
    """Why this price, where a call has several: the tier, or that an allowance was used up."""


def exact(price: int) -> int:
    return price * MARKUP_UNIT


def marked_up(price: int, *, adder: int = 0, markup: int) -> int:
    return (price + adder) * (MARKUP_UNIT + markup)


def sixtieths(parts: Iterable[Part], *, setup: int = 0, least: int = 0) -> int:
    """What parts come to, in exact prices and not yet divided by 60. `setup` and `least` are exact too."""
    total = setup * 60
    for part in parts:
        total += part.seconds * part.minute
    return max(total, least * 60)


def micro_of(amount: int, decimals: int) -> int:
    """Sixtieths in micro-units, rounded to so many decimals: the only division of a charge."""
    return rounded(amount, _DIVISORS[decimals]) * _MICROS[decimals]


@lru_cache(maxsize=4096)
def exact_text(price: int) -> str:
    """An exact price as a plain decimal, without zeros that say nothing."""
    whole, rest = divmod(abs(price), EXACT_UNIT)
    places = f"{rest:0{EXACT_PLACES}d}".rstrip("0")
    return f"{'-' if price < 0 else ''}{whole}{'.' + places if places else ''}"


def amount_text(amount: int) -> str:
    """Sixtieths before they are rounded to a charge, with as many places as people can compare."""
    scaled = rounded(amount, 60 * 10 ** (EXACT_PLACES - AMOUNT_PLACES))
    whole, rest = divmod(abs(scaled), 10**AMOUNT_PLACES)
    places = f"{rest:0{AMOUNT_PLACES}d}".rstrip("0")
    return f"{'-' if scaled < 0 else ''}{whole}{'.' + places if places else ''}"
