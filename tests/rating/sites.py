"""Sites to dial from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bridge.rating.numbers.site import Site, site_of
from bridge.rating.packages.package import Package, PackageType


def a_package(country: str, **numbers: Any) -> Package:
    """A package of that country; what is said of numbers goes with it."""
    return Package(name="any", product_id=1, type=PackageType.METERED, currency="EUR", country=country, **numbers)


def a_site(country: str, extensions: Iterable[str] = (), **numbers: Any) -> Site:
    return site_of(a_package(country, **numbers), extensions)


CANADA = a_site("CA", ["2211"], nanp_10_digit=True)
CANADA_AS_DIALLED = a_site("CA")
UK = a_site("GB", ["2211"], prefix_correction=True, trunk_prefix="0")
LONDON = a_site("GB", ["2211"], local_prefix=True)
