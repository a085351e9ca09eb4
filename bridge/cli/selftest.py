"""`selftest`: what holds on your own systems."""

from __future__ import annotations

from dataclasses import asdict

import typer

from bridge.cli.words import DryRun, Json, operator, say_error, say_json, say_table, the_bridge


def add_to(app: typer.Typer) -> None:
    app.command("selftest")(selftest)


def selftest(dry_run: DryRun = False, json: Json = False) -> int:
    """Try what is set up, by reading only, and write the result down with version and date."""
    from bridge.life import selftest as selftests

    trials = selftests.run(the_bridge(), by=operator(), dry_run=dry_run)
    if json:
        say_json([asdict(trial) for trial in trials])
    else:
        columns = ("subject", "result", "version", "detail")
        say_table("Self test", columns, ((each.subject, each.status, each.version, each.detail) for each in trials))
    failed = [trial.subject for trial in trials if trial.status == "fail"]
    return say_error(f"{len(failed)} of {len(trials)} did not pass: {', '.join(failed)}") if failed else 0
