"""Which price a call gets: one level after the other, and the first that has one."""

from __future__ import annotations

from bridge.rating.call import Direction
from bridge.rating.level import NoPrice, Pricing, Source
from bridge.rating.packages.package import RatePlan
from bridge.rating.terms import Listed, Meaning, Terms

NOTHING = NoPrice("no price")


def price_for(
    direction: Direction, meaning: Meaning, terms: Terms, listed: Listed | None, *, in_bundle: bool
) -> Pricing | NoPrice:
    """Special numbers were asked before. `listed`: what the deck has for the number. `in_bundle`: its bundle counts."""
    if meaning.service is not None:
        return meaning.service
    custom = _custom(direction, meaning, terms, listed)
    if custom is not None:
        return custom
    if not in_bundle or meaning.bundle is None:
        return _ordinary(direction, terms, listed)
    found = meaning.bundle.pricing or _ordinary(direction, terms, listed)
    if meaning.bundle.increments is not None and isinstance(found, Pricing):
        return found._replace(increments=meaning.bundle.increments)
    return found


def _custom(direction: Direction, meaning: Meaning, terms: Terms, listed: Listed | None) -> Pricing | None:
    """The longer of the package's prefix and a row that the deck sends to the package's own price."""
    own, custom = terms.own[direction], meaning.custom
    if own is None or listed is None or not listed.rate.is_custom:
        return custom
    if custom is not None and len(custom.prefix) >= len(listed.rate.prefix):
        return custom
    return own._replace(source=Source.CUSTOM, prefix=listed.rate.prefix)


def _ordinary(direction: Direction, terms: Terms, listed: Listed | None) -> Pricing | NoPrice:
    package, own = terms.package, terms.own[direction]
    if direction is Direction.OUTBOUND:
        if package.rate_plan is RatePlan.TIERED:
            return terms.tiers
        is_own_first = package.rate_plan is RatePlan.FLAT
    else:
        is_own_first = terms.decks[direction] is None and package.inbound_tariff is None
    if is_own_first and own is not None:
        return own
    if listed is not None and not listed.rate.is_custom:
        return terms.tariff(listed)
    return terms.fallback[direction] or NOTHING
