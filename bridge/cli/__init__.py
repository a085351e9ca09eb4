"""The command line: check what is typed, ask one use case, word the answer.

Exit codes: 0 done, 1 refused or failed (one clear sentence on stderr), 2 wrong usage. Every command takes `--json`.
Modules are imported by the command that needs them, so that `bridge --help` is there at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from bridge import __version__
from bridge.cli import (
    agent,
    call,
    database,
    demo,
    doctor,
    installation,
    keys,
    life,
    master_key,
    number,
    package,
    queue,
    rate,
    selftest,
    service,
    sweep,
    tariff,
)
from bridge.cli.words import say_error
from bridge.errors import BridgeError

app = typer.Typer(
    name="bridge",
    help="Sell multi-tenant telephony from WHMCS: exact, calm, and never twice.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
agent.add_to(app)
demo.add_to(app)
service.add_to(app)
database.add_to(app)
doctor.add_to(app)
life.add_to(app)
installation.add_to(app)
selftest.add_to(app)
keys.add_to(app)
master_key.add_to(app)
queue.add_to(app)
call.add_to(app)
sweep.add_to(app)
number.add_to(app)
package.add_to(app)
tariff.add_to(app)
rate.add_to(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"bridge {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", help="Say which version this is.", callback=_version, is_eager=True
    ),
) -> None:
    """Sell multi-tenant telephony from WHMCS: exact, calm, and never twice."""


def run(arguments: Sequence[str]) -> int:
    try:
        answer = app(list(arguments), prog_name="bridge", standalone_mode=False)
    except BridgeError as trouble:
        return say_error(str(trouble))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return _output_closed()
    except Exception as error:
        return _usage(error)
    return answer if isinstance(answer, int) else 0


def _usage(error: Exception) -> int:
    """What the parser could not understand; everything else is a bug and is told by its kind alone."""
    if hasattr(error, "exit_code") and hasattr(error, "format_message"):
        if error.format_message().startswith("Usage:"):  # a group without a command: its help
            print(error.format_message(), file=sys.stderr)
            return 2
        context = getattr(error, "ctx", None)
        hint = context.command_path if context is not None else "bridge"
        print(f"{error.format_message()} (see: {hint} --help)", file=sys.stderr)
        return 2
    if type(error).__name__ == "Abort":
        return 130
    from bridge.logs import way

    return say_error(f"the bridge itself failed: {way(error)}")


def _output_closed() -> int:
    """Whoever read our output has stopped; there is nobody to tell."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
