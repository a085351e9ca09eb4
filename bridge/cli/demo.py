"""`demo`: the whole thing at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.words import Json, say_error, say_facts, say_json

if TYPE_CHECKING:
    from bridge.demo.story import Summary


def add_to(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="One full round and a summary, then end.")] = False,
    json: Json = False,
) -> int:
    """Show the whole thing at work: a stand-in WHMCS, a simulated PBX, and the bridge between them."""
    import signal
    import sys
    import tempfile
    import threading
    from pathlib import Path

    from bridge import logs, settings
    from bridge.demo.screen import Screen
    from bridge.demo.stage import stage
    from bridge.demo.story import play

    read = settings.read()
    listen = settings.Address(read.listen.host, 0) if once else read.listen
    logs.set_up(read.log, level=50)
    for ended in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ended, signal.default_int_handler)  # as Ctrl-C: everything is put away
    with tempfile.TemporaryDirectory(prefix="bridge-demo-") as folder, stage(Path(folder), listen) as set_up:
        with Screen(set_up, live=sys.stderr.isatty()) as screen:
            screen.tell(f"the bridge answers at {set_up.bridge_address}/rpc/v1")
            summary = play(set_up, screen.tell)
            if not once:
                _say_summary(summary, screen.tell)
                screen.tell("the first round is done; the next begins when a minute has passed. Ctrl-C ends it")
                _go_on(set_up, screen.tell, threading.Event())
        if json:
            say_json(_document(summary))
        else:
            say_facts(_document(summary))
    if not summary.tied_out:
        return say_error("the demo did not tie out: " + "; ".join(summary.complaints))
    return 0


def _go_on(set_up: Any, tell: Any, stop: Any) -> None:
    """Round after round, until somebody presses Ctrl-C."""
    from bridge.demo.story import play

    number = 1
    while not stop.wait(60):
        number += 1
        play(set_up, tell, round_number=number)


def _document(summary: Summary) -> dict[str, Any]:
    return {
        "operations": summary.operations,
        "calls": summary.calls,
        "charges": summary.charges,
        "postings": summary.postings,
        "charged": str(summary.charged),
        "posted": str(summary.posted),
        "carried": str(summary.carried),
        "tied_out": summary.tied_out,
        "services": len(summary.statuses),
        "tasks_open": summary.tasks_open,
    }


def _say_summary(summary: Summary, tell: Any) -> None:
    for name, value in _document(summary).items():
        tell(f"{name}: {value}")
