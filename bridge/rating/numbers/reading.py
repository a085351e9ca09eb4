"""The number that somebody at a site means by the digits they dial.

One order, whatever is switched on: exit code, rewrites, ten digits in North America, prefix correction, area code and
local prefix. What finds the number ends the reading. `steps` grows by what was done.
"""

from __future__ import annotations

from collections.abc import Collection

from bridge.rating.numbers.plan import FIXED, FIXED_OR_MOBILE, MOBILE, facts_of
from bridge.rating.numbers.site import Site

SHORT_MAX = 6
"""So few digits are a short number, unless the plan knows better."""

LOCAL_MIN = 6
"""Fewer digits are never a number in town: what left by a gateway is short then (F-20)."""

REWRITTEN_MAX = 40
"""What is longer becomes no number, and trying would only take time."""

TOWN = (FIXED, FIXED_OR_MOBILE)
HOME = (*TOWN, MOBILE)


def read(site: Site, digits: str, steps: list[str]) -> tuple[str, bool]:
    """E.164 digits, or the digits as they are where nothing makes more of them; and whether they are a short number."""
    number = _abroad(site, digits, steps)
    if number is None and site.rewrites:
        dialled, digits = digits, _rewritten(site, digits, steps)
        number = _abroad(site, digits, steps) if digits != dialled else None
    if number is None and len(digits) <= SHORT_MAX:
        number = _known_by_few(site, digits, steps)
        return number or digits, number is None
    return _at_home(site, digits, steps) if number is None else number, False


def _abroad(site: Site, digits: str, steps: list[str]) -> str | None:
    number = site.home.after_exit_code(digits) if len(digits) > SHORT_MAX else None
    if number is not None:
        steps.append(f"exit code {digits[: len(digits) - len(number)]} dropped")
    return number


def _rewritten(site: Site, digits: str, steps: list[str]) -> str:
    """Every rule in its order, each on what the one before left."""
    for pattern, replacement in site.rewrites:
        changed = pattern.sub(replacement, digits, count=1) if len(digits) <= REWRITTEN_MAX else digits
        if changed != digits:
            steps.append(f"rewritten to {changed} by {pattern.pattern}")
            digits = changed
    return digits


def _at_home(site: Site, digits: str, steps: list[str]) -> str:
    if site.nanp_10_digit and len(digits) == 10 and digits[0] > "1" and digits[3] > "1":
        steps.append("country code 1 put in front of 10 digits")
        return "1" + digits
    if site.trunk_prefix and digits.startswith(site.trunk_prefix):
        return _with_code(site, digits, _without_trunk(site, digits), steps)
    in_town = _in_town(site, digits)
    if in_town is not None:
        return _with_area(site, digits, in_town, steps)
    if not site.local_prefix:
        return digits
    if _has_code(site, digits):
        steps.append("country code there already")
        return digits
    return _with_code(site, digits, site.home.without_prefix(digits), steps)


def _known_by_few(site: Site, digits: str, steps: list[str]) -> str | None:
    """The number that the plan knows by so few digits: with its prefix, in town, or where there are no towns."""
    home = site.home
    if digits in site.emergency or home.has_short(digits):
        return None
    in_town = _in_town(site, digits)
    if in_town is not None:
        return _with_area(site, digits, in_town, steps)
    national = digits
    if site.trunk_prefix and digits.startswith(site.trunk_prefix):
        national = _without_trunk(site, digits)
    elif site.local_prefix:
        national = home.without_prefix(digits)
    facts = facts_of(home.calling_code + national) if national != digits or site.local_prefix else None
    if facts is None or not facts.is_known:
        return None
    if national == digits and home.national_prefix and facts.type in HOME:
        return None  # nobody dials it so
    return _with_code(site, digits, national, steps)


def _without_trunk(site: Site, digits: str) -> str:
    """Italy keeps its zero, also where somebody thinks that it is to be stripped."""
    home = site.home
    if site.trunk_prefix == home.national_prefix:
        return home.without_prefix(digits)
    return digits if home.has(digits) else digits.removeprefix(site.trunk_prefix)


def _in_town(site: Site, digits: str) -> str | None:
    """The number that the area code makes of them, where the plan has it and they are none without it.

    In Buenos Aires 15 2345 6789 is a mobile, which is 11 15 2345 6789 in full and 9 11 2345 6789 to the plan.
    """
    home = site.home
    if not site.area_code or len(digits) < LOCAL_MIN or home.has(digits):
        return None
    if home.national_prefix and digits.startswith(home.national_prefix):
        return None
    whole = site.area_code + digits
    if _is_known(home.calling_code + whole, TOWN):
        return whole
    rewritten = home.without_prefix(whole)
    is_other = not whole.endswith(rewritten)
    return rewritten if is_other and _is_known(home.calling_code + rewritten, HOME) else None


def _is_known(number: str, kinds: Collection[str]) -> bool:
    facts = facts_of(number)
    return facts is not None and facts.is_known and facts.type in kinds


def _has_code(site: Site, digits: str) -> bool:
    """Whether a number without plus or exit code begins with its country code nevertheless."""
    home = site.home
    if digits.startswith(home.national_prefix or "0"):
        return False
    is_too_long = len(digits) > home.lengths[-1]
    if digits.startswith(home.calling_code):
        return is_too_long or (home.has(digits[len(home.calling_code) :]) and not home.has(digits))
    facts = facts_of(digits) if is_too_long else None
    return facts is not None and facts.is_known


def _with_area(site: Site, digits: str, national: str, steps: list[str]) -> str:
    steps.append(f"area code {site.area_code} put in front")
    return _with_code(site, site.area_code + digits, national, steps)


def _with_code(site: Site, digits: str, national: str, steps: list[str]) -> str:
    home = site.home
    if digits.endswith(national) and digits != national:
        steps.append(f"national prefix {digits.removesuffix(national)} dropped")
    elif digits != national:
        steps.append(f"read as {national} by the numbering plan of {home.iso}")
    steps.append(f"country code {home.calling_code} put in front")
    return home.calling_code + national
