"""Which destinations the free time of a package covers (F-27)."""

from __future__ import annotations

from bridge.rating.numbers.plan import region_of, types_of
from bridge.rating.packages.package import Scope


def covers(scope: Scope, number: str) -> bool:
    """A number in E.164 without its plus, or a prefix: as much as all its numbers share."""
    if number.startswith(scope.excepted):
        return False
    if scope.countries and region_of(number) not in scope.countries:
        return False
    return not scope.types or not scope.types.isdisjoint(types_of(number))
