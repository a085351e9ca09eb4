"""`package load/show/list/lint`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.named import Map, TimeZone, is_file, the_deck, the_mapping, the_package, the_zone
from bridge.cli.words import DryRun, Json, operator, say_json, say_table, the_bridge

if TYPE_CHECKING:
    from bridge.rating.decks.reading import Instructions
    from bridge.rating.packages.finding import Finding

Which = Annotated[str, typer.Argument(help="A package's file, ending .toml, or the name or product of a loaded one.")]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Packages: what the calls of a product cost, and what it gives.", no_args_is_help=True)
    group.command("load")(load)
    group.command("show")(show)
    group.command("list")(listed)
    group.command("lint")(lint)
    app.add_typer(group, name="package")


def load(
    file: Annotated[Path, typer.Argument(help="The package as TOML.")], dry_run: DryRun = False, json: Json = False
) -> None:
    """Load a package from its file, as a new version of its product's."""
    from bridge import packages
    from bridge.asking import Asking
    from bridge.package_findings import findings
    from bridge.rating.packages.finding import Severity

    package, bridge = the_package(str(file)), the_bridge()
    answer = packages.save(bridge, Asking(operator(), "package.save", dry_run=dry_run), package)
    if json:
        say_json(answer)
    elif answer["is_new"]:
        verb = "would be" if dry_run else "is"
        print(f"{package.name} {verb} version {answer['version']} of the package of product {package.product_id}.")
    else:
        print(f"{package.name} is in force already, as version {answer['version']}.")
    for each in findings(bridge, package):
        if each.severity is Severity.ERROR:
            print(f"{each.code}, {each.path}: {each.sentence}", file=sys.stderr)


def show(
    package: Which,
    version: Annotated[int | None, typer.Option("--version", min=1, help="Another one than the newest.")] = None,
    json: Json = False,
) -> None:
    """Print a package as a file with every key that it has, defaults included."""
    from bridge.errors import Refused
    from bridge.rating.packages.file import package_document
    from bridge.rating.packages.toml_text import toml_text

    answer: dict[str, Any]
    if is_file(package):
        if version is not None:
            raise Refused("--version is for loaded packages; a file has one")
        found = the_package(package)
        answer = {"product_id": found.product_id, "name": found.name, "package": package_document(found)}
    else:
        from bridge import packages

        bridge = the_bridge()
        product_id = packages.named(bridge, package).product_id
        answer, found = packages.get(bridge, product_id, version), packages.of_product(bridge, product_id, version)
    if json:
        say_json(answer)
    else:
        print(toml_text({"package": package_document(found)}), end="")


def listed(json: Json = False) -> None:
    """Every product's package in force."""
    from bridge import packages

    found = packages.listed(the_bridge())
    if json:
        say_json(found)
        return
    columns = ("product_id", "name", "version", "created_at", "created_by")
    say_table(
        "Packages", ("product", "name", "version", "loaded", "by"), ([each[key] for key in columns] for each in found)
    )


def lint(
    package: Which,
    tariff: Annotated[Path | None, typer.Option("--tariff", help="The deck of its tariff, for a file.")] = None,
    cost: Annotated[Path | None, typer.Option("--cost", help="The deck that calls are bought at, for a file.")] = None,
    map_: Map = None,
    time_zone: TimeZone = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 where a finding is an error.")] = False,
    json: Json = False,
) -> int:
    """Say what a package has that is probably not meant. A file needs no database."""
    from bridge.errors import Refused
    from bridge.rating.decks.reading import Instructions
    from bridge.rating.packages.finding import Severity

    if is_file(package):
        how = Instructions(mapping=the_mapping(map_), time_zone=the_zone(time_zone))
        found = _of_file(package, tariff, cost, how)
    else:
        from bridge import packages
        from bridge.package_findings import findings

        if tariff or cost:
            raise Refused("--tariff and --cost are for files; a loaded package has its own")
        bridge = the_bridge()
        found = findings(bridge, packages.named(bridge, package))
    if json:
        say_json([each.document() for each in found])
    elif found:
        styles = {"error": "red", "warning": "yellow"}
        rows = ((each.severity.value, each.code, each.path, each.sentence) for each in found)
        say_table("Findings", ("severity", "finding", "key", "why"), rows, styles=styles)
    else:
        print("Nothing was found.")
    return 1 if strict and any(each.severity is Severity.ERROR for each in found) else 0


def _of_file(path: str, tariff: Path | None, cost: Path | None, how: Instructions) -> list[Finding]:
    from dataclasses import replace
    from datetime import UTC, datetime

    from bridge.rating.packages.lint import Decks
    from bridge.rating.packages.lint import lint as findings

    package = the_package(path)
    how = replace(how, currency=package.currency)
    sold, bought = (the_deck(each, how, accept_refused=True) if each else None for each in (tariff, cost))
    if tariff is None:
        print("without --tariff DECK.csv what a deck makes of the package is not looked at", file=sys.stderr)
    return findings(package, datetime.now(UTC), Decks(sold, None, bought))
