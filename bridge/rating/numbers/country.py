"""A country as its telephone network sees it: how one dials from there, and which digits mean help.

Everything comes from the numbering plans of `phonenumbers`; each country is read from them once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc

from bridge.rating.numbers.automaton import strings

TEST_CALLS = {"US": frozenset({"933"}), "CA": frozenset({"933"})}
"""Numbers that say which address an emergency call would show (F-19); the numbering plans do not name them so."""

EVERYWHERE = frozenset({"112", "911"})
"""Where the numbering plans name no emergency number: the two that every mobile telephone knows."""


class UnknownCountry(ValueError):
    """No numbering plan is known by this code."""


@dataclass(frozen=True, slots=True, eq=False)
class Country:
    iso: str
    calling_code: str
    exit_code: str
    """What one dials to leave: digits, or their pattern where there is a choice of carriers and no usual one."""
    national_prefix: str
    """What one dials before a number of another town; empty where there is no such thing."""
    emergency: frozenset[str]
    """Numbers that call for help, and those that only test it."""
    lengths: tuple[int, ...]
    """How many digits a number can have, without calling code and prefix."""
    _exit: re.Pattern[str] | None
    _national: re.Pattern[str]
    _short: re.Pattern[str]
    _prefix: re.Pattern[str] | None
    _transformed: str | None

    def after_exit_code(self, digits: str) -> str | None:
        """What follows the exit code; None where there is none in front."""
        if self._exit is None:
            return digits[len(self.exit_code) :] if digits.startswith(self.exit_code) else None
        found = self._exit.match(digits)
        return digits[found.end() :] if found else None

    def has(self, national: str) -> bool:
        """Whether the plan has such a number, written without calling code and prefix."""
        return self._national.fullmatch(national) is not None

    def has_short(self, digits: str) -> bool:
        """Whether the plan has such a short number: directory enquiries, the speaking clock, an operator's service."""
        return self._short.fullmatch(digits) is not None

    def without_prefix(self, digits: str) -> str:
        """A number as one dials it at home, without what one dials before it: 0 in London, 0 and 15 in Buenos Aires.

        Nothing is taken off where only the whole is a number of the country.
        """
        found = self._prefix.match(digits) if self._prefix else None
        if found is None:
            return digits
        is_transformed = self._transformed and found.lastindex and found.group(found.re.groups) is not None
        front = found.expand(self._transformed) if self._transformed and is_transformed else ""
        bare = front + digits[found.end() :]
        return digits if not self.has(bare) and self.has(digits) else bare


@cache
def country(iso: str) -> Country:
    """A country by its ISO code, such as GB."""
    data = PhoneMetadata.metadata_for_region(iso, None) if iso in phonenumbers.SUPPORTED_REGIONS else None
    if data is None:
        raise UnknownCountry(f"there is no numbering plan for the country {iso!r}; write an ISO code such as GB")
    exit_code = _exit_code(data)
    return Country(
        iso=iso,
        calling_code=str(data.country_code),
        exit_code=exit_code,
        national_prefix=data.national_prefix or "",
        emergency=_emergency(iso),
        _exit=None if exit_code.isdigit() else re.compile(exit_code),
        _national=_compiled(data.general_desc),
        _short=_compiled(_short_plan(iso).short_code),
        _prefix=re.compile(data.national_prefix_for_parsing) if data.national_prefix_for_parsing else None,
        _transformed=data.national_prefix_transform_rule,
        lengths=data.general_desc.possible_length if data.general_desc else (),
    )


def countries() -> list[Country]:
    """Every country with a numbering plan, by its code."""
    return [country(iso) for iso in sorted(phonenumbers.SUPPORTED_REGIONS)]


def _exit_code(data: PhoneMetadata) -> str:
    """The usual one (8~10 is dialled 810, with a tone after the 8), else 00 where it is one of several."""
    usual = re.sub(r"\D", "", data.preferred_international_prefix or "")
    pattern = data.international_prefix or ""
    return usual or ("00" if re.fullmatch(pattern, "00") else pattern)


def _emergency(iso: str) -> frozenset[str]:
    plan = _short_plan(iso).emergency
    known = strings(plan.national_number_pattern) if plan and plan.national_number_pattern else ()
    return frozenset(known or EVERYWHERE) | TEST_CALLS.get(iso, frozenset())


def _short_plan(iso: str) -> PhoneMetadata:
    return PhoneMetadata.short_metadata_for_region(iso) or PhoneMetadata(iso, register=False)


def _compiled(plan: PhoneNumberDesc | None) -> re.Pattern[str]:
    """`(?!)` is what matches nothing."""
    return re.compile(plan.national_number_pattern if plan and plan.national_number_pattern else "(?!)")
