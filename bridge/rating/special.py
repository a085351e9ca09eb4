"""Numbers that have a price of their own in a package: `1300 costs 0.35 a call`. They beat filters and decks.

Their price is the whole price: no markup, and no free time covers it. A pattern is tried on the number as it was
dialled and on the number that it became.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from re import Pattern

from bridge.rating.amount import exact
from bridge.rating.call import Direction
from bridge.rating.level import Pricing, Source
from bridge.rating.packages.package import Charging, Package, Special
from bridge.rating.packages.pattern import compiled
from bridge.rating.rate import Increments


@dataclass(frozen=True, slots=True)
class SpecialRule:
    rule: Special
    regex: Pattern[str] | None
    pricing: Pricing

    @classmethod
    def of(cls, rule: Special) -> SpecialRule:
        per_call = rule.mode is not Charging.PER_MINUTE
        per_minute = rule.mode is not Charging.PER_CALL
        pricing = Pricing(
            Source.SPECIAL,
            rule.pattern,
            minute=exact(rule.price) if per_minute else 0,
            increments=Increments(rule.step_seconds, rule.step_seconds),
            setup=exact(rule.per_call) if per_call else 0,
            has_minute=per_minute,
            keeps_price=True,
            name=rule.name,
        )
        return cls(rule, compiled(rule.pattern) if rule.kind == "regex" else None, pricing)

    def takes(self, *numbers: str) -> bool:
        if self.regex is None:
            return any(number.startswith(self.rule.pattern) for number in numbers)
        return any(map(self.regex.search, numbers))

    def is_valid(self, moment: datetime) -> bool:
        since, until = self.rule.effective_from, self.rule.effective_to
        return (since is None or since <= moment) and (until is None or moment < until)


def special_rules(package: Package, direction: Direction) -> tuple[SpecialRule, ...]:
    """Those of one direction, the one that counts first: the highest priority, then the longest pattern."""
    rules = [rule for rule in package.special_numbers if rule.enabled and rule.direction in (direction.value, "both")]
    rules.sort(key=lambda rule: (-rule.priority, -len(rule.pattern)))
    return tuple(map(SpecialRule.of, rules))
