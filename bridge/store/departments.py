"""Departments: their channels, and the sealed secrets of those."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Row, insert, select, update

from bridge.database import NOW
from bridge.errors import NotPrepared
from bridge.people.channels import AnyChannel
from bridge.people.channels.channel import WithSecret
from bridge.people.department import DEFAULT, Department
from bridge.secret import Secret
from bridge.tables import departments
from bridge.vault import Vault

SEALED_BYTES_MAX = 1024
"""What the column holds."""

UNREADABLE = "its settings are not those of this version of the bridge; save the department again"


def get(tx: Connection, name: str, *, lock: bool = False, vault: Vault | None = None) -> Department | None:
    """The department; its channels have their secrets only where a vault is given."""
    found = select(departments).where(departments.c.name == name)
    row = tx.execute(found.with_for_update() if lock else found).one_or_none()
    return _from(row, vault) if row else None


def listed(tx: Connection) -> list[Department]:
    return [_from(row, None) for row in tx.execute(select(departments).order_by(departments.c.name))]


def save(tx: Connection, department: Department, vault: Vault) -> None:
    """As it is, secrets and all: what is not among its channels is forgotten."""
    changed = {
        "channels": [_written(each, department.disabled.get(each.name)) for each in department.channels],
        "secret": _sealed(department, vault),
        "escalate_after_hours": department.escalate_after_hours,
        "escalate_to": department.escalate_to,
        "updated_at": NOW,
    }
    if tx.execute(update(departments).where(departments.c.name == department.name).values(changed)).rowcount == 0:
        tx.execute(insert(departments).values(changed | {"name": department.name}))


def disable(tx: Connection, name: str, channel: str, *, why: str) -> None:
    """Switches one channel off until the department is saved again."""
    mine = departments.c.name == name
    row = tx.execute(select(departments.c.channels).where(mine).with_for_update()).one_or_none()
    if row is not None:
        channels = [each | {"disabled": why[:500]} if each["name"] == channel else each for each in row.channels]
        tx.execute(update(departments).where(mine).values(channels=channels, updated_at=NOW))


def carriers_of(tx: Connection, name: str, *, apart_from: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """(department, channel) of each way to those who are to hear; the default department hears for one that is deaf."""
    for candidate in dict.fromkeys((name, DEFAULT)):
        department = get(tx, candidate)
        ways = [(candidate, each.name) for each in department.carriers] if department is not None else []
        ways = [each for each in ways if "/".join(each) not in apart_from]
        if ways:
            return ways
    return []


def _written(channel: AnyChannel, disabled: str | None) -> dict[str, Any]:
    document = channel.model_dump(mode="json", exclude={"secret"}, exclude_none=True)
    return document | ({"disabled": disabled} if disabled is not None else {})


def _sealed(department: Department, vault: Vault) -> bytes | None:
    secrets = {
        each.name: each.secret.reveal()
        for each in department.channels
        if isinstance(each, WithSecret) and each.secret is not None
    }
    if not secrets:
        return None
    text = json.dumps(secrets, sort_keys=True, separators=(",", ":"))
    sealed = vault.seal(Secret(text), place=place_of(department.name))
    if len(sealed) > SEALED_BYTES_MAX:
        raise NotPrepared(f"the secrets of department {department.name} are too long together; use fewer channels")
    return sealed


def _from(row: Row[Any], vault: Vault | None) -> Department:
    secrets: dict[str, str] = {}
    if vault is not None and row.secret is not None:
        secrets = json.loads(vault.open(row.secret, place=place_of(row.name)).reveal())
    reader: TypeAdapter[AnyChannel] = TypeAdapter(AnyChannel)
    channels, disabled = list[AnyChannel](), dict[str, str]()
    for document in row.channels:
        name = document["name"]
        if "disabled" in document:
            disabled[name] = document["disabled"]
        given = {key: value for key, value in document.items() if key != "disabled"}
        try:
            channels.append(reader.validate_python(given | ({"secret": secrets[name]} if name in secrets else {})))
        except ValidationError:  # written by another version: it must not silence the channels beside it
            disabled[name] = UNREADABLE
    return Department(
        name=row.name,
        channels=tuple(channels),
        escalate_after_hours=row.escalate_after_hours,
        escalate_to=row.escalate_to,
        disabled=disabled,
    )


def place_of(name: str) -> str:
    return f"departments.secret.{name}"
