"""What a cancelled wish leaves: the service as it was wanted before, so that nothing is done for it later either."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from bridge.app import Bridge
from bridge.operations import Kind, Operation
from bridge.service import Service, resources_from, resources_to
from bridge.store import mirror, services
from bridge.wanted import Status, living

BEFORE = "before"
"""Under this name an operation keeps what was wanted before it, among what was asked."""


def note(service: Service, wished: Service, *, kept_until: datetime | None) -> dict[str, Any]:
    """What is kept with the operation that wishes a service otherwise; `kept_until`: of a tenant that had ended."""
    if replace(wished, generation=service.generation) == service:
        return {}
    before = {
        "status": service.status.value,
        "suspend_reason": service.suspend_reason,
        "product_id": service.product_id,
        "resources": resources_to(service.resources),
        "options": dict(service.options),
        "package_version": service.package_version,
        "username": service.username,
        "department": service.department,
        "over_limit": list(service.over_limit),
        "kept_until": kept_until.isoformat() if kept_until is not None else None,
    }
    return {BEFORE: before}


def undo(tx: Connection, bridge: Bridge, service: Service, operation: Operation, moment: datetime) -> None:
    """Wants a service as before a cancelled operation, unless something else was asked since."""
    before = operation.asked.get(BEFORE)
    if before is None or service.generation != operation.generation:
        return
    restored = replace(
        service,
        status=Status(before["status"]),
        suspend_reason=before["suspend_reason"],
        product_id=before["product_id"],
        resources=resources_from(before["resources"]),
        options=tuple(sorted(before["options"].items())),
        package_version=before["package_version"],
        username=before["username"],
        department=before["department"],
        over_limit=tuple(before["over_limit"]),
    )
    services.save(tx, restored)
    if restored.tenant_id is None:
        return
    if operation.kind in (Kind.CREATE, Kind.TERMINATE):
        kept_until = before["kept_until"]
        ended = datetime.fromisoformat(kept_until) if kept_until is not None else None
        want_tenant(tx, bridge, restored, moment, kept_until=ended)
    # It may have been begun: what an attempt did already is drift now.
    mirror.look_again(tx, restored.tenant_id)


def want_tenant(
    tx: Connection, bridge: Bridge, service: Service, moment: datetime, *, kept_until: datetime | None = None
) -> None:
    """Whether the tenant as a whole is to be there, and until when an ended one is kept."""
    assert service.tenant_id is not None
    sharing = [
        service if each.service_id == service.service_id else each
        for each in services.of_tenants(tx, [service.tenant_id])[service.tenant_id]
    ]
    if living(each.contribution() for each in sharing):
        mirror.set_wanted(tx, service.tenant_id, state="present", delete_after=None)
        return
    days = service.resources.retention_days
    keep = timedelta(days=bridge.settings.retention_days if days is None else days)
    mirror.set_wanted(tx, service.tenant_id, state="disabled", delete_after=kept_until or moment + keep)


def told(asked: dict[str, Any]) -> dict[str, Any]:
    """What was asked, as people and callers are shown it."""
    return {name: value for name, value in asked.items() if name != BEFORE}
