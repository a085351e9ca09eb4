"""Packages and tariffs as they are named on the command line: by a file, or by the name they were loaded under."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bridge import __version__
from bridge.cli.words import say_faults, say_progress, the_bridge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from bridge.rating.decks.deck import Deck
    from bridge.rating.decks.reading import DeckReading, Instructions
    from bridge.rating.packages.package import Package
    from bridge.rating.series import Series
    from bridge.rating.terms import Terms

Way = Literal["outbound", "inbound", "cost"]
_PACKAGE = typer.Option("--package", help="A package's file, ending .toml, or a loaded one's name.")
PackageName = Annotated[str, _PACKAGE]
PackageIfAny = Annotated[str | None, _PACKAGE]
Tariff = Annotated[str | None, typer.Option("--tariff", help="The deck of outbound calls: a file, or a loaded tariff.")]
InboundTariff = Annotated[str | None, typer.Option("--inbound-tariff", help="The deck of inbound calls, if any.")]
Cost = Annotated[
    str | None, typer.Option("--cost", help="The deck that calls are bought at, if not that of outbound calls.")
]
Extensions = Annotated[list[str] | None, typer.Option("--extension", help="An extension of the tenant; once for each.")]
Country = Annotated[str | None, typer.Option("--country", help="Where the service stands, if elsewhere.")]
AreaCode = Annotated[str | None, typer.Option("--area-code", help="Of the town where the service stands.")]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="TARGET=COLUMN", help="Which column of a deck holds what; #3 is the third."),
]
TimeZone = Annotated[
    str | None, typer.Option("--time-zone", help="What hours and dates of a list are in, such as Europe/London; UTC.")
]
AcceptRefused = Annotated[bool, typer.Option("--accept-refused", help="Go on without the rows that are refused.")]

_OF_IMPORT = "--strip", "--prepend", "--decimal", "--date-format"
"""What a list may need that only its import is told."""


def is_file(package: str) -> bool:
    """Whether a package is named by its file; otherwise by the name it was loaded under."""
    return package.endswith(".toml")


def the_package(text: str) -> Package:
    """A package by its file, which ends in .toml and needs no database, or a loaded one by its name."""
    if not is_file(text):
        from bridge import packages

        return packages.named(the_bridge(), text)
    from bridge.errors import Refused
    from bridge.rating.packages.file import BadPackage, load_package

    try:
        return load_package(Path(text), note=lambda sentence: print(f"{text}: {sentence}", file=sys.stderr))
    except BadPackage as error:
        raise Refused(str(error)) from None


def the_mapping(told: Iterable[str] | None) -> dict[str, str]:
    """What `--map` says."""
    pairs = [each.partition("=") for each in told or ()]
    if wrong := [target for target, equals, _ in pairs if not equals]:
        raise typer.BadParameter(f"{wrong[0]!r} is not TARGET=COLUMN, such as Prefix='Dial Code'", param_hint="--map")
    targets = [target.strip().lower() for target, _, _ in pairs]
    if twice := [target for target in targets if targets.count(target) > 1]:
        raise typer.BadParameter(f"{twice[0]!r} is mapped twice", param_hint="--map")
    return {target: column for target, _, column in pairs}


def the_zone(told: str | None) -> str | None:
    """What `--time-zone` says; None where it says nothing."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return told if told is None else ZoneInfo(told).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"{told!r} is no time zone such as Europe/London", param_hint="--time-zone") from None


def the_list(file: Path, how: Instructions, kept: Path | None = None) -> DeckReading:
    """A price list as it is read. What is refused or doubtful of it is told."""
    from bridge.deck_file import read_file

    with say_progress("reading") as progress:
        reading = read_file(file, how, kept=kept, progress=lambda rows: progress(f"{rows} rows"))
    for note in reading.notes:
        print(f"{file}: {note}", file=sys.stderr)
    say_faults(file, reading.errors.listed, reading.errors.count)
    say_faults(f"{file}: warning", reading.warnings.listed, reading.warnings.count)
    return reading


def the_deck(path: Path, how: Instructions, *, accept_refused: bool) -> Deck:
    """A deck by its file, in the currency that it is read in."""
    from bridge.deck_file import KEPT
    from bridge.errors import Refused

    reading = the_list(path, how, kept=KEPT)
    if reading.rows_refused and not accept_refused:
        refused = f"{reading.rows_refused} of {reading.rows_read} rows are refused"
        told = f"{path}: {refused}; mend them, or go on without them by --accept-refused"
        if any(option in each.reason for each in reading.errors.listed for option in _OF_IMPORT):
            told += (
                f"; {', '.join(_OF_IMPORT)} are options of bridge tariff import, which reads a list first by --check"
            )
        raise Refused(told, kind="tariff_invalid")
    return reading.deck(currency=how.currency or "", name=path.stem, instructions=how)


@dataclass(frozen=True, slots=True)
class Decks:
    """The decks that are named beside a package; None is what the package says itself, if it is loaded."""

    outbound: str | None = None
    inbound: str | None = None
    cost: str | None = None
    accept_refused: bool = False
    mapping: Mapping[str, str] = field(default_factory=dict)
    time_zone: str | None = None
    read: dict[tuple[str, str, str], Series] = field(default_factory=dict)
    """Files that were read already: a list is read and told once, whoever it is for."""

    def series(self, currency: str, moment: datetime | None) -> dict[Way, Series]:
        named: tuple[tuple[Way, str | None], ...] = (
            ("outbound", self.outbound),
            ("inbound", self.inbound),
            ("cost", self.cost),
        )
        return {way: self._one(way, text, currency, moment) for way, text in named if text is not None}

    def _one(self, way: Way, text: str, currency: str, moment: datetime | None) -> Series:
        if not (Path(text).suffix or "/" in text or Path(text).exists()):
            from bridge.terms import series_named

            return series_named(the_bridge(), text, moment=moment)
        from bridge.rating.decks.reading import Instructions
        from bridge.rating.series import Series

        direction: Literal["outbound", "inbound"] = "inbound" if way == "inbound" else "outbound"
        place = text, currency, direction
        if place not in self.read:
            how = Instructions(currency=currency, direction=direction, mapping=self.mapping, time_zone=self.time_zone)
            self.read[place] = Series.of(the_deck(Path(text), how, accept_refused=self.accept_refused))
        return self.read[place]


def the_terms(
    package: Package,
    decks: Decks,
    *,
    is_loaded: bool,
    version: int | None = None,
    extensions: Iterable[str] = (),
    country: str | None = None,
    area_code: str | None = None,
    moment: datetime | None = None,
    asks_deck: bool = True,
) -> Terms:
    """What calls are rated by: a loaded package's own tariffs where no other is named; of a file only what is named.

    `asks_deck`: there are outbound calls, which somebody may expect to find in a deck.
    """
    from bridge.errors import Refused
    from bridge.rating.numbers.site import site_of
    from bridge.rating.packages.package import RatePlan
    from bridge.rating.terms import Mismatch, Terms

    series = decks.series(package.currency, moment)
    if is_loaded:
        from bridge.terms import terms_of

        return terms_of(
            the_bridge(),
            package,
            moment=moment,
            extensions=extensions,
            country=country,
            area_code=area_code,
            version=version,
            instead=series,
        )
    if asks_deck and "outbound" not in series and package.rate_plan is RatePlan.TARIFF:
        print("without --tariff DECK.csv no call has the price of a deck", file=sys.stderr)
    outbound, inbound = series.get("outbound"), series.get("inbound")
    try:
        return Terms(
            package,
            site_of(package, extensions, country=country, area_code=area_code),
            outbound=outbound,
            inbound=inbound,
            cost=series.get("cost", outbound),
            program=__version__,
        )
    except (Mismatch, ValueError) as error:
        raise Refused(str(error)) from None
