"""`db upgrade`, `db check`."""

from __future__ import annotations

import typer

from bridge.cli.words import DryRun, Json, say_error, say_json, the_bridge


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="The bridge's own tables.", no_args_is_help=True)
    group.command("upgrade")(upgrade)
    group.command("check")(check)
    app.add_typer(group, name="db")


def upgrade(dry_run: DryRun = False, json: Json = False) -> None:
    """Bring the tables up to date. Safe to repeat, and to repeat after a crash."""
    from bridge import schema

    applied = schema.upgrade(the_bridge(ready=False).engine, dry_run=dry_run)
    if json:
        say_json({"applied": applied, "dry_run": dry_run})
    elif not applied:
        print("The schema is current.")
    else:
        verb = "would be applied" if dry_run else "applied"
        for name in applied:
            print(f"{name} {verb}")


def check(json: Json = False) -> int:
    """Say whether the tables are as this bridge needs them."""
    from bridge import schema

    missing = schema.check(the_bridge(ready=False).engine)
    if json:
        say_json({"current": not missing, "missing": missing})
        return 1 if missing else 0
    if missing:
        return say_error("\n".join(missing))
    print("The schema is current.")
    return 0
