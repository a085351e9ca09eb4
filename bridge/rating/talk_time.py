"""How long a call may last for a balance: whole blocks and steps, as they will be charged."""

from __future__ import annotations

from bridge.rating.amount import SIXTIETHS_A_MICRO, exact
from bridge.rating.level import Pricing
from bridge.rating.packages.package import Package


def talk_seconds(pricing: Pricing, package: Package, balance_micro: int, *, free_seconds: int = 0) -> int | None:
    """The longest call whose charge the balance holds; None where it has no end.

    `free_seconds` is free time that no other call in progress can use up.
    """
    budget = balance_micro * SIXTIETHS_A_MICRO
    minute = _dearest(pricing, package)
    left = budget - pricing.setup * 60
    if left < minute or budget < pricing.least * 60:
        charged = 0
    elif minute == 0:
        return None
    else:
        charged = left // minute

    billed, steps = free_seconds + charged, pricing.increments
    if billed < max(steps.first_seconds, steps.min_seconds):
        return steps.grace_seconds
    in_steps = steps.first_seconds + (billed - steps.first_seconds) // steps.step_seconds * steps.step_seconds
    return max(in_steps, steps.grace_seconds)


def _dearest(pricing: Pricing, package: Package) -> int:
    """The most that a minute of the call may turn out to cost, wherever the period stands."""
    prices = [pricing.minute]
    if pricing.in_tiers:
        prices += [exact(tier.price) for tier in package.tiers]
    if package.overage_price is not None and not pricing.keeps_price:
        prices.append(exact(package.overage_price))
    return max(prices)
