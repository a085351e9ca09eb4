"""What the calls of a stored package are rated by: the decks that its tariffs name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from bridge import __version__, tariffs
from bridge.app import Bridge
from bridge.database import transact
from bridge.errors import NotPrepared
from bridge.package_findings import tariff_of
from bridge.rating.numbers.site import site_of
from bridge.rating.packages.package import Package
from bridge.rating.series import Series
from bridge.rating.terms import Mismatch, Terms

Way = Literal["outbound", "inbound", "cost"]
WAYS: tuple[Way, ...] = ("outbound", "inbound", "cost")


def terms_of(
    bridge: Bridge,
    package: Package,
    *,
    moment: datetime | None = None,
    extensions: Iterable[str] = (),
    country: str | None = None,
    area_code: str | None = None,
    version: int | None = None,
    instead: Mapping[Way, Series] = MappingProxyType({}),
) -> Terms:
    """For calls of one moment, or for calls of any; `instead` has decks that take the place of the package's own.

    `country`, `area_code`: where the service stands, if elsewhere than its package says (F-28).
    Calls are bought by the tariff that they are sold by, where the package names no other.
    """

    outbound, inbound, cost = (instead.get(way) for way in WAYS)
    if outbound is None:
        named = transact(bridge.engine, lambda tx: tariff_of(tx, package))
        outbound = series_named(bridge, named, moment=moment) if named else None
    if inbound is None and package.inbound_tariff:
        inbound = series_named(bridge, package.inbound_tariff, moment=moment)
    if cost is None and package.cost_tariff:
        cost = series_named(bridge, package.cost_tariff, moment=moment)
    try:
        return Terms(
            package,
            site_of(package, extensions, country=country, area_code=area_code),
            outbound=outbound,
            inbound=inbound,
            cost=cost or outbound,
            package_version="" if version is None else str(version),
            program=__version__,
        )
    except (Mismatch, ValueError) as error:
        raise NotPrepared(str(error)) from None


def series_named(bridge: Bridge, name: str, *, moment: datetime | None = None) -> Series:
    """The decks of a tariff, or the one of a moment."""
    if moment is not None:
        return Series.of(tariffs.deck_at(bridge, name, moment))
    found = transact(bridge.engine, lambda tx: tariffs.series_of(tx, name))
    if not list(found):
        raise NotPrepared(f"the tariff {name!r} has no deck")
    return found
