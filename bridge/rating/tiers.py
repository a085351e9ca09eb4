"""Prices that depend on how much was used before: `500 minutes at 0.02, to 1000 at 0.015, then 0.01`.

Graduated, every second has the price of the tier it falls in, and a call over a bound is split there. By volume, a call
has the price of the tier that its last second reaches; what that leaves of the price of the whole is one adjustment
when the period closes. A cut point belongs to the lower tier.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.rating.amount import Part, exact, micro_of
from bridge.rating.packages.package import Package, Tier, TierMode
from bridge.rating.usage import Usage


def parts_of(tiers: Sequence[Tier], mode: TierMode, *, before: int, seconds: int) -> tuple[Part, ...]:
    """The seconds after the first `before` of a period, each with its price."""
    if mode is TierMode.VOLUME:
        reached = _tier_at(tiers, before + seconds)
        return (Part(seconds, exact(reached.price), _reason(reached)),)
    parts = []
    after = before + seconds
    for tier in tiers:
        bound = after if tier.up_to_seconds is None else min(after, tier.up_to_seconds)
        if bound > before:
            parts.append(Part(bound - before, exact(tier.price), _reason(tier)))
            before = bound
    return tuple(parts)


def price_of(tiers: Sequence[Tier], mode: TierMode, seconds: int) -> int:
    """What all the seconds of a period come to, in sixtieths (`amount.py`)."""
    if mode is TierMode.VOLUME:
        return seconds * exact(_tier_at(tiers, seconds).price)
    return sum(part.seconds * part.minute for part in parts_of(tiers, mode, before=0, seconds=seconds))


def adjustment(package: Package, usage: Usage) -> int:
    """At the close of a period: what by volume is still due, or less than was charged. In micro-units."""
    if package.tier_mode is TierMode.GRADUATED or not package.tiers:
        return 0
    due = price_of(package.tiers, package.tier_mode, usage.tier_seconds)
    return micro_of(due, package.cost_decimals) - usage.tier_micro


def _tier_at(tiers: Sequence[Tier], seconds: int) -> Tier:
    return next(tier for tier in tiers if tier.up_to_seconds is None or seconds <= tier.up_to_seconds)


def _reason(tier: Tier) -> str:
    return "last tier" if tier.up_to_seconds is None else f"tier up to {tier.up_to_seconds} s"
