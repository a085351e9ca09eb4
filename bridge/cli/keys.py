"""`keys add/list/rotate/revoke`."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli.words import DryRun, Json, Reason, operator, say_json, say_table, the_bridge

Name = Annotated[str, typer.Argument(help="The key's name: 3 to 64 of a-z, 0-9 and -.")]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="The keys that sign calls.", no_args_is_help=True)
    group.command("add")(add)
    group.command("list")(listed)
    group.command("rotate")(rotate)
    group.command("revoke")(revoke)
    app.add_typer(group, name="keys")


def add(
    name: Name,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="A method, or noun.*; none means every method.")
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Make a key. Its secret is shown once, now."""
    from bridge import keys

    bridge = the_bridge()
    if dry_run:
        keys.check_new(bridge, name, scope or ())
        _say_dry(f"key {name} would be added", json=json)
        return
    key_id, secret = keys.add(bridge, name, scope or (), by=operator())
    _say_secret(key_id, secret.reveal(), json=json)


def listed(json: Json = False) -> None:
    """Every key, and how long its secrets last."""
    from bridge import keys

    rows = keys.list_keys(the_bridge())
    if json:
        say_json(
            [
                {
                    "key_id": row.key_id,
                    "scopes": row.scopes,
                    "state": row.state,
                    "created_at": row.created_at.isoformat(),
                    "created_by": row.created_by,
                    "ends_at": row.ends_at.isoformat() if row.ends_at else None,
                }
                for row in rows
            ]
        )
        return
    say_table(
        "Keys",
        ("key", "scopes", "state", "made", "by", "ends"),
        (
            (
                row.key_id,
                ", ".join(row.scopes) or "every method",
                row.state,
                f"{row.created_at:%Y-%m-%d %H:%M}",
                row.created_by,
                f"{row.ends_at:%Y-%m-%d %H:%M}" if row.ends_at else None,
            )
            for row in rows
        ),
    )


def rotate(name: Name, dry_run: DryRun = False, json: Json = False) -> None:
    """Give a key a new secret. The one before stays good for 7 days."""
    from bridge import keys

    bridge = the_bridge()
    if dry_run:
        keys.check_known(bridge, name)
        _say_dry(f"key {name} would get a new secret", json=json)
        return
    key_id, secret = keys.rotate(bridge, name, by=operator())
    _say_secret(key_id, secret.reveal(), json=json)


def revoke(name: Name, reason: Reason = "", dry_run: DryRun = False, json: Json = False) -> None:
    """End a key at once."""
    from bridge import keys

    bridge = the_bridge()
    if dry_run:
        keys.check_known(bridge, name)
        _say_dry(f"key {name} would end at once", json=json)
        return
    keys.revoke(bridge, name, by=operator(), reason=reason or None)
    if json:
        say_json({"key_id": name, "revoked": True})
    else:
        print(f"Key {name} is revoked.")


def _say_secret(key_id: str, secret: str, *, json: bool) -> None:
    if json:
        say_json({"key_id": key_id, "secret": secret})
        return
    print(f"key     {key_id}\nsecret  {secret}\n\nThe secret is shown this once. Put it where the caller keeps it.")


def _say_dry(sentence: str, *, json: bool) -> None:
    if json:
        say_json({"dry_run": True, "would": sentence})
    else:
        print(f"{sentence[0].upper()}{sentence[1:]}.")
