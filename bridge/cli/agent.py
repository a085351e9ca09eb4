"""`agent`: the bridge's hand on a PBX's own host."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.words import Json, say_json, say_lines

Settings = Annotated[Path, typer.Option("--config", help="The agent's own file of settings.")]
Check = Annotated[bool, typer.Option("--check", help="Only look at the PBX, and say what was found.")]


def add_to(app: typer.Typer) -> None:
    app.command("agent")(agent)


def agent(config: Settings = Path("/etc/voip-bridge/agent.toml"), check: Check = False, json: Json = False) -> int:
    """Stand on a PBX's host and do there what the bridge asks, and nothing else."""
    from bridge import agent_host

    post = agent_host.read(config)
    if not check:
        agent_host.serve(post)
        return 0
    found = list(agent_host.driver_of(post).checks())
    if json:
        say_json([{"name": each.name, "status": each.status, "detail": each.detail, "fix": each.fix} for each in found])
    else:
        say_lines([each.name, each.status, each.detail, each.fix] for each in found)
    return 1 if any(each.status == "fail" for each in found) else 0
