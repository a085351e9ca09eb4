"""`ops` and `tasks`: the operations queue, and what waits for a person."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bridge.cli.words import DryRun, Json, Reason, operator, say_facts, say_json, say_table, the_bridge

Operation = Annotated[int, typer.Argument(min=1, max=2**53, help="The operation's number.")]
Task = Annotated[int, typer.Argument(min=1, max=2**53, help="The task's number.")]
Server = Annotated[int | None, typer.Option("--server", min=1, max=2**53, help="The server it was done on.")]
Domain = Annotated[str | None, typer.Option("--domain", help="The tenant's domain on that server.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="How many to show.")]


def add_to(app: typer.Typer) -> None:
    ops = typer.Typer(help="The operations queue.", no_args_is_help=True)
    ops.command("list")(ops_list)
    ops.command("show")(ops_show)
    ops.command("retry")(ops_retry)
    ops.command("cancel")(ops_cancel)
    ops.command("complete")(ops_complete)
    app.add_typer(ops, name="ops")
    tasks = typer.Typer(help="What waits for a person.", no_args_is_help=True)
    tasks.command("list")(tasks_list)
    tasks.command("claim")(tasks_claim)
    tasks.command("complete")(tasks_complete)
    app.add_typer(tasks, name="tasks")


def ops_list(
    state: Annotated[list[str] | None, typer.Option("--state", help="Only these states.")] = None,
    service: Annotated[int | None, typer.Option("--service", min=1, max=2**53, help="Only this service.")] = None,
    server: Annotated[int | None, typer.Option("--server", min=1, max=2**53, help="Only this server.")] = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """What was asked, newest first."""
    from bridge import tasks
    from bridge.errors import NotPrepared
    from bridge.operations import State

    for each in state or ():
        if each not in set(State):
            raise NotPrepared(f"{each!r} is not a state; there are {', '.join(State)}")
    found = tasks.listed_operations(
        the_bridge(), states=state or None, service_id=service, server_id=server, before=None, limit=limit
    )
    if json:
        say_json(found)
        return
    say_table(
        "Operations",
        ("number", "service", "kind", "state", "tries", "due", "cause"),
        (
            (
                each["operation_id"],
                each["service_id"],
                each["kind"],
                each["state"],
                each["attempts"],
                _short(each["due_at"]),
                each["cause"],
            )
            for each in found["operations"]
        ),
    )


def ops_show(number: Operation, json: Json = False) -> None:
    """One operation and its story."""
    from bridge import tasks

    found = tasks.operation(the_bridge(), operation_id=number, caller="", key=None)
    if json:
        say_json(found)
        return
    story = found.pop("history")
    say_facts(found)
    print()
    say_table(
        "Story",
        ("when", "who", "what", "why"),
        ((_short(each["at"]), each["actor"], each["action"], each["reason"]) for each in story),
    )


def ops_retry(number: Operation, reason: Reason = "", dry_run: DryRun = False, json: Json = False) -> None:
    """Try an operation again at once."""
    from bridge import tasks

    _say(tasks.retry(the_bridge(), _asking("operation.retry", dry_run), number, reason), json=json)


def ops_cancel(number: Operation, reason: Reason = "", dry_run: DryRun = False, json: Json = False) -> None:
    """Decide against an operation."""
    from bridge import tasks

    _say(tasks.cancel(the_bridge(), _asking("operation.cancel", dry_run), number, reason), json=json)


def ops_complete(
    number: Operation,
    reason: Reason = "",
    server: Server = None,
    domain: Domain = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Say that an operation was done by hand. What you name is looked for on the PBX first."""
    from bridge import tasks

    asking = _asking("operation.complete", dry_run)
    _say(tasks.complete(the_bridge(), asking, number, reason=reason, server_id=server, domain=domain), json=json)


def tasks_list(
    department: Annotated[str | None, typer.Option("--department", help="Only this department's.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that are done as well.")] = False,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """What waits for a person, newest first."""
    from bridge import tasks

    states = ["open", "claimed", *(("completed", "cancelled") if everything else ())]
    found = tasks.listed(the_bridge(), states=states, department=department, before=None, limit=limit)
    if json:
        say_json(found)
        return
    say_table(
        "Tasks",
        ("number", "department", "state", "who", "what", "why", "do"),
        (
            (
                each["task_id"],
                each["department"],
                each["state"],
                each["assignee"],
                each["title"],
                each["cause"],
                each["suggestion"],
            )
            for each in found["tasks"]
        ),
    )


def tasks_claim(
    number: Task,
    to: Annotated[str | None, typer.Option("--to", help="Another person; you, if not given.")] = None,
    department: Annotated[str | None, typer.Option("--department", help="Hand it to another department.")] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take a task, or hand it on."""
    from bridge import tasks

    asking = _asking("task.claim", dry_run)
    _say(tasks.claim(the_bridge(), asking, number, assignee=to, department=department), json=json)


def tasks_complete(
    number: Task,
    outcome: Annotated[str, typer.Option("--outcome", help="done, retry or cancel.")] = "done",
    reason: Reason = "",
    server: Server = None,
    domain: Domain = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """End a task: done, tried again, or cancelled."""
    from bridge import tasks
    from bridge.errors import NotPrepared

    if outcome not in ("done", "retry", "cancel"):
        raise NotPrepared(f"--outcome is done, retry or cancel, not {outcome!r}")
    asking = _asking("task.complete", dry_run)
    _say(
        tasks.close(the_bridge(), asking, number, outcome=outcome, reason=reason, server_id=server, domain=domain),
        json=json,
    )


def _asking(method: str, dry_run: bool) -> Any:
    from bridge.asking import Asking

    return Asking(operator(), method, wait_ms=0, dry_run=dry_run)


def _say(answer: dict[str, Any], *, json: bool) -> None:
    answer.pop("_meta", None)
    if json:
        say_json(answer)
    else:
        say_facts(answer)


def _short(moment: object) -> str | None:
    return str(moment)[:19].replace("T", " ") if moment else None
