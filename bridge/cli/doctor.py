"""`doctor`: every check with its result, why it matters and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.words import Json, no_core_dumps, say_error, say_json, say_table

if TYPE_CHECKING:
    from bridge.life.doctor.check import Result

STYLES = {"ok": "green", "note": "cyan", "warn": "yellow", "fail": "bold red", "skip": "dim"}


def add_to(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    only: Annotated[list[str] | None, typer.Option("--only", help="Only checks whose names begin so.")] = None,
    json: Json = False,
) -> int:
    """Look at everything the bridge stands on: what was found, why it matters, how to mend it. Changes nothing."""
    import os
    import sys

    from bridge import __version__, logs
    from bridge.errors import NotPrepared
    from bridge.life.doctor import checks, examine, is_well
    from bridge.life.doctor.patient import admit

    wanted = [each for each in checks() if not only or each.name.startswith(tuple(only))]
    if not wanted:
        raise NotPrepared(
            f"no check is called {', '.join(only or ())}; there are {', '.join(c.name for c in checks())}"
        )
    no_core_dumps()
    patient = admit(os.environ)
    logs.set_up(patient.settings.log, level=50)
    found = examine(patient, wanted, tell=_progress if sys.stderr.isatty() else lambda name: None)
    if sys.stderr.isatty():
        _progress("")
    if json:
        say_json(
            {
                "ok": is_well(found),
                "version": __version__,
                "counts": _counts(found),
                "checks": [each.to_json() for each in found],
            }
        )
    else:
        say_table(
            "Doctor",
            ("check", "result", "found", "why it matters", "fix"),
            ((_name(each), each.status, each.detail, each.why, each.fix or None) for each in found),
            styles=STYLES,
        )
    if not is_well(found):
        failed = list(dict.fromkeys(each.name for each in found if each.status == "fail"))
        return say_error(f"{len(failed)} of {len(wanted)} checks failed: {', '.join(failed)}")
    return 0


def _name(result: Result) -> str:
    return f"{result.name} ({result.about})" if result.about else result.name


def _counts(found: list[Result]) -> dict[str, int]:
    return {status: sum(each.status == status for each in found) for status in ("ok", "note", "warn", "fail", "skip")}


def _progress(name: str) -> None:
    import sys

    print(f"\r\x1b[K{name}", end="", file=sys.stderr, flush=True)
