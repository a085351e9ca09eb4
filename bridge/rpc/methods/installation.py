"""`installation.*`: whom the bridge serves, where it runs, and whether it waits for a person."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from bridge.app import Bridge
from bridge.errors import NotPrepared
from bridge.life import installation
from bridge.line import Line
from bridge.rpc.method import Caller, Method, Params, WriteParams, asking_of

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Person = Annotated[Line, StringConstraints(min_length=1, max_length=100)]
Reason = Annotated[str, StringConstraints(max_length=500)]


class Get(Params):
    pass


class Confirm(WriteParams):
    what: Literal["whmcs", "machine", "restored"]
    name: Person
    """The person who answers for it."""
    reason: Reason = ""
    fingerprint: Fingerprint | None = None
    """Of the WHMCS or the machine that is confirmed, as installation.get shows it."""
    beside: bool = False
    """With a machine: those that were confirmed before stay."""


def get(bridge: Bridge, _caller: Caller, _params: Get) -> dict[str, Any]:
    return installation.shown(bridge)


def confirm(bridge: Bridge, caller: Caller, params: Confirm) -> dict[str, Any]:
    asking = asking_of(caller, "installation.confirm", params)
    if params.what == "restored":
        return installation.leave_restore(bridge, asking, person=params.name, reason=params.reason)
    if params.fingerprint is None:
        raise NotPrepared(f"name the fingerprint of the {params.what} that you confirm; installation.get shows it")
    if params.what == "whmcs":
        return installation.confirm_whmcs(
            bridge, asking, fingerprint=params.fingerprint, person=params.name, reason=params.reason
        )
    return installation.confirm_machine(
        bridge,
        asking,
        fingerprint=params.fingerprint,
        person=params.name,
        reason=params.reason,
        beside=params.beside,
    )


METHODS = (
    Method("installation.get", "Which WHMCS is served, on which machine, and why nothing is done.", Get, get),
    Method(
        "installation.confirm",
        "A person says by name: this WHMCS, this machine, or the restore is over.",
        Confirm,
        confirm,
        "write",
    ),
)
