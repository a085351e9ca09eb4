"""`rate quote/batch`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.named import (
    AcceptRefused,
    AreaCode,
    Cost,
    Country,
    Decks,
    Extensions,
    InboundTariff,
    Map,
    PackageIfAny,
    PackageName,
    Tariff,
    TimeZone,
    is_file,
    the_mapping,
    the_package,
    the_terms,
    the_zone,
)
from bridge.cli.whatif import whatif
from bridge.cli.words import DryRun, Json, say_facts, say_faults, say_json, say_progress, say_repeated, the_bridge
from bridge.rating.call import SECONDS_MAX, Direction, read_instant
from bridge.rating.price import micro_text

if TYPE_CHECKING:
    from bridge.rating.bulk.batch import Batch
    from bridge.rating.quote import Quote


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="What calls cost, and why.", no_args_is_help=True)
    group.command("quote")(quote)
    group.command("batch")(batch)
    group.command("whatif")(whatif)
    app.add_typer(group, name="rate")


def quote(
    to: Annotated[str, typer.Option("--to", help="The number, as it is dialled.")],
    seconds: Annotated[int, typer.Option("--seconds", min=0, max=SECONDS_MAX, help="The answered seconds.")],
    package: PackageIfAny = None,
    caller: Annotated[str, typer.Option("--from", help="Who calls.")] = "",
    direction: Annotated[Direction, typer.Option("--direction", help="Which way the call goes.")] = Direction.OUTBOUND,
    at: Annotated[str | None, typer.Option("--at", help="When it is answered, with offset; else now.")] = None,
    service: Annotated[
        int | None, typer.Option("--service", min=1, help="A service: its tenant's extensions, and its package.")
    ] = None,
    tariff: Tariff = None,
    inbound_tariff: InboundTariff = None,
    cost: Cost = None,
    extension: Extensions = None,
    country: Country = None,
    area_code: AreaCode = None,
    map_: Map = None,
    time_zone: TimeZone = None,
    accept_refused: AcceptRefused = False,
    json: Json = False,
) -> None:
    """Say what one call costs, and why, in a period that begins with it."""
    from bridge.rating.call import Call
    from bridge.rating.quote import quote as quoted
    from bridge.rating.usage import Usage

    call = Call("quote", direction, caller, to, _moment(at), seconds)
    extensions, version = list(extension or ()), None
    if service is not None:
        from bridge import packages, quotes

        sold = quotes.sold_as(the_bridge(), service)
        extensions += sold.extensions
        country, area_code = country or sold.country, area_code or sold.area_code
        if package is None:
            version = sold.version
            found = packages.of_product(the_bridge(), sold.product_id, version)
    if package is not None:
        found = the_package(package)
    elif service is None:
        raise typer.BadParameter("say which --package, or which --service")
    terms = the_terms(
        found,
        Decks(tariff, inbound_tariff, cost, accept_refused, the_mapping(map_), the_zone(time_zone)),
        is_loaded=package is None or not is_file(package),
        version=version,
        extensions=extensions,
        country=country,
        area_code=area_code,
        moment=call.moment,
        asks_deck=direction is Direction.OUTBOUND,
    )
    answer = quoted(call, terms, Usage())
    if json:
        say_json(answer.document())
    else:
        _say(answer)


def _moment(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    try:
        return read_instant(at)
    except ValueError as rule:
        raise typer.BadParameter(f"--at {at!r} {rule}") from None


def _say(answer: Quote) -> None:
    document, currency = answer.document(), answer.currency
    say_facts(
        {
            "charge": "waits for a price" if answer.charge.micro is None else f"{document['charge']} {currency}",
            "class": document["class"],
            "billed": f"{document['billed_seconds']} s, {document['free_seconds']} s of them free",
            "cost": answer.cost and f"{answer.cost} {answer.cost.currency}",
            "margin": answer.margin and f"{answer.margin} {currency}",
        }
    )
    print()
    for sentence in document["sentences"]:
        print(sentence)


def batch(
    package: PackageName,
    calls: Annotated[
        Path, typer.Option("--calls", help="The calls: id,direction,from,to,start,seconds; CSV, or .parquet.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The file of charges to write, a row per call.")],
    tariff: Tariff = None,
    inbound_tariff: InboundTariff = None,
    extension: Extensions = None,
    map_: Map = None,
    time_zone: TimeZone = None,
    accept_refused: AcceptRefused = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Rate a file of calls as one period of one package, however many they are. A package's file needs no database."""
    from contextlib import ExitStack

    from bridge.calls_file import CallsFile
    from bridge.rating.bulk.batch import Batch
    from bridge.rating.bulk.charges import HEADER
    from bridge.rating.bulk.repeated import Repeated
    from bridge.rating.usage import Usage
    from bridge.spool_file import spool_file
    from bridge.whole_file import whole_file

    terms = the_terms(
        the_package(package),
        Decks(tariff, inbound_tariff, None, accept_refused, the_mapping(map_), the_zone(time_zone)),
        is_loaded=not is_file(package),
        extensions=extension or (),
    )
    file, repeated, read = CallsFile(calls), Repeated(), (calls, package, tariff, inbound_tariff)
    with ExitStack() as stack:
        rated = Batch(terms, Usage(), stack.enter_context(spool_file()))
        write = (lambda _lines: None) if dry_run else stack.enter_context(whole_file(out, apart_from=read)).write
        tell = stack.enter_context(say_progress("rating"))
        write(HEADER)
        for charges in rated.charges(repeated.watched(file.pieces(tell))):
            write(rated.lines(charges))
    say_faults(calls, [f"line {line}: {reason}" for line, reason in file.faults], file.faults_count)
    say_repeated(calls, repeated)
    document = _document(rated) | file.document()
    if json:
        say_json(document)
    else:
        _say_batch(document, None if dry_run else out)


def _document(rated: Batch) -> dict[str, Any]:
    package, totals = rated.terms.package, rated.totals
    adjustment = {
        "amount": micro_text(rated.adjustment, package.cost_decimals),
        "currency": package.currency,
        "reason": "volume tiers: the price of the whole, less what its calls were charged",
    }
    return {
        "calls": totals.calls,
        "classes": {cls.value: count for cls, count in totals.classes.items()},
        "billed_seconds": totals.billed_seconds,
        "free_seconds": totals.free_seconds,
        "charged": micro_text(totals.micro, package.cost_decimals),
        "currency": package.currency,
        "adjustments": [adjustment] if rated.adjustment else [],
    }


def _say_batch(document: Mapping[str, Any], out: Path | None) -> None:
    classes = ", ".join(f"{count} {cls}" for cls, count in document["classes"].items())
    adjustments = ", ".join(f"{each['amount']} {each['currency']}" for each in document["adjustments"])
    say_facts(
        {
            "calls": f"{document['calls']}: {classes}" if classes else 0,
            "billed": f"{document['billed_seconds']} s, {document['free_seconds']} s of them free",
            "charged": f"{document['charged']} {document['currency']}",
            "adjustments": adjustments or "none",
            "written": out or "nothing, as this is a dry run",
        }
    )
