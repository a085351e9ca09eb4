"""Which numbers of a call will not rate as they are written, and what would put them right, before anything is billed.

A verdict is about one number of one call: the caller's, or the called one. Only `suspect_missing_cc` and `invalid` are
problems: a call abroad is no mistake, and neither is a foreign, short or hidden caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from bridge.rating.call import CallClass, Direction
from bridge.rating.numbers.number import EXTENSION_MAX, Number, normalise
from bridge.rating.numbers.plan import doubt_of, facts_of, region_of, type_of
from bridge.rating.numbers.site import Site

FREEPHONE = "toll_free"
FOREIGN_FRONTS = ("00", "011", "0011", "810", "0")
"""What is dialled in front of numbers in most of the world."""


class Verdict(StrEnum):
    OK = "ok"
    OK_INTERNATIONAL = "ok_international"
    OK_EXTENSION = "ok_extension"
    OK_FEATURE = "ok_feature"
    SUSPECT_MISSING_CC = "suspect_missing_cc"
    INVALID = "invalid"


PROBLEMS = frozenset({Verdict.SUSPECT_MISSING_CC, Verdict.INVALID})


class Side(StrEnum):
    CALLER = "caller"
    CALLED = "called"


@dataclass(frozen=True, slots=True)
class Fix:
    """A rule for the dial plan, after which the number is written in full."""

    field: str
    expression: str
    variable: str
    value: str

    def xml(self) -> str:
        """As FreeSWITCH reads it, and FusionPBX with it."""
        return (
            f'<condition field="{self.field}" expression="{self.expression}">'
            f'<action application="set" data="{self.variable}={self.value}"/></condition>'
        )


@dataclass(frozen=True, slots=True)
class Judged:
    verdict: Verdict
    number: Number
    country: str = ""
    """ISO code, where the number is of one."""
    issue: str = ""
    fix: Fix | None = None

    @property
    def is_problem(self) -> bool:
        return self.verdict in PROBLEMS


def judge(site: Site, raw: str, *, direction: Direction, side: Side, by_gateway: bool = True) -> Judged:
    number = normalise(site, raw, direction=direction, by_gateway=by_gateway)
    if number.number is None:
        return _judged_without(number, direction, side)
    country = region_of(number.number)
    full = _in_full(site, number.dialled) if number.number == number.dialled else None
    if full is not None:
        issue = (
            f"no country code: the package reads it as written, and {full} is meant; switch on nanp_10_digit, "
            "prefix_correction or local_prefix there, or let the dial plan write it in full"
        )
        return Judged(Verdict.SUSPECT_MISSING_CC, number, site.country, issue, _fix(number, full, side))
    doubt = doubt_of(number.number)
    if doubt is not None:
        meant = next(_meant(site, number.number), None)
        return Judged(Verdict.INVALID, number, country, doubt, _fix(number, meant, side) if meant else None)
    is_home = country == site.country or _is_free_here(site, number.number)
    return Judged(Verdict.OK if is_home else Verdict.OK_INTERNATIONAL, number, country)


def _judged_without(number: Number, direction: Direction, side: Side) -> Judged:
    match number.kind:
        case CallClass.INTERNAL:
            return Judged(Verdict.OK_EXTENSION, number)
        case CallClass.FEATURE:
            return Judged(Verdict.OK_FEATURE, number)
        case CallClass.SHORT:
            is_ours = (side is Side.CALLED) == (direction is Direction.INBOUND)
            if is_ours and len(number.dialled) <= EXTENSION_MAX:
                return Judged(Verdict.OK_EXTENSION, number)
            return Judged(Verdict.OK, number, issue="short number: it costs what the deck says, or waits for a price")
        case CallClass.INVALID:
            is_hidden = side is Side.CALLER and not re.search(r"\d", number.dialled)
            issue = "hidden" if is_hidden else "; ".join(number.notes)
            return Judged(Verdict.OK if is_hidden else Verdict.INVALID, number, issue=issue)
        case _:
            return Judged(Verdict.OK, number)


def _in_full(site: Site, digits: str) -> str | None:
    """The number of the country that these digits are when its code is put in front."""
    full = site.home.calling_code + site.home.without_prefix(digits)
    return full if full != digits and _is_known(full) else None


def _meant(site: Site, digits: str) -> Iterator[str]:
    """Numbers that the plan knows and that somebody may have meant."""
    for front in FOREIGN_FRONTS:
        if digits.startswith(front) and _is_known(digits.removeprefix(front)):
            yield digits.removeprefix(front)
    code, prefix = site.home.calling_code, site.home.national_prefix
    if prefix and digits.startswith(code + prefix) and _is_known(code + digits.removeprefix(code + prefix)):
        yield code + digits.removeprefix(code + prefix)


def _is_known(number: str) -> bool:
    facts = facts_of(number)
    return facts is not None and facts.is_known


def _is_free_here(site: Site, number: str) -> bool:
    """North America has one toll-free range for all its countries."""
    return number.startswith(site.home.calling_code) and type_of(number) == FREEPHONE


def _fix(number: Number, full: str, side: Side) -> Fix:
    pairs = zip(reversed(number.dialled), reversed(full), strict=False)
    same = len([*takewhile(lambda pair: pair[0] == pair[1], pairs)])
    return Fix(
        field="destination_number" if side is Side.CALLED else "caller_id_number",
        expression=rf"^{re.escape(number.dialled[:-same])}(\d{{{same}}})$",
        variable="destination_number" if side is Side.CALLED else "effective_caller_id_number",
        value=f"{full[:-same]}$1",
    )
