"""What a deck makes of a package: destinations without a price, premium ranges sold as ordinary, bundles that leak."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import groupby

import phonenumbers

from bridge.rating.call import Direction
from bridge.rating.decks.deck import Deck
from bridge.rating.numbers.automaton import DEAD, START
from bridge.rating.numbers.country import country
from bridge.rating.numbers.plan import NETWORKS, plan_of, region_of, type_of
from bridge.rating.packages.destination import opened
from bridge.rating.packages.finding import Finding, Severity, few
from bridge.rating.packages.package import Package, RatePlan
from bridge.rating.packages.scope import covers
from bridge.rating.price import price_text
from bridge.rating.rate import Rate

LEAK = 3
"""A row so many times dearer than the bundle's median leaks (F-27)."""

COSTLY = ("premium_rate", "shared_cost")
DIGITS_SOUGHT = 4
"""How far into national numbers premium ranges are looked for."""

NORTH_AMERICA = "1"


def findings(package: Package, deck: Deck, moment: datetime) -> Iterator[Finding]:
    rows = [row for row in deck if row.is_valid(moment)]
    if package.rate_plan is RatePlan.TARIFF:
        yield from _home(package, deck, rows, moment)
        yield from _custom_rows(package, rows)
        if package.route_class == "premium" and deck.route_class != "premium":
            yield from _premium_prices(rows)
        yield from _premium_ranges(package, deck, moment)
    yield from _overrides(package, rows)
    yield from _leaks(package, deck, rows, moment)


def _home(package: Package, deck: Deck, rows: Sequence[Rate], moment: datetime) -> Iterator[Finding]:
    home = country(package.country)
    has_own = package.fallback and package.outbound is not None and package.outbound.price is not None
    told = "they cost the package's own price" if has_own else "they are held"
    if not any(home.calling_code.startswith(row.prefix) or region_of(row.prefix) == home.iso for row in rows):
        severity = Severity.NOTE if has_own else Severity.ERROR
        sentence = f"the deck has no row for calls at home, {home.iso} {home.calling_code}: {told}"
        yield Finding("home_uncovered", severity, "package.tariff", sentence)
    elif home.calling_code != NORTH_AMERICA and not has_own:
        for kind, number in _examples(home.iso).items():
            if deck.find(number, moment) is None:
                sentence = f"the deck has no row for a {kind} number at home, such as {number}: {told}"
                yield Finding("home_partly_uncovered", Severity.WARNING, "package.tariff", sentence)


def _examples(iso: str) -> dict[str, str]:
    types = {"fixed line": phonenumbers.PhoneNumberType.FIXED_LINE, "mobile": phonenumbers.PhoneNumberType.MOBILE}
    found = {name: phonenumbers.example_number_for_type(iso, kind) for name, kind in types.items()}
    e164 = phonenumbers.PhoneNumberFormat.E164
    return {name: phonenumbers.format_number(number, e164)[1:] for name, number in found.items() if number}


def _custom_rows(package: Package, rows: Sequence[Rate]) -> Iterator[Finding]:
    if package.outbound is not None and package.outbound.price is not None:
        return
    custom = tuple(row.prefix for row in rows if row.is_custom)
    if custom:
        told = f"the deck sends {few(custom)} to the package's own price, and outbound.per_minute is not there"
        yield Finding("custom_rows_without_price", Severity.ERROR, "package.outbound.per_minute", told, custom)


def _premium_prices(rows: Sequence[Rate]) -> Iterator[Finding]:
    """A row without the price of the premium route has that of the value route, and nobody is told."""
    lacking = tuple(row.prefix for row in rows if row.premium is None and row.is_priced and not row.is_custom)
    if lacking:
        told = f"{len(lacking)} of {len(rows)} rows have no RatePremium; they are sold at RateValue, the price of the "
        sentence = f"{told}value route: {few(lacking)}"
        yield Finding("premium_price_missing", Severity.WARNING, "package.route_class", sentence, lacking)


def _premium_ranges(package: Package, deck: Deck, moment: datetime) -> Iterator[Finding]:
    """`44` without `4487`: premium numbers sold at the price of an ordinary call."""
    is_open = opened(package.destinations_allowed, package.country).countries
    elsewhere: dict[str, list[str]] = {}
    for code in sorted(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE)):
        missing = sorted(_missing(code, deck, moment), key=lambda each: (region_of(each[0]), each))
        for region, found in groupby(missing, key=lambda each: region_of(each[0])):
            told = [f"{prefix} by {row}" for prefix, row in found]
            if region in is_open:
                sentence = f"premium numbers of {region} are sold as ordinary ones: {few(told)}"
                yield Finding("premium_ranges_missing", Severity.WARNING, "package.tariff", sentence, tuple(told))
            elif region != NETWORKS:
                elsewhere[region] = told
    if elsewhere:
        sentence = f"premium numbers are sold as ordinary ones in countries that are not open: {few(list(elsewhere))}"
        rows = tuple(each for told in elsewhere.values() for each in told)
        yield Finding("premium_ranges_missing", Severity.NOTE, "package.tariff", sentence, rows)


def _missing(code: str, deck: Deck, moment: datetime) -> Iterator[tuple[str, str]]:
    """Premium ranges of a calling code, each with the prefix of the ordinary row that prices it."""
    for prefix in _costly_ranges(code):
        row = deck.find(prefix, moment)
        if row is not None and len(row.prefix) < len(prefix) and type_of(row.prefix) not in COSTLY:
            yield prefix, row.prefix


@cache
def _costly_ranges(code: str) -> tuple[str, ...]:
    """The shortest prefixes of a calling code behind which there are premium numbers only."""
    plan = plan_of(code)
    found: list[str] = []
    level = [(code, START)]
    for _ in range(DIGITS_SOUGHT):
        longer = [
            (f"{prefix}{digit}", after)
            for prefix, state in level
            for digit in range(10)
            if (after := plan.step[10 * state + digit]) != DEAD
        ]
        found += [prefix for prefix, state in longer if plan.ended[state].type in COSTLY]
        level = [(prefix, state) for prefix, state in longer if plan.ended[state].type not in COSTLY]
    return tuple(found)


def _overrides(package: Package, rows: Sequence[Rate]) -> Iterator[Finding]:
    """Overrides of destinations that the deck does not have in any form: most are typing errors."""
    known = {row.prefix for row in rows}
    begun = {prefix[:length] for prefix in known for length in range(1, len(prefix) + 1)}
    for place, override in enumerate(package.overrides):
        if override.direction == "inbound" or override.prefix in begun:
            continue
        if not any(override.prefix[:length] in known for length in range(len(override.prefix) + 1)):
            told = f"the deck has nothing for {override.prefix}, so the override replaces nothing"
            yield Finding("override_matches_nothing", Severity.WARNING, f"package.overrides[{place}].prefix", told)


def _leaks(package: Package, deck: Deck, rows: Sequence[Rate], moment: datetime) -> Iterator[Finding]:
    """F-27: what a bundle gives away that it was hardly made for."""
    most = package.max_covered_price
    priced = [row for row in rows if row.is_priced and (most is None or row.price <= most)]
    scope = package.included_scope
    if package.included_seconds != 0 and Direction.OUTBOUND in scope.directions:
        yield from _leak("package.included_scope", [row for row in priced if covers(scope, row.prefix)])
    for place, bundle in enumerate(package.destinations):
        if not bundle.included_seconds:
            continue
        inside = [row for row in priced if row.prefix.startswith(bundle.prefixes)]
        begun = [row for prefix in bundle.prefixes if (row := deck.find(prefix, moment)) and row not in inside]
        yield from _leak(f"package.destinations[{place}]", [*inside, *begun])


def _leak(path: str, rows: Sequence[Rate]) -> Iterator[Finding]:
    prices = sorted(row.price for row in rows)
    if not prices:
        return
    twice_median = prices[len(prices) // 2] + prices[(len(prices) - 1) // 2]
    dear = sorted(
        (row for row in rows if 2 * row.price > LEAK * twice_median), key=lambda row: (-row.price, row.prefix)
    )
    if dear:
        told = tuple(f"{row.prefix} {row.description} {price_text(row.price)}".replace("  ", " ") for row in dear)
        sentence = (
            f"free time covers {len(dear)} rows that cost more than {LEAK} times the median of what it covers: "
            f"{few(told)}; set max_covered_price, or name them in except"
        )
        yield Finding("bundle_leak", Severity.WARNING, path, sentence, told)
