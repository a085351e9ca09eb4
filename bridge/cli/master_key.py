"""`master-key rotate/status/prune`."""

from __future__ import annotations

import typer

from bridge.cli.words import DryRun, Json, operator, say_facts, say_json, say_table, the_bridge


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="What secrets at rest are sealed with.", no_args_is_help=True)
    group.command("rotate")(rotate)
    group.command("status")(status)
    group.command("prune")(prune)
    app.add_typer(group, name="master-key")


def rotate(dry_run: DryRun = False, json: Json = False) -> None:
    """Add a version to the master key. What was sealed before comes under it in the background."""
    from bridge import rotation

    bridge = the_bridge()
    newest = rotation.rotate(bridge, by=operator(), dry_run=dry_run)
    if json:
        say_json({"newest": newest, "dry_run": dry_run})
    elif dry_run:
        print(f"The master key would get version {newest}. Nothing was changed.")
    else:
        print(
            f"The master key has version {newest}, in {bridge.settings.master_key_file}; keep a copy of it elsewhere.\n"
            "Where systemd hands it over, restart now: systemctl restart bridge.service bridge-work.service\n"
            "On further hosts put the same file in its place first. The background brings every secret under it;\n"
            "see how far it is with bridge master-key status, then drop the old one with bridge master-key prune."
        )


def status(json: Json = False) -> None:
    """How many sealed values are under which version of the master key."""
    from bridge import rotation

    found = rotation.status(the_bridge())
    if json:
        say_json(found.to_json())
        return
    say_table(
        "Master key",
        ("version", "values", "what of it"),
        (
            (version, count, _what_of(int(version), found.newest, found.versions))
            for version, count in found.to_json()["values"].items()
        ),
    )


def prune(dry_run: DryRun = False, json: Json = False) -> None:
    """Drop older versions of the master key, once nothing is sealed under them."""
    import time

    from bridge import rotation

    bridge = the_bridge()
    age = time.time() - bridge.settings.master_key_file.stat().st_mtime
    dropped = rotation.prune(bridge, by=operator(), seconds_since_rotation=age, dry_run=dry_run)
    if json:
        say_json({"dropped": list(dropped), "dry_run": dry_run})
    elif not dropped:
        print("The master key has one version; there is nothing to drop.")
    else:
        say_facts({"would be dropped" if dry_run else "dropped": ", ".join(map(str, dropped))})
        if not dry_run:
            print("\nBackups from before need the dropped version: keep the earlier copy of the file as long as them.")


def _what_of(version: int, newest: int, versions: tuple[int, ...]) -> str:
    if version == newest:
        return "sealed under now"
    return "opens; comes under the newest" if version in versions else "is not in the file: these do not open"
