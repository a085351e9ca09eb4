"""Where the calls of a package may go: what a dial plan opens, and what a call that happened is noted for (F-23).

The home country is open, and what the package lists. High-risk ranges need an explicit yes: kinds that are high risk
are closed unless the package says itself which kinds it blocks, and numbers of no country unless a prefix allows them.
Of prefixes the longest decides, before everything else.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from bridge.rating.numbers.plan import FIXED_OR_MOBILE, region_of, type_of, types_of
from bridge.rating.packages.package import Allowed

FREE_OF_CHARGE = "toll_free"


@lru_cache
def opened(allowed: Allowed | None, home: str) -> Allowed:
    """What is open where nothing or something is said of it, with the country the PBX stands in."""
    return replace(allowed or Allowed(), countries=(allowed or Allowed()).countries | {home})


def is_allowed(allowed: Allowed | None, home: str, number: str) -> bool:
    """Whether a number in E.164 without its plus may be called. It never changes what a call costs."""
    allowed = opened(allowed, home)
    blocked = _longest(allowed.block_prefixes, number)
    permitted = _longest(allowed.allow_prefixes, number)
    if blocked != permitted:
        return permitted > blocked
    if type_of(number) in allowed.block_types or types_of(number) - {FIXED_OR_MOBILE} <= allowed.block_types:
        return False
    return region_of(number) in allowed.countries or type_of(number) == FREE_OF_CHARGE


def _longest(prefixes: tuple[str, ...], number: str) -> int:
    return max(map(len, filter(number.startswith, prefixes)), default=0)
