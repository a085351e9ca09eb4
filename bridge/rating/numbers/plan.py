"""What the digits of a number tell: its country, its kind, and whether the numbering plan knows it.

The plans of the world come from `phonenumbers` as one table for each calling code, made when its first number is asked
for. A number is walked through its table and never parsed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata

from bridge.rating.numbers.automaton import DEAD, START, automaton

FIXED = "fixed_line"
MOBILE = "mobile"
FIXED_OR_MOBILE = "fixed_line_or_mobile"
UNKNOWN = "unknown"

DIGITS_MAX = 15

NETWORKS = "001"
"""The country of numbers that belong to none: satellites, and services of the whole world."""

_KINDS = (
    *("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail"),
    *(FIXED, MOBILE),
)
"""The first that fits is the one."""

_CODES = {str(code): regions for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()}


@dataclass(frozen=True, slots=True)
class Facts:
    region: str
    """ISO code of the country, or 001."""
    type: str
    """In the library's words, or unknown."""
    is_known: bool
    """The plan has this number; otherwise country and type are what its first digits leave possible."""


@lru_cache(maxsize=1024)  # one number is asked for several facts in a row
def facts_of(number: str) -> Facts | None:
    """Of a number in E.164 without its plus, or of a prefix; None where no calling code begins like this."""
    code = calling_code_of(number)
    if code is None:
        return None
    plan = plan_of(code)
    state = START
    for digit in number[len(code) :].encode():
        after = plan.step[10 * state + digit - 48]
        if after == DEAD:
            return plan.begun[state]
        state = after
    return plan.ended[state]


def region_of(number: str) -> str:
    facts = facts_of(number)
    return facts.region if facts else ""


def type_of(number: str) -> str:
    facts = facts_of(number)
    return facts.type if facts else UNKNOWN


def types_of(number: str) -> frozenset[str]:
    """Every kind it may be: where fixed lines and mobiles share their ranges, as in North America, it may be both."""
    kind = type_of(number)
    return _EITHER if kind == FIXED_OR_MOBILE else frozenset({kind})


def calling_code_of(number: str) -> str | None:
    for length in (1, 2, 3):
        if number[:length] in _CODES:
            return number[:length]
    return None


def doubt_of(number: str) -> str | None:
    """Why the numbering plan does not believe in this number; None where it does."""
    facts = facts_of(number)
    if facts is None:
        return f"no country's calling code begins with {number[:3]}"
    if facts.is_known:
        return None
    code = calling_code_of(number) or ""
    lengths = _lengths(code, facts.region)
    where = f"a number of {facts.region}" if facts.region != NETWORKS else f"a number of +{code}"
    digits = len(number) - len(code)
    if digits < lengths[0]:
        return f"too short for {where}: {digits} digits after {code}, and the fewest are {lengths[0]}"
    if digits > lengths[-1]:
        return f"too long for {where}: {digits} digits after {code}, and the most are {lengths[-1]}"
    return f"not {where} that its numbering plan knows"


_EITHER = frozenset({FIXED, MOBILE, FIXED_OR_MOBILE})


@dataclass(frozen=True, slots=True)
class Plan:
    step: tuple[int, ...]
    ended: tuple[Facts, ...]
    """By state: of a number that ends there."""
    begun: tuple[Facts, ...]
    """By state: of a number that went on from there to where the plan has nothing."""


@cache
def plan_of(code: str) -> Plan:
    """The table of a calling code."""
    regions = _CODES[code]
    claims, patterns = list[_Claim](), list[str]()
    for region in regions:
        data = _data(code, region)
        if data.leading_digits:
            claims.append((region, _LEADING))
            patterns.append(rf"(?:{data.leading_digits})\d{{0,{DIGITS_MAX}}}")
        for kind in _KINDS:
            plan = getattr(data, kind)
            if plan is not None and plan.national_number_pattern:
                claims.append((region, kind))
                patterns.append(plan.national_number_pattern)

    table = automaton(patterns)
    leading = {region for region, kind in claims if kind == _LEADING}

    @cache  # most states match what others match
    def ended(matched: tuple[int, ...], alive: tuple[int, ...]) -> Facts:
        return _ended(regions, leading, [claims[each] for each in matched], [claims[each] for each in alive])

    @cache
    def begun(alive: tuple[int, ...]) -> Facts:
        return _begun(regions, [claims[each] for each in alive])

    return Plan(table.step, tuple(map(ended, table.matched, table.alive)), tuple(map(begun, table.alive)))


_Claim = tuple[str, str]
_LEADING = "leading digits"


def _ended(regions: Sequence[str], leading: Collection[str], matched: list[_Claim], alive: list[_Claim]) -> Facts:
    """Of the first region that claims the number: by its leading digits where it has some, else as any kind."""
    for region in regions:
        kinds = _kinds(matched, region)
        is_its = (region, _LEADING) in matched if region in leading else bool(kinds)
        if is_its or len(regions) == 1:
            return Facts(region, _first(kinds) if kinds else _only(_kinds(alive, region)), bool(kinds))
    return _begun(regions, alive)


def _begun(regions: Sequence[str], alive: list[_Claim]) -> Facts:
    """The only region and kind that are still possible; else the country that the code is known for."""
    possible = [region for region in regions if _kinds(alive, region)]
    region = possible[0] if len(possible) == 1 else regions[0]
    return Facts(region, _only(_kinds(alive, region)), False)


def _kinds(claims: list[_Claim], region: str) -> list[str]:
    return [kind for each, kind in claims if each == region and kind != _LEADING]


def _first(kinds: list[str]) -> str:
    return FIXED_OR_MOBILE if kinds == [FIXED, MOBILE] else kinds[0]


def _only(kinds: list[str]) -> str:
    return _first(kinds) if len(kinds) == 1 or kinds == [FIXED, MOBILE] else UNKNOWN


def _data(code: str, region: str) -> PhoneMetadata:
    data = PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    assert data is not None, "a region of a calling code has a plan"
    return data


@cache
def _lengths(code: str, region: str) -> tuple[int, ...]:
    plan = _data(code, region).general_desc
    return plan.possible_length if plan else (1, 15)
