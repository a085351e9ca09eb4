"""`sweep`: compare what is wanted, mirrored, there and said by WHMCS, once; what cron runs, safe twice and at once."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli.words import DryRun, Json, operator, say_facts, say_json, the_bridge


def add_to(app: typer.Typer) -> None:
    app.command("sweep")(sweep)


def sweep(
    service: Annotated[list[int] | None, typer.Option("--service", help="Only this service.")] = None,
    confirm: Annotated[
        str | None, typer.Option("--confirm", help="The fingerprint of a batch that was stopped for its size.")
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Compare, repair, report or ask, as the policies say."""
    from bridge.drift.sweep import run

    report = run(the_bridge(), dry_run=dry_run, service_ids=service or None, confirm=confirm, person=operator())
    if json:
        say_json(report.to_json())
    else:
        say_facts(report.to_json())
