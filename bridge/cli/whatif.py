"""`rate whatif`: what a change of prices would have made of the same calls."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.named import (
    AcceptRefused,
    Cost,
    Decks,
    Extensions,
    InboundTariff,
    Map,
    PackageName,
    Tariff,
    TimeZone,
    is_file,
    the_mapping,
    the_package,
    the_terms,
    the_zone,
)
from bridge.cli.words import DryRun, Json, say_faults, say_json, say_progress, say_repeated, say_table

if TYPE_CHECKING:
    from bridge.rating.packages.package import Package
    from bridge.rating.whatif.comparison import Comparison
    from bridge.rating.whatif.sums import Line, Side

SIDES = ("before", "after")
FIGURES = ("billed_seconds", "revenue", "cost", "margin", "without_charge", "without_cost")


def whatif(
    package: PackageName,
    calls: Annotated[
        Path, typer.Option("--calls", help="The calls: id,direction,from,to,start,seconds[,client]; CSV, or .parquet.")
    ],
    tariff: Tariff = None,
    inbound_tariff: InboundTariff = None,
    cost: Cost = None,
    deck: Annotated[
        str | None, typer.Option("--deck", help="The new deck of outbound calls: a file, or a loaded tariff.")
    ] = None,
    new_package: Annotated[
        str | None, typer.Option("--new-package", help="Another package: a file, ending .toml, or a loaded one.")
    ] = None,
    markup: Annotated[str | None, typer.Option("--markup", help="Another markup in percent, such as 30.")] = None,
    extension: Extensions = None,
    top: Annotated[int, typer.Option("--top", min=0, max=10_000, help="So many of the calls that change most.")] = 10,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write a row for each client and destination as CSV.")
    ] = None,
    map_: Map = None,
    time_zone: TimeZone = None,
    accept_refused: AcceptRefused = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Say, by client and destination, what a new deck, markup or package would have made of the same calls.

    Each client has one period over all its calls. Without --cost, calls are bought by the tariff that they are sold by.
    """
    from bridge.calls_file import CallsFile
    from bridge.errors import Refused
    from bridge.rating.whatif.comparison import Comparison, TwoCurrencies
    from bridge.spool_file import spool_file

    if deck is None and new_package is None and markup is None:
        raise typer.BadParameter("say what would change: --deck, --new-package or --markup")
    now = the_package(package)
    then, then_named = (now, package) if new_package is None else (the_package(new_package), new_package)
    decks = Decks(tariff, inbound_tariff, cost, accept_refused, the_mapping(map_), the_zone(time_zone))
    # another package that is loaded brings its own tariff
    kept = tariff if new_package is None or is_file(new_package) else None
    new_decks = replace(decks, outbound=deck or kept)
    before = the_terms(now, decks, is_loaded=not is_file(package), extensions=extension or ())
    after = the_terms(
        _marked_up(then, markup), new_decks, is_loaded=not is_file(then_named), extensions=extension or ()
    )
    try:
        comparison = Comparison(before, after, largest=top)
    except TwoCurrencies as error:
        raise Refused(str(error)) from None
    file = CallsFile(calls)
    with spool_file() as first, spool_file() as second, say_progress("comparing") as tell:
        comparison.run(lambda what: file.pieces(lambda how_far: tell(f"{what}, {how_far}")), (first, second))
    say_faults(calls, [f"line {line}: {reason}" for line, reason in file.faults], file.faults_count)
    say_repeated(calls, comparison.repeated)
    if out is not None and not dry_run:
        _write(out, comparison, (calls, package, tariff, inbound_tariff, cost, deck, new_package))
    if json:
        lines = [_line(comparison, line) for line in comparison.lines()]
        say_json({**_totals(comparison), "lines": lines, "largest_changes": _largest(comparison), **file.document()})
    else:
        _say(comparison, top)


def _marked_up(package: Package, markup: str | None) -> Package:
    from bridge.errors import Refused
    from bridge.rating.packages.file import BadPackage, package_document, read_package

    if markup is None:
        return package
    try:
        return read_package(package_document(package) | {"markup_percent": markup})
    except BadPackage as error:
        raise Refused(f"--markup: {error}") from None


def _totals(comparison: Comparison) -> dict[str, Any]:
    calls, before, after = comparison.totals()
    return {"currency": comparison.currency, "calls": calls, **_sides(comparison, before, after)}


def _line(comparison: Comparison, line: Line) -> dict[str, Any]:
    return {
        "client": comparison.client(line.client),
        "destination": comparison.destination(line.destination),
        "calls": line.calls,
        **_sides(comparison, line.before, line.after),
    }


def _largest(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "id": each.id,
            "client": comparison.client(each.client),
            "destination": comparison.destination(each.destination),
            "number": each.number,
            "before": _money(each.before, comparison),
            "after": _money(each.after, comparison),
            "change": _money(each.after - each.before, comparison),
        }
        for each in comparison.largest_changes()
    ]


def _sides(comparison: Comparison, before: Side, after: Side) -> dict[str, Any]:
    """Without a deck to buy by there is no cost, and no margin; nor is there one where that deck lacks a price."""
    bought = [terms.cost is not None for terms in (comparison.before, comparison.after)]
    margins = [side.margin if is_bought else None for side, is_bought in zip((before, after), bought, strict=True)]
    known = [margin for margin in margins if margin is not None]
    is_whole = len(known) == len(SIDES)
    found: dict[str, Any] = {
        name: {
            "billed_seconds": side.billed_seconds,
            "revenue": _money(side.revenue, comparison),
            "cost": _money(side.cost, comparison) if is_bought else None,
            "margin": None if margin is None else _money(margin, comparison),
            "without_charge": side.unpriced,
            "with_cost": side.with_cost,
            "without_cost": side.without_cost,
        }
        for name, side, is_bought, margin in zip(SIDES, (before, after), bought, margins, strict=True)
    }
    found["change"] = {
        "revenue": _money(after.revenue - before.revenue, comparison),
        "cost": _money(after.cost - before.cost, comparison) if is_whole else None,
        "margin": _money(known[1] - known[0], comparison) if is_whole else None,
    }
    return found


def _money(micro: int, comparison: Comparison) -> str:
    from bridge.rating.money import Money

    return str(Money(micro, comparison.currency))


def _write(out: Path, comparison: Comparison, read: Iterable[str | Path | None]) -> None:
    """Names come from outside, and no spreadsheet takes them for formulas."""
    from bridge.rating.decks.export import harmless
    from bridge.whole_file import whole_file

    with whole_file(out, apart_from=read) as file:
        written = io.TextIOWrapper(file, encoding="utf-8", newline="")
        table = csv.writer(written, lineterminator="\n")
        table.writerow(["client", "destination", "calls", *(f"{name}_{side}" for name in FIGURES for side in SIDES)])
        for each in comparison.lines():
            line = _line(comparison, each)
            figures = [line[side][name] for name in FIGURES for side in SIDES]
            table.writerow([harmless(line["client"]), harmless(line["destination"]), line["calls"], *figures])
        written.detach()


def _say(comparison: Comparison, top: int) -> None:
    totals = _totals(comparison)
    say_table(f"{totals['calls']} calls, in {comparison.currency}", ("", *SIDES, "change"), _facts(totals))
    print()
    lines = (_line(comparison, line) for line in islice(comparison.lines(), top))
    rows = (
        (
            line["client"],
            line["destination"],
            line["calls"],
            *_changed(line, "revenue")[::2],
            *_changed(line, "margin")[::2],
        )
        for line in lines
    )
    columns = ("client", "destination", "calls", "revenue", "change", "margin", "change")
    say_table("Where revenue changes most", columns, rows)
    print()
    names = ("id", "client", "destination", "number", *SIDES, "change")
    calls = ([each[name] for name in names] for each in _largest(comparison))
    say_table("The calls that change most", ("call", *names[1:]), calls)


def _facts(totals: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    for name in ("revenue", "cost", "margin"):
        yield name, *_changed(totals, name)
    for name in ("billed_seconds", "without_charge", "without_cost"):
        before, after = (totals[side][name] for side in SIDES)
        yield name.replace("_", " "), before, after, after - before


def _changed(line: Mapping[str, Any], name: str) -> tuple[object, object, object]:
    return line["before"][name], line["after"][name], line["change"][name]
