"""`department.*`: who is told, and by which channels."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from bridge.app import Bridge
from bridge.asking import Asking
from bridge.people import departments
from bridge.people.channels import AnyChannel
from bridge.people.channels.channel import WithSecret
from bridge.rpc.method import Caller, Method, Params, WriteParams, asking_of

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class Save(WriteParams):
    name: Name
    channels: Annotated[list[AnyChannel], Field(max_length=8)]
    escalate_after_hours: Annotated[int, Field(ge=0, le=24 * 365)] = 4
    escalate_to: Name | None = None


class List(Params):
    pass


class Test(WriteParams):
    name: Name


def save(bridge: Bridge, caller: Caller, params: Save) -> dict[str, Any]:
    asked = params.model_dump(mode="json", exclude={"idempotency_key", "dry_run", "deadline_ms"})
    for document, channel in zip(asked["channels"], params.channels, strict=True):
        if isinstance(channel, WithSecret) and channel.secret is not None:
            document["secret"] = bridge.vault.fingerprint(channel.secret)
    asking = Asking(caller.key_id, "department.save", params.idempotency_key, asked, 0, params.dry_run)
    return departments.save(
        bridge,
        asking,
        name=params.name,
        channels=params.channels,
        escalate_after_hours=params.escalate_after_hours,
        escalate_to=params.escalate_to,
    )


def listed(bridge: Bridge, _caller: Caller, _params: List) -> dict[str, Any]:
    return {"departments": departments.listed(bridge)}


def test(bridge: Bridge, caller: Caller, params: Test) -> dict[str, Any]:
    return departments.test(bridge, asking_of(caller, "department.test", params), params.name)


METHODS = (
    Method("department.save", "Say who is told, by which channels, and who is told next.", Save, save, "write"),
    Method("department.list", "The departments and their channels, without secrets.", List, listed),
    Method("department.test", "Send a test message through each channel of a department.", Test, test, "write"),
)
