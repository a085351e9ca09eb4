"""`serve`, `work`, `openrpc`."""

from __future__ import annotations

import typer

from bridge.cli.words import Json, say_json, the_bridge


def add_to(app: typer.Typer) -> None:
    app.command("serve")(serve)
    app.command("work")(work)
    app.command("openrpc")(openrpc)


def serve(
    workers: bool = typer.Option(True, "--workers/--no-workers", help="Also do the work, not only take calls."),
    json: Json = False,
) -> int:
    """Take WHMCS's calls, and do what they ask."""
    from bridge import serving
    from bridge.periodic import periodic_jobs

    bridge = the_bridge()
    count = bridge.settings.workers if workers else 0
    tell = say_json if json else print_nothing
    return serving.serve(bridge, workers=count, jobs=periodic_jobs(bridge), tell=tell)


def work(json: Json = False) -> int:
    """Do what was asked, without taking calls: more workers, on this host or another."""
    import signal

    from bridge import serving
    from bridge.periodic import periodic_jobs

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    bridge = the_bridge()
    tell = say_json if json else print_nothing
    return serving.work(bridge, workers=bridge.settings.workers, jobs=periodic_jobs(bridge), tell=tell)


def print_nothing(_: object) -> None:
    """What a service has to say goes to its log."""


def openrpc(
    json: bool = typer.Option(False, "--json", help="The document is JSON either way."),
) -> None:
    """Print the description of every RPC method."""
    from bridge.rpc.methods import all_methods
    from bridge.rpc.openrpc import document

    say_json(document(all_methods()))
