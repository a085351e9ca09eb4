"""Random worlds to compare engines in: a package, its decks and its calls, small enough that rules meet often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal, TypeVar

from bridge.rating.allowance import INCLUDED
from bridge.rating.call import Call, Direction
from bridge.rating.decks.deck import Deck
from bridge.rating.numbers.site import Site, site_of
from bridge.rating.packages.package import (
    Allowed,
    Bundle,
    Charging,
    Conference,
    Filters,
    NoRate,
    Override,
    OwnPrice,
    Package,
    PackageType,
    RatePlan,
    Scope,
    Special,
    Tier,
    TierMode,
)
from bridge.rating.rate import Band, Increments, Rate
from bridge.rating.series import ALWAYS, Series
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
"""On a Saturday."""
DAY = timedelta(days=1)
CHANGE = NOON + DAY
BANDS = (Band(((0, 5 * 1440),)), Band(((5 * 1440 + 420, 5 * 1440 + 720), (6 * 1440, 6 * 1440 + 720))))
"""Working days; and hours that begin or end in some time zone where calls do."""

PREFIXES = (
    "1",
    "12",
    "1212",
    "12125",
    "1876",
    "1800",
    "44",
    "442",
    "4420",
    "447",
    "4487",
    "48",
    "4860",
    "33",
    "331",
    "3",
)
NUMBERS = (
    *("12125551234", "12125550100", "18765551234", "18005551234", "13055551234", "442079460000", "447700900123"),
    *("448712345678", "48601234567", "48221046421", "331400000000", "33612345678", "27791234567", "81312345678"),
)
DIALLED = (
    *NUMBERS,
    *("+442079460000", "011442079460000", "2125551234", "+1 (212) 555-1234", "sip:442079460000@pbx.example"),
    *("911", "112", "411", "1811", "201", "2201", "*97", "#21", "12", "0", "anonymous", "12345678901234567", ""),
)
WAYS: tuple[Literal["outbound", "inbound", "both"], ...] = ("outbound", "inbound", "both")

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    package: Package
    site: Site
    rows: tuple[Rate, ...] | None
    inbound_rows: tuple[Rate, ...] | None
    contracts: tuple[Override, ...]
    calls: tuple[Call, ...]
    later_rows: tuple[Rate, ...] | None = None
    """The next deck of the outbound tariff, from `CHANGE` on."""
    zone: str = "UTC"
    """Of the hours that rows name."""
    granted: int | None = None
    """How large the package's own allowance is this period, where it is not what the package says."""
    rolled_over: tuple[int, ...] = ()

    def usage(self) -> Usage:
        """At the beginning of the period."""
        granted = {} if self.granted is None else {INCLUDED: self.granted}
        return Usage(granted=granted, rolled_over=self.rolled_over)

    def terms(self) -> Terms:
        return Terms(
            self.package,
            self.site,
            outbound=self._series(self.rows, self.later_rows),
            inbound=self._series(self.inbound_rows),
            service_overrides=self.contracts,
        )

    def _series(self, rows: Sequence[Rate] | None, later: Sequence[Rate] | None = None) -> Series | None:
        if rows is None:
            return None
        decks = [(ALWAYS, self._deck(rows))]
        return Series(decks if later is None else [*decks, (CHANGE, self._deck(later))])

    def _deck(self, rows: Sequence[Rate]) -> Deck:
        return Deck.of(rows, currency=self.package.currency, name="deck", time_zone=self.zone)


def a_world(chance: Random, *, calls: int = 20, inbound: bool = True) -> World:
    """`inbound`: with an inbound tariff and a contract, which a batch of calls from a file does not have."""
    package = a_package(chance)
    return World(
        package,
        site_of(package, ("2201",)),
        None if chance.random() < 0.1 else some_rows(chance),
        some_rows(chance) if inbound and chance.random() < 0.3 else None,
        tuple(some_overrides(chance, 2)) if inbound and chance.random() < 0.3 else (),
        tuple(a_call(chance, place) for place in range(calls)),
        later_rows=some_rows(chance) if chance.random() < 0.2 else None,
        zone=chance.choice(("UTC", "America/New_York", "Asia/Kolkata")),
        granted=chance.randint(0, 900) if chance.random() < 0.1 else None,
        rolled_over=tuple(chance.choices((0, 45, 300), k=package.rollover_periods)),
    )


def a_package(chance: Random) -> Package:
    maybe = _maybe(chance)
    plan = chance.choice((RatePlan.TARIFF, RatePlan.TARIFF, RatePlan.FLAT, RatePlan.TIERED))
    outbound = OwnPrice(None if plan is RatePlan.TIERED else a_price(chance), increments(chance))
    return Package(
        name="World",
        product_id=1,
        type=chance.choice((PackageType.METERED, PackageType.UNLIMITED, PackageType.HYBRID)),
        currency="USD",
        country=chance.choice(("US", "US", "CA", "GB")),
        rate_plan=plan,
        tier_mode=chance.choice(tuple(TierMode)),
        markup=chance.choice((0, 0, 250_000, 333_333, 1_500_000, -1_000_000, -123_456)),
        adder=chance.choice((0, 0, 50_000_000, 1)),
        nanp_10_digit=chance.random() < 0.5,
        prefix_correction=chance.random() < 0.2,
        local_prefix=chance.random() < 0.2,
        included_seconds=chance.choice((None, 0, 0, 0, 0, 0, 90, 600, 3600)),
        included_scope=a_scope(chance),
        rollover_periods=chance.choice((0, 0, 0, 2)),
        max_covered_price=maybe(0.3, a_price),
        fair_use_seconds=maybe(0.3, lambda dice: dice.randint(1, 600)),
        overage_price=maybe(0.4, a_price),
        consume=chance.choice(("billed", "actual")),
        inbound_consumes_allowance=chance.random() < 0.3,
        free_seconds_per_call=chance.choice((0, 0, 0, 5, 60)),
        max_call_seconds=maybe(0.2, lambda dice: dice.randint(1, 600)),
        route_class=chance.choice(("value", "premium")),
        bill_inbound=chance.random() < 0.7,
        cost_decimals=chance.choice((6, 6, 4, 2, 0)),
        no_rate_policy=chance.choice(tuple(NoRate)),
        fallback=chance.random() < 0.7,
        unmatched="ignore" if chance.random() < 0.05 else "normal",
        outbound=outbound if plan is RatePlan.FLAT or chance.random() < 0.6 else None,
        inbound=maybe(0.6, lambda dice: OwnPrice(a_price(dice), increments(dice))),
        tiers=some_tiers(chance) if plan is RatePlan.TIERED else (),
        destinations=some_bundles(chance) if chance.random() < 0.4 else (),
        overrides=tuple(some_overrides(chance, 3)) if chance.random() < 0.4 else (),
        special_numbers=tuple(a_special(chance) for _ in range(3)) if chance.random() < 0.3 else (),
        filters=a_filter(chance) if chance.random() < 0.3 else Filters(),
        destinations_allowed=maybe(0.3, allowed),
        conference=maybe(0.3, lambda dice: Conference(0, suppress_leg_charge=dice.random() < 0.5)),
    )


def a_price(chance: Random) -> int:
    """Mostly what decks hold; also 0, and as fine as a price can be written."""
    fine = chance.randint(0, 10**10)
    cents = chance.randint(1, 20) * 10**8
    return chance.choice((0, cents, cents, cents, chance.randint(1, 2000) * 10**6, fine, fine % 1000))


def increments(chance: Random) -> Increments:
    first, step = chance.choice(((60, 60), (1, 1), (6, 6), (30, 6), (60, 1), (30, 60), (60, 11)))
    return Increments(first, step, chance.choice((0, 0, 0, 30, 61)), chance.choice((0, 0, 0, 5)))


def some_rows(chance: Random) -> tuple[Rate, ...]:
    rows = []
    for prefix in chance.sample(PREFIXES, chance.randint(0, len(PREFIXES))):
        row = Rate(
            prefix,
            a_price(chance),
            increments(chance),
            premium=a_price(chance) if chance.random() < 0.2 else None,
            setup=chance.choice((0, 0, 0, 2 * 10**8)),
            min_cost=chance.choice((0, 0, 0, 5 * 10**8)),
            is_custom=chance.random() < 0.15,
            is_priced=chance.random() > 0.03,
            effective_from=NOON + DAY if chance.random() < 0.1 else None,
            effective_to=NOON + DAY if chance.random() < 0.1 else None,
        )
        rows.append(row)
        if chance.random() < 0.1:
            rows.append(Rate(prefix, a_price(chance), caller_prefix=chance.choice(("4", "44", "1"))))
        if chance.random() < 0.1:
            rows.append(Rate(prefix, a_price(chance), increments(chance), band=chance.choice(BANDS)))
    chance.shuffle(rows)
    return tuple(row for row in rows if row.effective_from is None or row.effective_to is None)


def some_overrides(chance: Random, most: int) -> list[Override]:
    prefixes = chance.sample(PREFIXES, chance.randint(1, most))
    steps = _maybe(chance)
    return [Override(each, a_price(chance), steps(0.5, increments), chance.choice(WAYS)) for each in prefixes]


def some_bundles(chance: Random) -> tuple[Bundle, ...]:
    maybe = _maybe(chance)
    prefixes = chance.sample(PREFIXES, 4)
    return tuple(
        Bundle(tuple(each), chance.choice((0, 60, 300)), maybe(0.6, a_price), maybe(0.3, increments))
        for each in (prefixes[:3], prefixes[3:])
    )


def some_tiers(chance: Random) -> tuple[Tier, ...]:
    bounds = sorted(chance.sample((60, 90, 600, 1800), chance.randint(0, 3)))
    return tuple(Tier(bound, a_price(chance)) for bound in (*bounds, None))


def a_scope(chance: Random) -> Scope:
    return Scope(
        chance.choice((frozenset({Direction.OUTBOUND}), frozenset({Direction.OUTBOUND, Direction.INBOUND}))),
        chance.choice((frozenset[str](), frozenset[str](), frozenset({"US", "GB"}), frozenset({"PL"}))),
        chance.choice((frozenset[str](), frozenset[str](), frozenset({"mobile"}), frozenset({"fixed_line", "mobile"}))),
        chance.choice(((), (), ("4487", "1876"), ("44",))),
    )


def allowed(chance: Random) -> Allowed:
    blocked, opened = chance.sample(PREFIXES, 2), chance.sample(PREFIXES, 1)
    return Allowed(
        chance.choice((frozenset[str](), frozenset({"US", "GB"}))),
        block_prefixes=tuple(blocked),
        allow_prefixes=tuple(opened),
    )


def a_special(chance: Random) -> Special:
    pattern = chance.choice(("13", "1305", "411", "44", "^1(?:212|876)", "00$"))
    return Special(
        pattern,
        "prefix" if pattern.isdigit() else "regex",
        chance.choice(WAYS),
        chance.choice(tuple(Charging)),
        a_price(chance),
        a_price(chance),
        chance.choice((1, 6, 60)),
        chance.choice((10, 15)),
        enabled=chance.random() < 0.9,
        effective_from=NOON + DAY if chance.random() < 0.2 else None,
        effective_to=NOON + 2 * DAY if chance.random() < 0.2 else None,
    )


def a_filter(chance: Random) -> Filters:
    patterns = ("*xx", "331xxxxxxxxx", "1305xxxxxxx", "[local]", "[inbound]12125551234", "[voicemail]", "2125551234")
    return Filters(tuple(chance.sample(patterns, 2)), tuple(chance.sample(patterns, 2)))


def a_call(chance: Random, place: int) -> Call:
    start = NOON + timedelta(seconds=chance.randint(0, 3) * 43_200)
    return Call(
        id=f"{chance.randint(0, 9)}-{place}",
        direction=chance.choice((Direction.OUTBOUND,) * 6 + (Direction.INBOUND,) * 2 + (Direction.LOCAL,)),
        caller=chance.choice(DIALLED),
        called=chance.choice((*(chance.choice(NUMBERS),) * 3, chance.choice(DIALLED))),
        start=start,
        seconds=chance.choice((0, 1, 5, 6, 30, 31, 59, 60, 61, chance.randint(0, 1000))),
        answer=start + timedelta(seconds=7) if chance.random() < 0.3 else None,
        by_gateway=chance.random() < 0.9,
        description=chance.choice(("", "", "to voicemail")),
        in_conference=chance.random() < 0.05,
    )


def _maybe(chance: Random) -> Callable[[float, Callable[[Random], T]], T | None]:
    return lambda odds, make: make(chance) if chance.random() < odds else None
