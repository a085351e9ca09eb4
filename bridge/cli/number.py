"""`number normalise`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.named import AreaCode, Country, Extensions, PackageName, the_package
from bridge.cli.words import Json, say_json_list, say_lines, say_table
from bridge.rating.call import CallClass, Direction

if TYPE_CHECKING:
    from bridge.rating.numbers.number import Number


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="What dialled numbers become.", no_args_is_help=True)
    group.command("normalise")(normalise)
    app.add_typer(group, name="number")


def normalise(
    numbers: Annotated[list[str], typer.Argument(help="As they were dialled; - reads one a line from stdin.")],
    package: PackageName,
    extension: Extensions = None,
    country: Country = None,
    area_code: AreaCode = None,
    direction: Annotated[Direction, typer.Option("--direction", help="Which way the call went.")] = Direction.OUTBOUND,
    no_carrier: Annotated[bool, typer.Option("--no-carrier", help="The record shows no carrier leg.")] = False,
    json: Json = False,
) -> None:
    """Say what each dialled number becomes, and why. One answer for each, also where it becomes no number."""
    from bridge.errors import Refused
    from bridge.rating.numbers.number import normalise as normalised
    from bridge.rating.numbers.site import site_of

    try:
        site = site_of(the_package(package), extension or (), country=country, area_code=area_code)
    except ValueError as error:
        raise Refused(str(error)) from None
    read = (normalised(site, raw, direction=direction, by_gateway=not no_carrier) for raw in _raw(numbers))
    if json:
        say_json_list(map(_document, read))
    elif "-" in numbers:
        say_lines(map(_row, read))
    else:
        say_table("Numbers", ("dialled", "number", "class", "why"), map(_row, read))


def _raw(numbers: Sequence[str]) -> Iterator[str]:
    for number in numbers:
        if number == "-":
            yield from (line.rstrip(b"\r\n").decode(errors="replace") for line in sys.stdin.buffer)
        else:
            yield os.fsencode(number).decode(errors="replace")


def _document(read: Number) -> dict[str, Any]:
    return {
        "raw": read.raw,
        "number": read.number,
        "class": _class(read),
        "steps": [*read.steps],
        "notes": _notes(read),
    }


def _row(read: Number) -> tuple[str | None, ...]:
    return read.raw, read.number, _class(read), "; ".join((*read.steps, *_notes(read)))


def _class(read: Number) -> str:
    return read.kind or CallClass.BILLABLE


def _notes(read: Number) -> list[str]:
    from bridge.rating.numbers.plan import doubt_of

    doubt = doubt_of(read.number) if read.number else None
    return [*read.notes, *([doubt] if doubt else [])]
