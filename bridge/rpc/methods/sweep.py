"""`sweep.*` and `finding.*`: comparing everything with everything, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from bridge.app import Bridge
from bridge.drift import reporting, sweep
from bridge.drift.drift import Class, Policy
from bridge.line import Line
from bridge.rpc.method import Caller, Id, Method, Params, WriteParams, asking_of

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Person = Annotated[Line, StringConstraints(min_length=1, max_length=100)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")]


class Run(WriteParams):
    service_id: Id | None = None
    confirm: Fingerprint | None = None
    """The batch that stopped, and that somebody has looked at."""
    name: Person | None = None
    """Who lets it go on."""


class Policies(WriteParams):
    policies: Annotated[dict[Word, Word], Field(max_length=len(Class), default_factory=dict)]


class ListFindings(Params):
    state: Annotated[str, StringConstraints(pattern=r"^(open|closed)$")] = "open"
    kind: Word | None = None
    service_id: Id | None = None
    server_id: Id | None = None
    before: Id | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


def run(bridge: Bridge, caller: Caller, params: Run) -> dict[str, Any]:
    report = sweep.run(
        bridge,
        dry_run=params.dry_run,
        service_ids=None if params.service_id is None else {params.service_id},
        confirm=params.confirm,
        person=params.name or caller.key_id,
    )
    return report.to_json()


def policies(bridge: Bridge, caller: Caller, params: Policies) -> dict[str, Any]:
    if params.policies:
        return sweep.save_policies(bridge, asking_of(caller, "sweep.policies", params), params.policies)
    return {"policies": sweep.policies(bridge)}


def listed(bridge: Bridge, _caller: Caller, params: ListFindings) -> dict[str, Any]:
    return reporting.listed(
        bridge,
        state=params.state,
        kind=params.kind,
        service_id=params.service_id,
        server_id=params.server_id,
        before=params.before,
        limit=params.limit,
    )


METHODS = (
    Method(
        "sweep.run",
        "Compare wishes, mirror, PBXs and WHMCS's records, and do what the policies say about each difference.",
        Run,
        run,
        "write",
    ),
    Method(
        "sweep.policies",
        f"What is done about each class of drift: {', '.join(Policy)}. Without `policies` it only says so.",
        Policies,
        policies,
        "write",
    ),
    Method("finding.list", "Differences that are open, or were, newest first.", ListFindings, listed),
)
