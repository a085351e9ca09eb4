"""Where numbers are dialled: the country of a PBX, how its people dial, and what is theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bridge.rating.numbers.country import Country
from bridge.rating.numbers.country import country as country_of
from bridge.rating.numbers.dialled import dialled
from bridge.rating.packages.package import Package
from bridge.rating.packages.pattern import compiled


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    home: Country
    emergency: frozenset[str]
    extensions: frozenset[str] = frozenset()
    rewrites: tuple[tuple[re.Pattern[str], str], ...] = ()
    nanp_10_digit: bool = False
    trunk_prefix: str = ""
    """What prefix correction strips; empty where it is off."""
    area_code: str = ""
    local_prefix: bool = False

    @property
    def country(self) -> str:
        return self.home.iso


def site_of(
    package: Package,
    extensions: Iterable[str] = (),
    *,
    country: str | None = None,
    area_code: str | None = None,
    emergency: Iterable[str] = (),
) -> Site:
    """As the package says, unless the service says otherwise (F-28), with the extensions of its tenant."""
    home = country_of(country or package.country)
    area, _ = dialled(package.area_code if area_code is None else area_code)
    if area and not (area.isascii() and area.isdigit()):
        raise ValueError(f"an area code is digits, and {area_code} is not")
    return Site(
        home=home,
        emergency=home.emergency.union(emergency),
        extensions=frozenset(dialled(each)[0] for each in extensions),
        rewrites=tuple((compiled(pattern), replacement) for pattern, replacement in package.rewrite),
        nanp_10_digit=package.nanp_10_digit,
        trunk_prefix=(package.trunk_prefix or home.national_prefix) if package.prefix_correction else "",
        area_code=area.removeprefix("0"),
        local_prefix=package.local_prefix,
    )
