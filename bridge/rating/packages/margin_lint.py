"""Calls that are sold for less than they are bought for: by the minute, and where time is sold in smaller steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from bridge.rating.call import Direction
from bridge.rating.decks.deck import Deck
from bridge.rating.packages.finding import Finding, Severity, few
from bridge.rating.packages.package import MARKUP_UNIT, Package, RatePlan
from bridge.rating.packages.scope import covers
from bridge.rating.price import price_text, rounded
from bridge.rating.rate import MINUTES, Increments, Rate


class Offer(NamedTuple):
    """What a call costs somebody: prices are ten-billionths times MARKUP_UNIT, so that markups leave no fraction."""

    path: str
    minute: int
    steps: Increments
    setup: int = 0
    least: int = 0

    def of(self, seconds: int) -> int:
        """In sixtieths."""
        billed = self.steps.billed(seconds)
        return max(billed * self.minute + 60 * self.setup, 60 * self.least) if billed else 0


@dataclass(slots=True)
class _Losses:
    checked: int = 0
    by_minute: list[str] = field(default_factory=list)
    by_steps: list[str] = field(default_factory=list)
    worst: tuple[int, str] = (0, "")


def findings(package: Package, tariff: Deck | None, cost: Deck, moment: datetime) -> Iterator[Finding]:
    """For every prefix of either deck, whatever has the price there."""
    seller = _Seller(package, tariff, moment)
    prefixes = {row.prefix for deck in (cost, tariff) if deck is not None for row in deck}
    losses: dict[str, _Losses] = {}
    for prefix in sorted(prefixes | seller.prefixes):
        bought = cost.find(prefix, moment)
        if bought is not None and bought.is_priced:
            for sold in seller.offers(prefix):
                _compare(losses.setdefault(sold.path, _Losses()), prefix, sold, seller.bought(bought))
    for path, lost in losses.items():
        if lost.by_minute:
            told = f"sold below what is paid for it: {few(lost.by_minute)}"
            yield Finding("below_cost", Severity.ERROR, path, told, tuple(lost.by_minute))
        if lost.by_steps:
            told = (
                f"{len(lost.by_steps)} of {lost.checked} destinations are sold in smaller steps than they are bought, "
                f"and some calls lose although the minute costs more: {lost.worst[1]}"
            )
            yield Finding("below_cost_by_increments", Severity.WARNING, path, told, tuple(lost.by_steps))


class _Seller:
    """Which price a package has for a prefix, by the levels that prefixes have: overrides, bundles, plan, deck."""

    def __init__(self, package: Package, tariff: Deck | None, moment: datetime) -> None:
        self._package, self._tariff, self._moment = package, tariff, moment
        own = package.outbound
        self._steps = own.increments if own else MINUTES
        self._own = (
            _offer("package.outbound.per_minute", own.price, self._steps) if own and own.price is not None else None
        )
        self._overrides = {
            each.prefix: _offer(f"package.overrides[{place}].per_minute", each.price, each.increments or self._steps)
            for place, each in reversed([*enumerate(package.overrides)])
            if each.direction != "inbound"
        }
        self._bundles = {
            prefix: _offer(f"package.destinations[{place}].per_minute", each.price, each.increments or self._steps)
            for place, each in enumerate(package.destinations)
            for prefix in each.prefixes
            if each.price is not None
        }
        self.prefixes = {*self._overrides, *self._bundles}

    def offers(self, prefix: str) -> Iterator[Offer]:
        """The price, and what takes its place beyond the free time of the package."""
        offer = self._offer(prefix)
        if offer is not None:
            yield offer
            overage = self._package.overage_price
            if overage is not None and self._goes_beyond(prefix, offer):
                yield offer._replace(path="package.overage_per_minute", minute=overage * MARKUP_UNIT)

    def _goes_beyond(self, prefix: str, offer: Offer) -> bool:
        """Whether free time may cover it and end: a bundle has its own price for what exceeds it."""
        package = self._package
        scope, dearest = package.included_scope, package.max_covered_price
        if package.included_seconds is None and package.fair_use_seconds is None:
            return False
        if Direction.OUTBOUND not in scope.directions or offer in self._bundles.values() or not covers(scope, prefix):
            return False
        row = self._row(prefix)
        return dearest is None or row is None or (row.is_priced and row.price <= dearest)

    def _row(self, prefix: str) -> Rate | None:
        return self._tariff.find(prefix, self._moment) if self._tariff is not None else None

    def _offer(self, prefix: str) -> Offer | None:
        row = self._row(prefix)
        override, bundle = _longest(self._overrides, prefix), _longest(self._bundles, prefix)
        if row is not None and row.is_custom and (override is None or len(override) < len(row.prefix)):
            return self._own
        if override is not None:
            return self._overrides[override]
        if bundle is not None:
            return self._bundles[bundle]
        match self._package.rate_plan:
            case RatePlan.FLAT:
                return self._own
            case RatePlan.TIERED:
                cheapest = min(self._package.tiers, key=lambda tier: tier.price)
                return _offer("package.tiers", cheapest.price, self._steps)
            case RatePlan.TARIFF:
                return self._marked_up(row) if row is not None else self._own if self._package.fallback else None

    def _marked_up(self, row: Rate) -> Offer | None:
        if not row.is_priced:
            return None
        package = self._package
        factor = MARKUP_UNIT + package.markup
        path = "package.markup_percent" if package.markup else "package.tariff"
        return Offer(
            path, (self._base(row) + package.adder) * factor, row.increments, row.setup * factor, row.min_cost * factor
        )

    def bought(self, row: Rate) -> Offer:
        """What the carrier asks for the calls of a row, on the package's route."""
        unit = MARKUP_UNIT
        return Offer("", self._base(row) * unit, row.increments, row.setup * unit, row.min_cost * unit)

    def _base(self, row: Rate) -> int:
        return row.premium if self._package.route_class == "premium" and row.premium is not None else row.price


def _offer(path: str, price: int, steps: Increments) -> Offer:
    return Offer(path, price * MARKUP_UNIT, steps)


def _longest(offers: dict[str, Offer], prefix: str) -> str | None:
    return next((prefix[:length] for length in range(len(prefix), 0, -1) if prefix[:length] in offers), None)


def _compare(lost: _Losses, prefix: str, sold: Offer, bought: Offer) -> None:
    lost.checked += 1
    if sold.minute < bought.minute:
        lost.by_minute.append(f"{prefix} sold at {_text(sold.minute)}, bought at {_text(bought.minute)}")
        return
    if sold[2:] == bought[2:]:
        return
    # A call just over a step that is bought loses most.
    first, step, grace = bought.steps.first_seconds, bought.steps.step_seconds, bought.steps.grace_seconds
    moments = {1, grace + 1, first + 1, first + step + 1, sold.steps.grace_seconds, sold.steps.first_seconds}
    seconds = max(moments, key=lambda each: (bought.of(each) - sold.of(each), -each))
    loss = bought.of(seconds) - sold.of(seconds)
    if loss > 0:
        told = (
            f"{prefix} at {seconds} s is sold for {_text(sold.of(seconds), 60)} "
            f"and bought for {_text(bought.of(seconds), 60)}"
        )
        lost.by_steps.append(told)
        if loss > lost.worst[0]:
            lost.worst = (loss, told)


def _text(amount: int, parts: int = 1) -> str:
    return price_text(rounded(amount, parts * MARKUP_UNIT))
