"""Departments: saving one with its channels, listing them, and trying whether somebody is really told."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection

from bridge import once
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.errors import BridgeError, NotFound, NotPrepared
from bridge.people.channels import AnyChannel
from bridge.people.channels.channel import Message, WithSecret
from bridge.people.department import Department
from bridge.people.notices import outside
from bridge.store import audit, departments


def save(
    bridge: Bridge,
    asking: Asking,
    *,
    name: str,
    channels: Sequence[AnyChannel],
    escalate_after_hours: int,
    escalate_to: str | None,
) -> dict[str, Any]:
    """A channel that comes without its secret keeps the one it has. Saving switches channels on again."""
    names = [each.name for each in channels]
    if len(set(names)) != len(names):
        raise NotPrepared(f"two channels of {name} have the same name")
    for each in channels:
        if isinstance(each, WithSecret):
            each.assert_open(bridge.drivers.surroundings.guard)

    def act(tx: Connection) -> dict[str, Any]:
        held = departments.get(tx, name, lock=True, vault=bridge.vault)
        if escalate_to is not None and escalate_to != name and departments.get(tx, escalate_to) is None:
            raise NotFound(f"there is no department {escalate_to} to escalate to; save it first")
        department = Department(
            name=name,
            channels=tuple(_with_secret(each, held) for each in channels),
            escalate_after_hours=escalate_after_hours,
            escalate_to=escalate_to,
        )
        departments.save(tx, department, bridge.vault)
        audit.add(
            tx,
            actor=asking.caller,
            action="department.save",
            subject=f"department:{name}",
            before=department_answer(held) if held else None,
            after=department_answer(department),
        )
        return department_answer(department)

    return once.write(bridge, asking, act)


def listed(bridge: Bridge) -> list[dict[str, Any]]:
    """Every department, as it was saved but for the secrets."""
    return transact(bridge.engine, lambda tx: [department_answer(each) for each in departments.listed(tx)])


def test(bridge: Bridge, asking: Asking, name: str) -> dict[str, Any]:
    """Sends a test message through each channel, all at once, and tells how each went. A dry run sends nothing."""

    def read(tx: Connection) -> tuple[Department, Message]:
        found = departments.get(tx, name, vault=bridge.vault)
        if found is None:
            raise NotFound(f"there is no department {name}")
        return found, _test_message(name, tx, bridge)

    department, message = transact(bridge.engine, read)
    if asking.dry_run:
        reports = [_report(each, "not_sent", 0, "a dry run") for each in department.channels]
        return {"department": name, "channels": reports, "dry_run": True}
    with ThreadPoolExecutor(max_workers=max(1, len(department.channels)), thread_name_prefix="channel-test") as pool:
        reports = list(pool.map(lambda each: _tried(bridge, each, message), department.channels))
    return {"department": name, "channels": reports}


def department_answer(department: Department) -> dict[str, Any]:
    return {
        "name": department.name,
        "channels": [
            each.model_dump(mode="json", exclude={"secret"}, exclude_none=True)
            | ({"disabled": department.disabled[each.name]} if each.name in department.disabled else {})
            for each in department.channels
        ],
        "escalate_after_hours": department.escalate_after_hours,
        "escalate_to": department.escalate_to,
    }


def _with_secret(channel: AnyChannel, held: Department | None) -> AnyChannel:
    """With the secret it had, as long as that goes where it went before."""
    if not isinstance(channel, WithSecret) or channel.secret is not None or not channel.wants_secret:
        return channel
    before = held.channel(channel.name) if held is not None else None
    if not isinstance(before, type(channel)) or before.secret is None:
        raise NotPrepared(f"the channel {channel.name} needs its secret")
    if before.secret_goes_to != channel.secret_goes_to:
        raise NotPrepared(f"the channel {channel.name} goes elsewhere than before, so its secret has to be given again")
    return channel.model_copy(update={"secret": before.secret})


def _test_message(name: str, tx: Connection, bridge: Bridge) -> Message:
    return Message(
        id=f"msg_{bridge.random(16).hex()}",
        kind="test",
        title="A test of the bridge",
        body=f"This is a test: what is told to the department {name} arrives here. There is nothing to do.",
        department=name,
        at=now(tx),
    )


def _tried(bridge: Bridge, channel: AnyChannel, message: Message) -> dict[str, Any]:
    began = bridge.ticks()
    try:
        remark = channel.send(message, outside(bridge, message.at))
    except BridgeError as trouble:
        return _report(channel, "failed", bridge.ticks() - began, str(trouble))
    return _report(channel, "sent", bridge.ticks() - began, remark or "the channel took it")


def _report(channel: AnyChannel, status: str, seconds: float, detail: str) -> dict[str, Any]:
    return {
        "name": channel.name,
        "kind": channel.kind,
        "status": status,
        "latency_ms": int(seconds * 1000),
        "detail": detail,
    }
