"""`installation show/confirm`: whom the bridge serves, where it runs, and what a person says to that."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from bridge.cli.words import DryRun, Json, Reason, operator, say_facts, say_json, the_bridge


class What(StrEnum):
    RESTORED = "restored"
    MACHINE = "machine"
    WHMCS = "whmcs"


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Whom the bridge serves, and where it runs.", no_args_is_help=True)
    group.command("show")(show)
    group.command("confirm")(confirm)
    app.add_typer(group, name="installation")


def show(json: Json = False) -> None:
    """Which WHMCS is served, on which machines, and why nothing is done."""
    from bridge.life import installation

    found = installation.shown(the_bridge())
    if json:
        say_json(found)
    else:
        say_facts(found)


def confirm(
    what: Annotated[What, typer.Argument(help="That a restore is over, that this machine stays, or another WHMCS.")],
    fingerprint: Annotated[str, typer.Argument(help="Of the machine or the WHMCS, as `show` tells it.")] = "",
    beside: Annotated[bool, typer.Option("--beside", help="With a machine: those confirmed before stay.")] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Say by your name that the bridge may go on. It is written down."""
    from bridge.asking import Asking
    from bridge.errors import NotPrepared
    from bridge.life import installation

    bridge = the_bridge()
    asking = Asking("cli", "installation.confirm", dry_run=dry_run)
    if what is not What.RESTORED and not fingerprint:
        raise NotPrepared(
            f"name the fingerprint of the {what.value} that you confirm; bridge installation show tells it"
        )
    match what:
        case What.RESTORED:
            answer = installation.leave_restore(bridge, asking, person=operator(), reason=reason)
        case What.WHMCS:
            answer = installation.confirm_whmcs(
                bridge, asking, fingerprint=fingerprint, person=operator(), reason=reason
            )
        case What.MACHINE:
            answer = installation.confirm_machine(
                bridge, asking, fingerprint=fingerprint, person=operator(), reason=reason, beside=beside
            )
    if json:
        say_json(answer)
    else:
        say_facts(answer)
