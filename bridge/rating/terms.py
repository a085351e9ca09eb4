"""What calls are rated by: a package, its decks, and where the PBX stands. Made once and asked for every call.

All that follows from a number alone is found out once per number and kept as a `Meaning`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bridge.rating.allowance import Allowance, bundle_name, included_in
from bridge.rating.amount import exact, marked_up
from bridge.rating.call import Call, CallClass, Direction
from bridge.rating.decks.deck import Deck
from bridge.rating.filters import Filter, filters_of
from bridge.rating.level import NoPrice, Pricing, Source
from bridge.rating.numbers.number import Number, normalise
from bridge.rating.numbers.plan import calling_code_of, facts_of, type_of
from bridge.rating.numbers.prefixes import Prefixes
from bridge.rating.numbers.site import Site
from bridge.rating.packages.destination import is_allowed
from bridge.rating.packages.package import Bundle, Override, OwnPrice, Package, RatePlan
from bridge.rating.packages.scope import covers
from bridge.rating.rate import MINUTES, Increments, Rate
from bridge.rating.series import Series
from bridge.rating.special import SpecialRule, special_rules

HELD_MAX = 200_000
UNIVERSAL_FREEPHONE = "800"
UNKNOWN_NUMBER = "no number that its numbering plan knows"


class Mismatch(ValueError):
    """A deck and a package whose prices do not add up."""


class Listed(NamedTuple):
    """A row, and the deck that it is from."""

    deck: Deck
    rate: Rate


class InBundle(NamedTuple):
    """What a country bundle says of a destination."""

    allowance: Allowance
    pricing: Pricing | None
    increments: Increments | None


class Meaning(NamedTuple):
    """What a number means under a package, whenever it is called."""

    called: Number
    digits: str
    """The called number in E.164, or "": prefixes are sought in it."""
    number: str
    """The number of the other side, or "": the called one, and of an inbound call the caller's."""
    specials: tuple[SpecialRule, ...] = ()
    filters: tuple[Filter, ...] = ()
    service: Pricing | None = None
    custom: Pricing | None = None
    bundle: InBundle | None = None
    allowances: tuple[Allowance, ...] = ()
    is_in_scope: bool = False
    """Of the package's own allowance."""
    is_toll_free: bool = False
    note: str = ""


class Terms:
    """`outbound`, `inbound` and `cost` are the decks of the package's tariffs; without one, that level has no price."""

    def __init__(
        self,
        package: Package,
        site: Site,
        *,
        outbound: Series | None = None,
        inbound: Series | None = None,
        cost: Series | None = None,
        service_overrides: Sequence[Override] = (),
        package_version: str = "",
        program: str = "",
    ) -> None:
        for series in (outbound, inbound):
            if series is not None and not series.currencies <= {package.currency}:
                raise Mismatch(f"the package is in {package.currency}, its deck in {', '.join(series.currencies)}")
        self.package = package
        self.site = site
        self.decks = {Direction.OUTBOUND: outbound, Direction.INBOUND: inbound}
        self.cost = cost
        self.service_overrides = tuple(service_overrides)
        self.package_version = package_version
        self.program = program
        own = {Direction.OUTBOUND: package.outbound, Direction.INBOUND: package.inbound}
        steps = {way: price.increments if price else MINUTES for way, price in own.items()}
        self.own = {way: _own(price, way, package) for way, price in own.items()}
        self.fallback = {
            way: price._replace(source=Source.FALLBACK) if price and package.fallback else None
            for way, price in self.own.items()
        }
        self.tiers = Pricing(Source.PACKAGE, "", 0, steps[Direction.OUTBOUND], has_minute=False, in_tiers=True)
        self._service = {way: _overrides(service_overrides, way, Source.SERVICE, steps[way]) for way in own}
        self._custom = {way: _overrides(package.overrides, way, Source.CUSTOM, steps[way]) for way in own}
        self._bundles = _bundles(package, steps[Direction.OUTBOUND])
        self._specials = {way: special_rules(package, way) for way in own}
        self._filters = filters_of(package.filters)
        self._included = included_in(package)
        self._meanings: dict[tuple[Direction, str, str, bool], Meaning] = {}
        self._tariffs: dict[int, tuple[Rate, Pricing]] = {}

    def meaning(self, call: Call) -> Meaning:
        caller = call.caller if call.direction is Direction.INBOUND else ""
        key = (call.direction, call.called, caller, call.by_gateway)
        found = self._meanings.get(key)
        if found is None:
            if len(self._meanings) >= HELD_MAX:
                self._meanings.clear()
            found = self._meanings[key] = self._read(*key)
        return found

    def listed(self, call: Call, meaning: Meaning) -> Listed | None:
        """What the deck of that moment has for the number, also where another level will have the price."""
        series = self.decks[call.direction]
        deck = series.at(call.moment) if series and meaning.digits else None
        if deck is None:
            return None
        caller = meaning.number if call.direction is Direction.INBOUND else ""
        rate = deck.find(meaning.digits, call.moment, caller)
        return Listed(deck, rate) if rate is not None else None

    def tariff(self, listed: Listed) -> Pricing | NoPrice:
        """The price of a row with adder and markup; of one that has two, that of the package's route."""
        deck, row = listed
        held = self._tariffs.get(id(row))
        if held is not None and held[0] is row:
            return held[1]
        if not row.is_priced:
            return NoPrice(f"the row {row.prefix} has no price", is_held=True)
        package = self.package
        base = row.premium if package.route_class == "premium" and row.premium is not None else row.price
        pricing = Pricing(
            Source.TARIFF,
            row.prefix,
            marked_up(base, adder=package.adder, markup=package.markup),
            row.increments,
            setup=marked_up(row.setup, markup=package.markup),
            least=marked_up(row.min_cost, markup=package.markup),
            base=base,
            adder=package.adder,
            markup=package.markup,
            deck=deck.name,
            deck_state=deck.state,
            name=row.description,
        )
        if len(self._tariffs) >= HELD_MAX:
            self._tariffs.clear()
        self._tariffs[id(row)] = row, pricing
        return pricing

    def _read(self, direction: Direction, raw: str, raw_caller: str, by_gateway: bool) -> Meaning:
        called = normalise(self.site, raw, direction=direction, by_gateway=by_gateway)
        digits = called.number or ""
        is_outbound = direction is Direction.OUTBOUND
        if called.kind is CallClass.EMERGENCY and direction is not Direction.INBOUND:
            return Meaning(called, "", "")
        filters = tuple(each for each in self._filters if each.takes(called.dialled, digits))
        if direction is Direction.LOCAL:  # costs nothing; only a filter that names such calls is meant for them
            return Meaning(called, "", "", filters=tuple(each for each in filters if each.word))
        if is_outbound and called.kind is CallClass.INTERNAL:
            return Meaning(called, "", "", filters=filters)
        number = digits if is_outbound else normalise(self.site, raw_caller, direction=direction).number or ""
        bundle = self._bundles.find(digits) if is_outbound else None
        is_in_scope = self._is_in_scope(direction, number)
        return Meaning(
            called,
            digits,
            number,
            specials=tuple(rule for rule in self._specials[direction] if rule.takes(called.dialled, digits)),
            filters=filters,
            service=self._service[direction].find(digits),
            custom=self._custom[direction].find(digits),
            bundle=bundle,
            allowances=(*((bundle.allowance,) if bundle else ()), *(self._included if is_in_scope else ())),
            is_in_scope=is_in_scope,
            is_toll_free=is_outbound and self._is_toll_free(digits),
            note="; ".join(self._notes(digits)) if is_outbound and digits else "",
        )

    def _is_in_scope(self, direction: Direction, number: str) -> bool:
        scope = self.package.included_scope
        if direction not in scope.directions and not (
            direction is Direction.INBOUND and self.package.inbound_consumes_allowance
        ):
            return False
        return covers(scope, number)

    def _notes(self, number: str) -> Iterator[str]:
        """What is said of a number whatever it costs (F-23, F-28)."""
        if not is_allowed(self.package.destinations_allowed, self.site.country, number):
            yield "not allowed"
        facts = facts_of(number)
        if facts is None or not facts.is_known:
            yield UNKNOWN_NUMBER

    def _is_toll_free(self, number: str) -> bool:
        """By the plan at home, or one for the whole world. Abroad such a number costs what the way there costs."""
        code = calling_code_of(number)
        return code in (self.site.home.calling_code, UNIVERSAL_FREEPHONE) and type_of(number) == "toll_free"


def _own(own: OwnPrice | None, way: Direction, package: Package) -> Pricing | None:
    """The package's own price. In tiers it says nothing but the increments."""
    in_tiers = way is Direction.OUTBOUND and package.rate_plan is RatePlan.TIERED
    if own is None or own.price is None or in_tiers:
        return None
    return Pricing(Source.PACKAGE, "", exact(own.price), own.increments)


def _overrides(rules: Iterable[Override], way: Direction, source: Source, steps: Increments) -> Prefixes[Pricing]:
    return Prefixes(
        (rule.prefix, Pricing(source, rule.prefix, exact(rule.price), rule.increments or steps))
        for rule in rules
        if rule.direction in (way.value, "both")
    )


def _bundles(package: Package, steps: Increments) -> Prefixes[InBundle]:
    return Prefixes(
        (
            prefix,
            InBundle(
                Allowance(bundle_name(bundle), bundle.included_seconds),
                _bundle_price(bundle, prefix, steps),
                bundle.increments,
            ),
        )
        for bundle in package.destinations
        for prefix in bundle.prefixes
    )


def _bundle_price(bundle: Bundle, prefix: str, steps: Increments) -> Pricing | None:
    if bundle.price is None:
        return None
    return Pricing(Source.PACKAGE, prefix, exact(bundle.price), bundle.increments or steps, keeps_price=True)
