"""`tariff import/activate/list/show/diff/export/custom/rollback`: price lists, from a file into force and back."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.named import AcceptRefused, Map, TimeZone, the_list, the_mapping, the_zone
from bridge.cli.words import (
    DryRun,
    Json,
    Reason,
    operator,
    say_error,
    say_facts,
    say_json,
    say_json_list,
    say_progress,
    say_table,
    the_bridge,
)
from bridge.rating.decks.choices import DecimalMark, Flow, RouteClass

if TYPE_CHECKING:
    from bridge.tariff_staging import Progress, Wanted

Which = Annotated[
    str, typer.Argument(help="A tariff by its name, which is its deck in force; or a deck by its number or table.")
]
Confirm = Annotated[str | None, typer.Option("--confirm", help="What the dry run of this list answered.")]
Effective = Annotated[
    str | None, typer.Option("--effective", help="From when it holds, such as 2025-07-01 or 2025-07-01T06:00Z.")
]

OF_A_MINUTE = "minute", "second"


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Tariffs: price lists, from a file into force and back.", no_args_is_help=True)
    group.command("import")(import_)
    group.command("activate")(activate)
    group.command("list")(listed)
    group.command("show")(show)
    group.command("diff")(diff)
    group.command("export")(export)
    group.command("custom")(custom)
    group.command("rollback")(rollback)
    app.add_typer(group, name="tariff")


# --- import ----------------------------------------------------------------------------------------------------------


def import_(
    file: Annotated[Path, typer.Argument(help="The price list as CSV.")],
    provider: Annotated[str | None, typer.Option("--provider", help="Whose list it is.")] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The tariff that packages name; lists follow in it.")
    ] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="ISO 4217; the provider's where absent.")] = None,
    effective: Effective = None,
    map_: Map = None,
    check: Annotated[bool, typer.Option("--check", help="Only read the list; needs no database.")] = False,
    stage: Annotated[bool, typer.Option("--stage", help="Keep it for bridge tariff activate.")] = False,
    confirm: Confirm = None,
    accept_refused: AcceptRefused = False,
    direction: Annotated[Flow, typer.Option("--direction", help="Of the calls it prices.")] = "outbound",
    route_class: Annotated[RouteClass, typer.Option("--route-class", help="Of the route it prices.")] = "value",
    unit: Annotated[
        str | None, typer.Option("--unit", help="What a price is for: minute, second, or a number of seconds.")
    ] = None,
    increment: Annotated[
        str | None, typer.Option("--increment", help="For a list without one: 60, or 30/6 for first and next.")
    ] = None,
    decimal_mark: Annotated[DecimalMark | None, typer.Option("--decimal", help="Where a list leaves it open.")] = None,
    date_format: Annotated[
        str | None, typer.Option("--date-format", help="Such as DD/MM/YYYY; else 2025-07-01.")
    ] = None,
    time_zone: TimeZone = None,
    strip: Annotated[str, typer.Option("--strip", help="Digits to take off every prefix, such as 00.")] = "",
    prepend: Annotated[str, typer.Option("--prepend", help="Digits to put before every prefix.")] = "",
    drop_customs: Annotated[
        bool, typer.Option("--drop-customs", help="Do not carry custom flags over from the deck before.")
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> int:
    """Read a price list, compare it with the deck in force, and bring it into force.

    A list of which rows are refused, or that changes suspiciously much, is staged and waits for bridge tariff activate.
    """
    from bridge.tariff_staging import Wanted

    if not check and (provider is None or name is None):
        raise typer.BadParameter("say whose list it is and which tariff: --provider and --name (or only --check it)")
    how = {
        "unit_seconds": _unit(unit),
        "increment": increment,
        "decimal_mark": decimal_mark,
        "date_format": date_format,
        "time_zone": time_zone,
        "strip": _digits(strip, "--strip"),
        "prepend": _digits(prepend, "--prepend"),
    }
    wanted = Wanted(
        provider=provider or "-",
        name=name or "-",
        currency=currency,
        effective=_moment(effective, time_zone),
        direction=direction,
        route_class=route_class,
        mapping=the_mapping(map_),
        how={name: value for name, value in how.items() if value},
        file_name=file.name,
        keep_customs=not drop_customs,
    )
    if check:
        return _check(file, wanted, accept_refused=accept_refused, json=json)
    return _bring_in(
        file, wanted, confirm=confirm, accept_refused=accept_refused, stage=stage, dry_run=dry_run, json=json
    )


def _check(file: Path, wanted: Wanted, *, accept_refused: bool, json: bool) -> int:
    from datetime import UTC

    from bridge.deck_file import KEPT
    from bridge.rating.decks.diff import compare
    from bridge.tariff_staging import instructions_of

    reading = the_list(file, instructions_of(wanted), kept=KEPT)
    document = {**reading.document(), "diff": compare(None, reading.rows, datetime.now(UTC)).counts()}
    if json:
        say_json(document)
    else:
        say_facts(_told(document))
    if reading.rows_refused and not accept_refused:
        return say_error(f"{reading.rows_refused} of {reading.rows_read} rows are refused")
    return 0


def _bring_in(
    file: Path, wanted: Wanted, *, confirm: str | None, accept_refused: bool, stage: bool, dry_run: bool, json: bool
) -> int:
    from bridge import tariff_import, tariff_staging
    from bridge.asking import Asking

    bridge = the_bridge()
    how = tariff_staging.instructions(bridge, wanted)
    reading = the_list(file, how)
    with _progress("importing") as progress:
        answer = tariff_import.bring_in(
            bridge,
            Asking(operator(), "tariff.import", dry_run=dry_run),
            wanted,
            how,
            reading,
            confirm=confirm,
            accept_refused=accept_refused,
            only_stage=stage,
            progress=progress,
        )
    if json:
        say_json(answer)
    else:
        say_facts(_told(answer))
        if dry_run and answer["alarm"]:
            print(f"it would wait for --confirm: {answer['alarm']}", file=sys.stderr)
        for each in answer["below_cost"]:
            print(f"package {each['package']!r}: {each['sentence']}", file=sys.stderr)
    _say_past(wanted.effective)
    if answer["kept_back"] and not stage and (not dry_run or (answer["rows_refused"] and not accept_refused)):
        return say_error(answer["kept_back"])
    return 0


def _told(answer: Mapping[str, Any]) -> dict[str, object]:
    """What a person wants to know of an import at a glance."""
    names = ("rows_read", "rows_accepted", "rows_refused", "prefixes")
    told = {name.replace("_", " "): answer[name] for name in names}
    told |= {name: answer["diff"][name] for name in ("added", "removed", "dearer", "cheaper")}
    for name in ("deck_id", "table", "effective_from", "confirm"):
        if answer.get(name) is not None:
            told[name.removesuffix("_id").replace("_", " ")] = answer[name]
    return told


def _unit(told: str | None) -> int | None:
    if told is None or told in OF_A_MINUTE:
        return {None: None, "minute": 60, "second": 1}[told]
    if not (told.isascii() and told.isdigit() and 1 <= len(told) <= 4 and 1 <= int(told) <= 3600):
        raise typer.BadParameter(f"{told!r} is not minute, second, or seconds from 1 to 3600", param_hint="--unit")
    return int(told)


def _digits(told: str, option: str) -> str:
    if told and not (told.isascii() and told.isdigit()):
        raise typer.BadParameter(f"{told!r} is not digits", param_hint=option)
    return told


def _moment(told: str | None, time_zone: str | None) -> datetime | None:
    from zoneinfo import ZoneInfo

    from bridge.rating.decks.cells import read_moment
    from bridge.rating.price import Unreadable

    zone = ZoneInfo(the_zone(time_zone) or "UTC")
    try:
        return read_moment(told or "", None, zone)
    except Unreadable as why:
        raise typer.BadParameter(f"{told!r} is refused: {why}", param_hint="--effective") from None


def _say_past(effective: datetime | None) -> None:
    """A deck that begins in the past prices calls that nobody expects it to."""
    from datetime import UTC

    days = (datetime.now(UTC) - effective).days if effective is not None else 0
    if days > 0:
        past = f"{days} past day{'s' if days > 1 else ''}"
        print(f"it holds for {past}; calls of that time that are still held take its price", file=sys.stderr)


@contextmanager
def _progress(what: str) -> Iterator[Progress]:
    with say_progress(what) as progress:
        yield lambda stage, rows: progress(f"{stage}, {rows} rows")


# --- afterwards ------------------------------------------------------------------------------------------------------


def activate(
    deck: Annotated[int, typer.Argument(min=1, help="The number of a staged deck.")],
    confirm: Annotated[str, typer.Option("--confirm", help="What its import answered: it was looked at.")],
    effective: Effective = None,
    time_zone: TimeZone = None,
    accept_refused: AcceptRefused = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Bring a staged deck into force, at once or from a chosen time."""
    from bridge import tariff_activation
    from bridge.asking import Asking

    bridge = the_bridge()
    with _progress("activating") as progress:
        answer = tariff_activation.activate(
            bridge,
            Asking(operator(), "tariff.activate", dry_run=dry_run),
            deck,
            confirm=confirm,
            effective=_moment(effective, time_zone),
            accept_refused=accept_refused,
            progress=progress,
        )
    _say(answer, json=json)
    _say_past(_moment(effective, time_zone))


def listed(
    provider: Annotated[str | None, typer.Option("--provider", help="Only this provider's.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Only the decks of this tariff.")] = None,
    json: Json = False,
) -> None:
    """Every deck, newest first, and which is in force."""
    from bridge import tariffs

    found = tariffs.listed(the_bridge(), provider=provider, series=name)
    if json:
        say_json(found)
        return
    columns = ("deck_id", "series", "provider", "currency", "state", "in_force", "effective_from", "prefixes", "table")
    shown = ("deck", "tariff", "provider", "currency", "state", "in force", "from", "prefixes", "table")
    say_table("Tariffs", shown, ([each[column] for column in columns] for each in found))


def show(deck: Which, json: Json = False) -> None:
    """How a deck's list was read, what it changed, and what was changed in it since."""
    from bridge import tariffs

    _say(tariffs.shown(the_bridge(), deck), json=json)


def diff(
    deck: Which,
    against: Annotated[str | None, typer.Option("--against", help="Another than the one before it.")] = None,
    json: Json = False,
) -> None:
    """Prefixes that a deck adds, removes, makes dearer or cheaper; of each kind the first 200 are listed."""
    from bridge import tariffs

    answer = tariffs.compared(the_bridge(), deck, against)
    if json:
        say_json(answer)
        return
    keys = ("prefix", "description", "before", "after", "falls_back_to")
    rows = ((kind, *(each.get(key) for key in keys)) for kind, found in answer["changes"].items() for each in found)
    say_table("Changes", ("change", "prefix", "description", "before", "after", "falls back to"), rows)


def export(
    deck: Which,
    state: Annotated[int | None, typer.Option("--state", min=1, help="As it was then, not as it stands.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A file instead of stdout.")] = None,
    json: Json = False,
) -> None:
    """Print a deck as CSV. Imported again, it is the same deck."""
    import csv

    from bridge import tariffs

    bridge = the_bridge()
    lines, zone = tariffs.exported(bridge, deck, state), tariffs.shown(bridge, deck)["time_zone"]
    if zone != "UTC":
        told = f"the hours of this deck are in {zone}: imported with --time-zone {zone} it is the same deck"
        print(told, file=sys.stderr)
    if json:
        say_json_list(csv.DictReader(lines))
    elif out is not None:
        _write(out, lines)
    else:
        sys.stdout.writelines(line.replace("\r\n", "\n") for line in lines)


def custom(
    deck: Which,
    set_: Annotated[list[str] | None, typer.Option("--set", help="A prefix that the package prices.")] = None,
    clear: Annotated[list[str] | None, typer.Option("--clear", help="A prefix that the deck prices again.")] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Say for which prefixes of a deck the package's own price applies. What is not named is left as it is."""
    from bridge import tariffs
    from bridge.asking import Asking

    asking = Asking(operator(), "tariff.set_custom", dry_run=dry_run)
    _say(tariffs.set_custom(the_bridge(), asking, deck, custom=set_ or (), clear=clear or ()), json=json)


def rollback(
    name: Annotated[str, typer.Argument(help="The tariff.")],
    reason: Reason = "",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take back the deck of a tariff that was activated last; the one before it is in force again."""
    from bridge import tariffs
    from bridge.asking import Asking

    answer = tariffs.rollback(the_bridge(), Asking(operator(), "tariff.rollback", dry_run=dry_run), name, reason)
    if json:
        say_json(answer)
    else:
        say_facts({way.replace("_", " "): deck and _deck_told(deck) for way, deck in answer.items()})


def _deck_told(deck: Mapping[str, Any]) -> str:
    return f"deck {deck['deck_id']}, {deck['table']}, from {deck['effective_from']}"


def _say(answer: Mapping[str, Any], *, json: bool) -> None:
    if json:
        say_json(answer)
    else:
        say_facts(answer)


def _write(out: Path, lines: Iterable[str]) -> None:
    from bridge.errors import Refused

    partial = out.with_name(f".{out.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
        partial.replace(out)
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from None
