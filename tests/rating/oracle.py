"""What calls cost, by the rules as they are written: in fractions, slowly, a few obvious lines for each.

It shares the values and the reading of numbers with the engines, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from math import floor
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bridge.rating.call import Call, CallClass, Direction
from bridge.rating.numbers.number import Number, normalise
from bridge.rating.numbers.plan import calling_code_of, region_of, type_of, types_of
from bridge.rating.numbers.site import Site
from bridge.rating.packages.package import (
    Bundle,
    Charging,
    NoRate,
    Override,
    Package,
    RatePlan,
    Scope,
    Special,
    TierMode,
)
from bridge.rating.rate import Increments, Rate

PRICE = 10**10


class Answer(NamedTuple):
    id: str
    cls: str
    source: str
    prefix: str
    billed: int
    free: int
    micro: int | None


class Price(NamedTuple):
    source: str
    prefix: str
    minute: Fraction | None
    """None: tiers."""
    increments: Increments
    setup: Fraction = Fraction(0)
    least: Fraction = Fraction(0)


@dataclass
class Oracle:
    package: Package
    site: Site
    rows: Sequence[Rate] | None = None
    inbound_rows: Sequence[Rate] | None = None
    contracts: Sequence[Override] = ()
    later: tuple[datetime, Sequence[Rate]] | None = None
    """The outbound rows from a moment on."""
    zone: str = "UTC"
    granted: int | None = None
    rolled_over: int = 0
    used_of_bundle: dict[tuple[str, ...], int] = field(default_factory=dict)
    used: int = 0
    tier_seconds: int = 0
    tier_micro: int = 0

    def rate_all(self, calls: Iterable[Call]) -> list[Answer]:
        return [self.rate(call) for call in sorted(calls, key=lambda call: (call.answer or call.start, call.id))]

    def adjustment(self) -> int:
        if self.package.rate_plan is not RatePlan.TIERED or self.package.tier_mode is not TierMode.VOLUME:
            return 0
        return self.rounded(self.tier_price(self.tier_seconds) * self.tier_seconds / 60) - self.tier_micro

    def rate(self, call: Call) -> Answer:
        called = normalise(self.site, call.called, direction=call.direction, by_gateway=call.by_gateway)
        price = self.special_price(call, called)
        if price is not None:
            billed = increments_billed(price.increments, call.seconds)
            amount = price.setup + (price.minute or 0) * Fraction(billed, 60) if billed else Fraction(0)
            return self.answer(call, called, price, billed, 0, amount)

        cls = self.class_without_price(call, called)
        if cls is not None:
            is_open = cls in (CallClass.INVALID, CallClass.SHORT) and call.seconds > 0
            return Answer(call.id, cls.value, "", "", 0, 0, None if is_open else 0)

        row = self.row(call, called)
        price = self.price(call, called, row)
        if price is None:
            is_blank = row is not None and not row.is_priced and not row.is_custom
            if self.package.no_rate_policy is NoRate.ZERO and not is_blank:
                return Answer(call.id, "free", "", "", 0, 0, 0)
            return Answer(call.id, "unrated", "", "", 0, 0, None if call.seconds else 0)
        return self.charged(call, called, row, price)

    # --- what a call is

    def special_price(self, call: Call, called: Number) -> Price | None:
        if call.direction is Direction.LOCAL:
            return None
        if call.direction is Direction.OUTBOUND and called.kind in (CallClass.EMERGENCY, CallClass.INTERNAL):
            return None
        forms = [called.dialled, called.number or ""]
        matching = [
            rule
            for rule in self.package.special_numbers
            if rule.enabled and rule.direction in (call.direction, "both") and within(rule, call.answer or call.start)
            if any(matches(rule, form) for form in forms)
        ]
        if not matching:
            return None
        rule = max(matching, key=lambda each: (each.priority, len(each.pattern)))
        return Price(
            "special",
            rule.pattern,
            Fraction(rule.price if rule.mode is not Charging.PER_CALL else 0, PRICE),
            Increments(rule.step_seconds, rule.step_seconds),
            Fraction(rule.per_call if rule.mode is not Charging.PER_MINUTE else 0, PRICE),
        )

    def class_without_price(self, call: Call, called: Number) -> CallClass | None:
        package, outbound = self.package, call.direction is Direction.OUTBOUND
        if called.kind is CallClass.EMERGENCY and call.direction is not Direction.INBOUND:
            return CallClass.EMERGENCY
        for cls, patterns in (
            (CallClass.SUPPRESSED, package.filters.suppress),
            (CallClass.EXCLUDED, package.filters.unbilled),
        ):
            if any(filter_takes(pattern, call, called) for pattern in patterns):
                return cls
        if call.direction is Direction.LOCAL:
            return CallClass.FEATURE if called.kind is CallClass.FEATURE else CallClass.INTERNAL
        if outbound and called.kind in (CallClass.INTERNAL, CallClass.FEATURE):
            return called.kind
        if package.unmatched == "ignore":
            return CallClass.SUPPRESSED
        if call.in_conference and package.conference and package.conference.suppress_leg_charge:
            return CallClass.EXCLUDED
        if not outbound:
            return None if package.bill_inbound else CallClass.FREE
        is_near = calling_code_of(called.number or "") in ("800", self.site.home.calling_code)
        return CallClass.FREE if is_near and type_of(called.number or "") == "toll_free" else called.kind

    # --- what it costs

    def row(self, call: Call, called: Number) -> Rate | None:
        outbound = call.direction is Direction.OUTBOUND
        caller = "" if outbound else normalise(self.site, call.caller, direction=call.direction).number or ""
        moment = call.answer or call.start
        rows = self.rows if outbound else self.inbound_rows
        if outbound and rows is not None and self.later is not None and moment >= self.later[0]:
            rows = self.later[1]
        there = moment.astimezone(ZoneInfo(self.zone))
        minute = (there.isoweekday() - 1) * 24 * 60 + there.hour * 60 + there.minute
        fitting = [
            rate
            for rate in rows or ()
            if (called.number or "").startswith(rate.prefix) and caller.startswith(rate.caller_prefix)
            if rate.is_valid(moment)
            if rate.band is None or any(start <= minute < end for start, end in rate.band.spans)
        ]
        return max(
            fitting,
            key=lambda rate: (len(rate.prefix), len(rate.caller_prefix), rate.band is not None),
            default=None,
        )

    def price(self, call: Call, called: Number, row: Rate | None) -> Price | None:
        package, number = self.package, called.number or ""
        outbound = call.direction is Direction.OUTBOUND
        own = package.outbound if outbound else package.inbound
        steps = own.increments if own else Increments()
        tiered = outbound and package.rate_plan is RatePlan.TIERED
        own_price = None if own is None or own.price is None or tiered else Fraction(own.price, PRICE)

        contract = longest(self.contracts, number, call.direction)
        if contract:
            return Price("service", contract.prefix, Fraction(contract.price, PRICE), contract.increments or steps)

        custom = longest(package.overrides, number, call.direction)
        length = len(custom.prefix) if custom else -1
        if row is not None and row.is_custom and own_price is not None and len(row.prefix) > length:
            return Price("custom", row.prefix, own_price, steps)
        if custom:
            return Price("custom", custom.prefix, Fraction(custom.price, PRICE), custom.increments or steps)

        found = self.ordinary_price(call, row, own_price, steps, tiered=tiered)
        bundle = self.bundle(call, called, row)
        if bundle is None:
            return found
        if bundle.price is not None:
            prefix = max((each for each in bundle.prefixes if number.startswith(each)), key=len)
            found = Price("package", prefix, Fraction(bundle.price, PRICE), steps)
        return found._replace(increments=bundle.increments or found.increments) if found else None

    def ordinary_price(
        self, call: Call, row: Rate | None, own_price: Fraction | None, steps: Increments, *, tiered: bool
    ) -> Price | None:
        package = self.package
        if tiered:
            return Price("package", "", None, steps)
        if call.direction is Direction.OUTBOUND:
            own_first = package.rate_plan is RatePlan.FLAT
        else:
            own_first = self.inbound_rows is None and package.inbound_tariff is None
        if own_first and own_price is not None:
            return Price("package", "", own_price, steps)
        if row is not None and not row.is_custom:
            if not row.is_priced:
                return None
            premium = row.premium if package.route_class == "premium" else None
            markup = 1 + Fraction(package.markup, 10_000) / 100
            return Price(
                "tariff",
                row.prefix,
                (Fraction(row.price if premium is None else premium, PRICE) + Fraction(package.adder, PRICE)) * markup,
                row.increments,
                Fraction(row.setup, PRICE) * markup,
                Fraction(row.min_cost, PRICE) * markup,
            )
        if package.fallback and own_price is not None:
            return Price("fallback", "", own_price, steps)
        return None

    def charged(self, call: Call, called: Number, row: Rate | None, price: Price) -> Answer:
        package = self.package
        billed = increments_billed(price.increments, call.seconds)
        free = min(billed, package.free_seconds_per_call)
        rest, spoken = billed - free, max(0, call.seconds - free)

        bundle = self.bundle(call, called, row)
        if bundle is not None:
            taken, consumed = self.taken(
                rest, spoken, bundle.included_seconds - self.used_of_bundle.get(bundle.prefixes, 0)
            )
            self.used_of_bundle[bundle.prefixes] = self.used_of_bundle.get(bundle.prefixes, 0) + consumed
            free, rest, spoken = free + taken, rest - taken, max(0, spoken - consumed)

        in_scope = self.in_scope(call, called) and not self.is_dear(row)
        if in_scope and package.included_seconds is not None:
            taken, consumed = self.taken(rest, spoken, self.rolled_over)
            self.rolled_over -= consumed
            free, rest, spoken = free + taken, rest - taken, max(0, spoken - consumed)
        if in_scope:
            size = package.included_seconds if package.included_seconds is not None else package.fair_use_seconds
            size = size if self.granted is None else self.granted
            taken, consumed = self.taken(rest, spoken, None if size is None else size - self.used)
            self.used += consumed
            free, rest = free + taken, rest - taken

        if rest == 0:
            return self.answer(call, called, price, billed, free, Fraction(0))
        has_bundle_price = bundle is not None and bundle.price is not None and price.source == "package"
        if in_scope and package.overage_price is not None and not has_bundle_price:
            minutes = Fraction(rest, 60) * Fraction(package.overage_price, PRICE)
            return self.answer(call, called, price, billed, free, max(price.setup + minutes, price.least))
        if price.minute is not None:
            minutes = Fraction(rest, 60) * price.minute
            return self.answer(call, called, price, billed, free, max(price.setup + minutes, price.least))

        after = self.tier_seconds + rest
        if package.tier_mode is TierMode.VOLUME:
            amount = self.tier_price(after) * rest / 60
        else:
            amount = self.graduated(after) - self.graduated(self.tier_seconds)
        self.tier_seconds = after
        self.tier_micro += self.rounded(amount)
        return self.answer(call, called, price, billed, free, amount)

    # --- free time

    def taken(self, rest: int, spoken: int, left: int | None) -> tuple[int, int]:
        """How many billed seconds are covered, and how many the allowance gives for them."""
        needed = rest if self.package.consume == "billed" else min(rest, spoken)
        if left is None:
            return rest, needed
        if left <= 0 or rest == 0:
            return 0, 0
        return (rest, needed) if needed <= left else (left, left)

    def bundle(self, call: Call, called: Number, row: Rate | None) -> Bundle | None:
        if call.direction is not Direction.OUTBOUND or self.is_dear(row):
            return None
        number = called.number or ""
        matching = [
            (len(prefix), bundle)
            for bundle in self.package.destinations
            for prefix in bundle.prefixes
            if number.startswith(prefix)
        ]
        return max(matching, key=lambda pair: pair[0])[1] if matching else None

    def is_dear(self, row: Rate | None) -> bool:
        dearest = self.package.max_covered_price
        return dearest is not None and row is not None and (row.price > dearest or not row.is_priced)

    def in_scope(self, call: Call, called: Number) -> bool:
        scope: Scope = self.package.included_scope
        inbound = call.direction is Direction.INBOUND
        other = normalise(self.site, call.caller, direction=call.direction).number if inbound else called.number
        number = other or ""
        return (
            (call.direction in scope.directions or (inbound and self.package.inbound_consumes_allowance))
            and not any(number.startswith(prefix) for prefix in scope.excepted)
            and (not scope.countries or region_of(number) in scope.countries)
            and (not scope.types or bool(scope.types & types_of(number)))
        )

    # --- money

    def tier_price(self, seconds: int) -> Fraction:
        bounds = [tier for tier in self.package.tiers if tier.up_to_seconds is None or seconds <= tier.up_to_seconds]
        return Fraction(bounds[0].price, PRICE)

    def graduated(self, seconds: int) -> Fraction:
        """The price of the first so many seconds of a period."""
        total, start = Fraction(0), 0
        for tier in self.package.tiers:
            end = seconds if tier.up_to_seconds is None else min(seconds, tier.up_to_seconds)
            total += max(0, end - start) * Fraction(tier.price, PRICE) / 60
            start = max(start, end)
        return total

    def rounded(self, amount: Fraction) -> int:
        """Half away from zero, in micro-units."""
        unit = Fraction(10**6, 10**self.package.cost_decimals)
        steps = floor(abs(amount) * 10**6 / unit + Fraction(1, 2))
        return int(steps * unit) if amount >= 0 else -int(steps * unit)

    def answer(self, call: Call, called: Number, price: Price, billed: int, free: int, amount: Fraction) -> Answer:
        is_short = call.direction is Direction.OUTBOUND and called.kind is CallClass.SHORT
        cls = "short" if is_short else "billable"
        return Answer(call.id, cls, price.source, price.prefix, billed, free, self.rounded(amount))


def increments_billed(increments: Increments, answered: int) -> int:
    """Counted, step by step."""
    if answered == 0 or answered <= increments.grace_seconds:
        return 0
    billed = increments.first_seconds
    while billed < answered:
        billed += increments.step_seconds
    return max(billed, increments.min_seconds)


def longest(rules: Iterable[Override], number: str, direction: Direction) -> Override | None:
    fitting = [rule for rule in rules if number.startswith(rule.prefix) and rule.direction in (direction, "both")]
    return max(fitting, key=lambda rule: len(rule.prefix), default=None)


def matches(rule: Special, form: str) -> bool:
    return bool(re.search(rule.pattern, form)) if rule.kind == "regex" else form.startswith(rule.pattern)


def within(rule: Special, moment: datetime) -> bool:
    return (rule.effective_from is None or rule.effective_from <= moment) and (
        rule.effective_to is None or moment < rule.effective_to
    )


def filter_takes(pattern: str, call: Call, called: Number) -> bool:
    word, _, digits = pattern[1:].partition("]") if pattern.startswith("[") else ("", "", pattern)
    if call.direction is Direction.LOCAL and not word:
        return False
    if word and word.lower() not in call.direction.value and word.lower() not in call.description.lower():
        return False
    return not digits or any(digits_fit(digits, form) for form in (called.dialled, called.number or ""))


def digits_fit(pattern: str, form: str) -> bool:
    return len(pattern) == len(form) and all(
        (sign in "xX" and digit.isdigit()) or sign == digit for sign, digit in zip(pattern, form, strict=True)
    )
