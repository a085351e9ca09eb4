"""What a package says that is probably not meant (products.md 4.8): alone, with its decks, and with a PBX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from bridge.rating.call import Direction
from bridge.rating.decks.choices import Flow
from bridge.rating.decks.deck import Deck
from bridge.rating.numbers.country import country
from bridge.rating.numbers.plan import calling_code_of
from bridge.rating.packages import deck_lint, margin_lint
from bridge.rating.packages.file import factor_text, markup_text
from bridge.rating.packages.finding import Finding, Severity
from bridge.rating.packages.package import (
    MARKUP_UNIT,
    Charging,
    NoRate,
    Override,
    Package,
    PackageType,
    RatePlan,
    Special,
)
from bridge.rating.packages.policies import CLOSES_EMERGENCY
from bridge.rating.packages.vendor import markup_percent
from bridge.rating.rate import Increments

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
NORTH_AMERICA = "1"


@dataclass(frozen=True, slots=True)
class Decks:
    """What there is of a package's decks. Without `cost`, calls are bought at what the tariff says."""

    tariff: Deck | None = None
    inbound: Deck | None = None
    cost: Deck | None = None

    def known(self) -> Iterator[tuple[Deck, str, Flow]]:
        """Each with the key that names it, and the way its calls go."""
        if self.tariff is not None:
            yield self.tariff, "tariff", "outbound"
        if self.inbound is not None:
            yield self.inbound, "inbound_tariff", "inbound"
        if self.cost is not None:
            yield self.cost, "cost_tariff", "outbound"


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a PBX enforces by itself, and what the bridge counts before anything is made on it."""

    driver: str
    limits: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    counted: frozenset[str] = frozenset()


def lint(
    package: Package, moment: datetime, decks: Decks | None = None, abilities: Iterable[Abilities] = ()
) -> list[Finding]:
    """Every finding, the worst first. `moment`: which rows of the decks are looked at."""
    decks = decks or Decks()
    found = [*_alone(package)]
    found += [each for deck, key, flow in decks.known() for each in _unsuited(package, deck, key, flow)]
    if decks.tariff is not None:
        found += deck_lint.findings(package, decks.tariff, moment)
    if (cost := decks.cost or decks.tariff) is not None and cost.currency == package.currency:
        found += margin_lint.findings(package, decks.tariff, cost, moment)
    for each in abilities:
        found += _not_enforced(package, each)
    return sorted(found, key=lambda finding: list(Severity).index(finding.severity))


def _unsuited(package: Package, deck: Deck, key: str, flow: Flow) -> Iterator[Finding]:
    name = deck.name or key
    if deck.currency != package.currency:
        told = f"the deck {name} is in {deck.currency}, and the package in {package.currency}"
        yield Finding("currency_mismatch", ERROR, f"package.{key}", told)
    if deck.direction != flow:
        told = f"the deck {name} is for {deck.direction} calls, and {key} for {flow} ones"
        yield Finding("direction_mismatch", ERROR, f"package.{key}", told)


def _alone(package: Package) -> Iterator[Finding]:
    yield from _markup(package)
    yield from _allowance(package)
    yield from _numbers(package)
    yield from _money(package)
    yield from _unused(package)
    yield from _blocks(package)
    yield from _prefixes(package)
    yield from _specials(package.special_numbers)


def _markup(package: Package) -> Iterator[Finding]:
    if package.markup < MARKUP_UNIT:
        return
    percent = markup_text(package.markup)
    yield Finding(
        "markup_convention",
        WARNING,
        "package.markup_percent",
        f"+{percent} % is {factor_text(package.markup)} times the price; where the value was copied from a "
        f"product that writes 120 for +20 %, it is {markup_percent(percent)} here",
    )


def _allowance(package: Package) -> Iterator[Finding]:
    key, scope = "package.included_seconds_per_period", package.included_scope
    has_allowance = package.included_seconds != 0
    if package.type is PackageType.UNLIMITED:
        if package.included_seconds is not None:
            told = "an unlimited package has a bound; leave it out, write fair_use_seconds, or take type hybrid"
            yield Finding("unlimited_with_bound", WARNING, key, told)
        elif package.fair_use_seconds is None:
            told = "an unlimited package has no fair_use_seconds: one client can call around the clock"
            yield Finding("unlimited_without_fair_use", WARNING, "package.fair_use_seconds", told)
    if has_allowance and package.realtime:
        told = "the package is billed in real time and has free time per period: calls are free until it is used up"
        yield Finding("realtime_with_allowance", NOTE, key, told)
    if has_allowance and not scope.countries and package.max_covered_price is None:
        told = (
            "free time covers international destinations at any price; name countries in it, or set max_covered_price"
        )
        yield Finding("unscoped_allowance", WARNING, "package.included_scope", told)
    if package.overage_price is not None and not has_allowance:
        told = "is the price of every call that free time would cover: there is no free time to go beyond"
        yield Finding("overage_from_the_start", WARNING, "package.overage_per_minute", told)
    for place, bundle in enumerate(package.destinations):
        if bundle.included_seconds == 0 and bundle.price is None and bundle.increments is None:
            told = f"the bundle of {', '.join(bundle.prefixes)} has neither free time nor a price"
            yield Finding("unused", NOTE, f"package.destinations[{place}]", told)


def _numbers(package: Package) -> Iterator[Finding]:
    if package.nanp_10_digit and country(package.country).calling_code != NORTH_AMERICA:
        told = f"numbers of ten digits get a 1 in front, and {package.country} is not in North America"
        yield Finding("nanp_outside_north_america", WARNING, "package.nanp_10_digit", told)
    if told := _unread_at_home(package):
        yield Finding("national_numbers_unread", WARNING, "package.prefix_correction", told)


def _unread_at_home(package: Package) -> str:
    """Why a number that is dialled as people at home dial it has no price, or ""."""
    home = country(package.country)
    if package.rewrite or package.local_prefix or package.unmatched == "ignore":
        return ""
    if home.calling_code == NORTH_AMERICA:
        told = "ten digits are no number: set nanp_10_digit" if not package.nanp_10_digit else ""
    elif home.national_prefix:
        prefix = home.national_prefix
        told = f"nothing strips the {prefix} of national numbers: set prefix_correction"
        told = "" if package.prefix_correction else told
    else:
        told = "national numbers have no country code: set local_prefix"
    return f"{told}, unless the PBX sends numbers with their country code" if told else ""


def _money(package: Package) -> Iterator[Finding]:
    if package.no_rate_policy is NoRate.ZERO:
        told = "calls without a price are given away"
        yield Finding("gives_unrated_away", WARNING, "package.no_rate_policy", told)
    has_inbound_price = package.inbound is not None and package.inbound.price is not None
    if package.bill_inbound and not has_inbound_price and package.inbound_tariff is None:
        told = "inbound calls are billed, and there is neither inbound.per_minute nor inbound_tariff: all are held"
        yield Finding("inbound_without_price", ERROR, "package.bill_inbound", told)
    if package.type is PackageType.FLAT and package.rate_plan is not RatePlan.FLAT:
        told = f'the type is flat, and calls are priced by {package.rate_plan}; write rate_plan = "flat"'
        yield Finding("flat_by_another_plan", WARNING, "package.rate_plan", told)
    if (policy := package.policies.get("suspend_policy")) in CLOSES_EMERGENCY:
        name = package.policies.get("emergency_accepted_by")
        told = f"suspended by {policy}, nobody can call for help; {name} answers for it"
        yield Finding("closes_emergency_calls", WARNING, "package.suspend_policy", told)


def _unused(package: Package) -> Iterator[Finding]:
    """Keys that say nothing beside the others."""
    is_tiered, has_allowance = package.rate_plan is RatePlan.TIERED, package.included_seconds != 0
    own, inbound = package.outbound, package.inbound
    keys = {
        "tiers": (bool(package.tiers) and not is_tiered, "price nothing while rate_plan is not tiered"),
        "outbound.per_minute": (
            is_tiered and own is not None and own.price is not None,
            "prices nothing while rate_plan is tiered: tiers are the price",
        ),
        "markup_percent": (
            bool(package.markup) and package.rate_plan is not RatePlan.TARIFF,
            f"marks nothing up: with rate_plan {package.rate_plan} no deck is asked",
        ),
        "max_covered_price": (
            package.max_covered_price is not None and not has_allowance and not package.destinations,
            "bounds nothing: there is no free time",
        ),
        "rollover_periods": (package.rollover_periods > 0 and not has_allowance, "has no free time to roll over"),
        "fair_use_seconds": (
            package.fair_use_seconds is not None and package.included_seconds is not None,
            "bounds nothing: only what is unlimited has fair use",
        ),
        "trunk_prefix": (
            bool(package.trunk_prefix) and not package.prefix_correction,
            "is stripped from nothing while prefix_correction is off",
        ),
        "inbound.per_minute": (
            inbound is not None and inbound.price is not None and not package.bill_inbound,
            "prices nothing while bill_inbound is off",
        ),
        "inbound_tariff": (
            package.inbound_tariff is not None and not package.bill_inbound,
            "prices nothing while bill_inbound is off",
        ),
    }
    for key, (is_unused, told) in keys.items():
        if is_unused:
            yield Finding("unused", NOTE, f"package.{key}", f"{key} {told}")


def _blocks(package: Package) -> Iterator[Finding]:
    """First blocks that are no multiple of the step: other systems round those differently (rating.md 5.2)."""
    own = {"outbound": package.outbound, "inbound": package.inbound}
    sold: dict[str, Increments | None] = {name: each.increments for name, each in own.items() if each}
    sold |= {f"destinations[{place}]": each.increments for place, each in enumerate(package.destinations)}
    sold |= {f"overrides[{place}]": each.increments for place, each in enumerate(package.overrides)}
    for key, steps in sold.items():
        if steps is not None and steps.first_seconds % steps.step_seconds:
            first, step = steps.first_seconds, steps.step_seconds
            told = (
                f"a first block of {first} s is no multiple of steps of {step} s: "
                f"{first + 1} s are {steps.billed(first + 1)} s here and may be rounded otherwise elsewhere"
            )
            yield Finding("block_no_multiple", WARNING, f"package.{key}.first_seconds", told)


def _prefixes(package: Package) -> Iterator[Finding]:
    seen: dict[tuple[str, str], int] = {}
    for place, override in enumerate(package.overrides):
        key = f"package.overrides[{place}].prefix"
        for way in _ways(override):
            if seen.setdefault((override.prefix, way), place) != place:
                told = f"{override.prefix} is there twice {way}; overrides[{seen[override.prefix, way]}] is enough"
                yield Finding("duplicate_prefix", WARNING, key, told)
                break
        if calling_code_of(override.prefix) is None:
            told = f"no country's calling code begins with {override.prefix}, so no number does"
            yield Finding("override_matches_nothing", WARNING, key, told)
    for place, bundle in enumerate(package.destinations):
        for prefix in bundle.prefixes:
            key = f"package.destinations[{place}].prefixes"
            if bundle.price is not None and (prefix, Direction.OUTBOUND.value) in seen:
                first = seen[prefix, Direction.OUTBOUND.value]
                told = f"{prefix} has its price from overrides[{first}], and the bundle's price is never used"
                yield Finding("duplicate_prefix", WARNING, key, told)
            if calling_code_of(prefix) is None:
                told = f"no country's calling code begins with {prefix}, so no number does"
                yield Finding("bundle_matches_nothing", WARNING, key, told)


def _specials(rules: tuple[Special, ...]) -> Iterator[Finding]:
    for place, rule in enumerate(rules):
        key = f"package.special_numbers[{place}]"
        if rule.mode is Charging.PER_CALL and rule.price:
            yield Finding("unused", NOTE, f"{key}.per_minute", "per_minute prices nothing in flat_per_call")
        if rule.mode is Charging.PER_MINUTE and rule.per_call:
            yield Finding("unused", NOTE, f"{key}.per_call", "per_call prices nothing in per_minute")
        for other, over in enumerate(rules):
            if other != place and _hides(over, rule, is_first=other < place):
                told = f"{rule.pattern} is never reached: special_numbers[{other}], {over.pattern}, goes before it"
                yield Finding("special_shadowed", WARNING, key, told)
                break


def _hides(over: Special, rule: Special, *, is_first: bool) -> bool:
    """Whether whatever fits a rule is taken by another: always there, as wide, and asked before."""
    if not (over.enabled and rule.enabled) or over.effective_from or over.effective_to:
        return False
    if over.direction not in (rule.direction, "both"):
        return False
    if over.kind == "prefix" and rule.kind == "prefix":
        is_wider = rule.pattern.startswith(over.pattern)
    else:
        is_wider = over.kind == rule.kind and over.pattern == rule.pattern
    if not is_wider:
        return False
    is_same = over.pattern == rule.pattern
    return over.priority > rule.priority or (over.priority == rule.priority and is_same and is_first)


def _ways(override: Override) -> tuple[str, ...]:
    return ("outbound", "inbound") if override.direction == "both" else (override.direction,)


def _not_enforced(package: Package, able: Abilities) -> Iterator[Finding]:
    """F-17"""
    for name in sorted(set(package.limits) - able.limits):
        if name in able.counted:
            told = f"the {able.driver} driver does not enforce {name}; the bridge refuses what goes beyond it"
        else:
            told = f"the {able.driver} driver cannot enforce {name}"
        severity = NOTE if name in able.counted else WARNING
        yield Finding("limit_not_enforced", severity, f"package.limits.{name}", told)
    for name in sorted(set(package.features) - able.features):
        told = f"the {able.driver} driver cannot switch {name} on or off"
        yield Finding("feature_not_enforced", WARNING, f"package.features.{name}", told)
