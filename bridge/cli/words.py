"""How the command line speaks: tables for people, one JSON document for machines, one sentence for trouble."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from bridge.app import Bridge
    from bridge.rating.bulk.repeated import Repeated

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]

FAULTS_SHOWN_MAX = 20


def say_error(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def say_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, default=str), flush=True)


def say_json_list(documents: Iterable[Any]) -> None:
    """One JSON document, however long, without holding it."""
    print("[", end="")
    for place, document in enumerate(documents):
        print(",\n " if place else "", json.dumps(document, ensure_ascii=False, default=str), sep="", end="")
    print("]", flush=True)


def say_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, styles: Mapping[str, str] | None = None
) -> None:
    """Colours and frames only on a terminal; plain columns for everything that reads. `styles` is by a cell's text."""
    if not sys.stdout.isatty():
        say_lines(chain([columns], rows))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # Text: what came from outside is never read as markup
        table.add_row(*(Text(cell, style=(styles or {}).get(cell, "")) for cell in map(_cell, row)))
    Console().print(table)


def say_lines(rows: Iterable[Sequence[object]]) -> None:
    """A line for each, with tabs between its columns."""
    for row in rows:
        print("\t".join(map(_cell, row)))


def say_facts(facts: Mapping[str, object]) -> None:
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        print(f"{name.ljust(width)}  {_cell(value)}")


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return "".join(character if character.isprintable() else " " for character in str(value))


def say_faults(source: object, faults: Sequence[object], count: int) -> None:
    """What is wrong in a file, a line each; many are counted."""
    for fault in faults[:FAULTS_SHOWN_MAX]:
        print(f"{source}: {fault}", file=sys.stderr)
    more = count - min(len(faults), FAULTS_SHOWN_MAX)
    if more > 0:
        print(f"{source}: {more} more like these", file=sys.stderr)


def say_repeated(source: object, repeated: Repeated) -> None:
    if repeated.count:
        print(f"{source}: {_cell(repeated)}", file=sys.stderr)


@contextmanager
def say_progress(what: str) -> Iterator[Callable[[str], object]]:
    """On a terminal, how far it is; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda _how_far: None
        return
    from rich.console import Console

    with Console(stderr=True).status(what) as status:
        yield lambda how_far: status.update(f"{what}: {how_far}")


def the_bridge(*, ready: bool = True) -> Bridge:
    """The bridge as the settings say; `ready` asks for a current schema before anything is done with it."""
    from bridge import app, logs, settings

    read = settings.read()
    logs.set_up(read.log)
    no_core_dumps()
    bridge = app.build(read)
    if ready:
        from bridge import schema

        schema.ensure_current(bridge.engine)
    return bridge


def no_core_dumps() -> None:
    """A core dump would hold every secret in memory (T-20)."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def operator() -> str:
    """Who is typing, for the audit."""
    import getpass
    import os

    name = os.environ.get("SUDO_USER") or _or_unknown(getpass.getuser)
    return f"cli:{name}"


def _or_unknown(ask: Any) -> str:
    try:
        return str(ask())
    except (KeyError, OSError):
        return "unknown"
