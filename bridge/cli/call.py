"""`call`: any RPC method, asked by an operator on the host. Nothing is signed: whoever may type here is trusted.

Parameters come from a file or from stdin, never from the command line, where everybody on the host could read them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli.words import DryRun, Json, operator, say_facts, say_json, the_bridge


def add_to(app: typer.Typer) -> None:
    app.command("call")(call)


def call(
    method: Annotated[str, typer.Argument(help="Such as server.upsert; rpc.discover describes them all.")],
    file: Annotated[Path | None, typer.Argument(help="Its parameters as a JSON object; - is stdin.")] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Ask one RPC method by hand."""
    from pydantic import ValidationError

    from bridge.errors import NotFound, NotPrepared
    from bridge.life import installation
    from bridge.rpc.dispatch import CONFIRM, wrong_fields
    from bridge.rpc.method import Caller
    from bridge.rpc.methods import all_methods

    methods = all_methods()
    if method not in methods:
        raise NotFound(f"there is no method {method}; bridge openrpc describes those there are")
    asked, given = methods[method], _parameters(file)
    if dry_run and asked.kind == "write":
        given["dry_run"] = True
    try:
        parameters = asked.params.model_validate(given)
    except ValidationError as error:
        wrong = "; ".join(f"{path}: {rule}" for path, rule in wrong_fields(error))
        raise NotPrepared(f"{method} does not take these parameters: {wrong}") from None
    bridge = the_bridge()
    if asked.kind == "write" and method != CONFIRM and not dry_run:
        installation.assert_may_work(bridge)
    answer = dict(asked.run(bridge, Caller(operator()), parameters))
    answer.pop("_meta", None)
    if json:
        say_json(answer)
    else:
        say_facts(answer)


def _parameters(file: Path | None) -> dict[str, Any]:
    import json

    from bridge.errors import NotPrepared

    if file is None:
        return {}
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise NotPrepared(f"{file} cannot be read") from error
    except ValueError:
        found = None  # what it holds may be secret, and is not quoted
    if not isinstance(found, dict):
        raise NotPrepared(f"{'stdin' if str(file) == '-' else file} is not a JSON object")
    return found
