"""The levels at which a price is sought. The first that has one is asked no further."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from bridge.rating.rate import MINUTES, Increments


class Source(StrEnum):
    """In their order. Only a tariff's price is marked up."""

    SPECIAL = "special"
    SERVICE = "service"
    """The contract price of one service."""
    CUSTOM = "custom"
    """A prefix with a price of its own in the package, or a row that the deck sends there."""
    PACKAGE = "package"
    """A country bundle, the one price of a flat package, tiers, or what inbound calls cost."""
    TARIFF = "tariff"
    FALLBACK = "fallback"
    """The package's own price, for a destination that the deck does not know."""


class Pricing(NamedTuple):
    """What the calls to a destination cost, and where that is written. Prices are exact (`amount.py`)."""

    source: Source
    prefix: str
    minute: int
    increments: Increments = MINUTES
    setup: int = 0
    least: int = 0
    """The minimum for a call that is charged at all."""
    base: int | None = None
    """Of a tariff: the row's price before adder and markup."""
    adder: int = 0
    markup: int = 0
    has_minute: bool = True
    """False where no one price per minute can be shown: tiers, and prices per call."""
    in_tiers: bool = False
    keeps_price: bool = False
    """Also beyond an allowance: a bundle has its own price for what exceeds it, and special numbers are outside."""
    deck: str = ""
    deck_state: int = 0
    name: str = ""
    """Of the destination or the rule, for people."""


class NoPrice(NamedTuple):
    reason: str
    is_held: bool = False
    """There is a row, and it cannot be read: that never means 0, whatever the package says of missing rows."""
