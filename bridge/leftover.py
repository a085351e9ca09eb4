"""What a move left on an old server: kept, switched off, for the retention; then deleted by an operation of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bridge import acceptance
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.drift import blast
from bridge.drift.blast import Change, Limit, Stopped
from bridge.life import installation
from bridge.operations import Kind, State
from bridge.people import summons
from bridge.store import audit, leftovers, mirror, operations, servers, services, tasks
from bridge.store.leftovers import Leftover
from bridge.wanted import Status

CALLER = "bridge"
HELD = "blast:clear"


def clear_due(bridge: Bridge, *, confirm: str | None = None, dry_run: bool = False) -> dict[str, Any]:
    """Asks for the deletion of everything whose retention is over, unless that is more than may go at once (F-6).

    A server that does not work is left for later. `confirm` is the fingerprint of a held batch that a person has seen.
    """
    installation.assert_may_work(bridge)
    due = transact(bridge.engine, _due)
    batch = [Change("clear", frozenset({each.tenant_id}), _told(each), str(each.server_id)) for each in due]
    stopped = transact(bridge.engine, lambda tx: _stopped(tx, bridge, batch, confirm, dry_run=dry_run))
    told = {"due": len(due), "dry_run": dry_run, "unreleased": blast.unreleased(confirm, batch)}
    if stopped is not None:
        return told | {"operations": [], "stopped": stopped.to_json()}
    asked = [] if dry_run else [transact(bridge.engine, lambda tx, one=each: _ask(tx, bridge, one)) for each in due]  # type: ignore[misc]  # bound now, called now
    bridge.bell.ring()
    return told | {"operations": [each for each in asked if each is not None]}


def record(tx: Connection, there: mirror.Mirror, server_id: int) -> bool:
    """It is gone from the old server. True when the tenant itself was deleted before and nothing of it is left now."""
    leftovers.forget(tx, there.tenant_id, server_id)
    audit.add(
        tx,
        actor=CALLER,
        action="tenant.cleared",
        subject=f"tenant:{there.tenant_id}",
        after={"server_id": server_id, "domain": there.plain.domain},
    )
    return there.wanted_state == "absent" and not leftovers.of_tenant(tx, there.tenant_id)


def keep_for_clearing(tx: Connection, tenant_id: int, moment: datetime) -> bool:
    """The tenant is deleted where it lived. True when something of it is left elsewhere, to be deleted soon as well."""
    if not leftovers.hasten(tx, tenant_id, now=moment):
        return False
    mirror.set_wanted(tx, tenant_id, state="absent", delete_after=None)
    return True


def _due(tx: Connection) -> list[Leftover]:
    waiting = set(servers.not_working(tx))
    found = [each for each in leftovers.due(tx, now(tx)) if each.server_id not in waiting]
    busy = operations.open_tenants(tx, [each.tenant_id for each in found])
    return [each for each in found if each.tenant_id not in busy and not _was_cancelled(tx, each)]


def _was_cancelled(tx: Connection, leftover: Leftover) -> bool:
    """A person decided against this deletion; only a new move asks for another."""
    last = operations.last_of_kinds(tx, leftover.tenant_id, [Kind.CLEAR], server_id=leftover.server_id)
    return last is not None and last.state is State.CANCELLED and last.created_at >= leftover.left_at


def _stopped(
    tx: Connection, bridge: Bridge, batch: list[Change], confirm: str | None, *, dry_run: bool
) -> Stopped | None:
    limit = Limit(bridge.settings.blast_services, bridge.settings.blast_percent)
    active = services.count_by_status(tx).get(Status.ACTIVE.value, 0)
    stopped = blast.stopped_by(batch, active=active, limit=limit, released=confirm)
    if dry_run:
        return stopped
    if stopped is None:
        tasks.close(tx, HELD, state=tasks.COMPLETED, by=CALLER, reason="it is no longer held")
        return None
    summons.ask(
        tx,
        open_key=HELD,
        kind="blast",
        department="default",
        title=f"What {stopped.services} moves left would be deleted, and nothing was yet",
        cause=stopped.told,
        suggestion=f"Look at the preview. If all of it is meant, run move.clear with confirm {stopped.fingerprint}.",
        details=stopped.to_json(),
        told_as=f"{HELD}:{stopped.fingerprint}",
    )
    return stopped


def _ask(tx: Connection, bridge: Bridge, leftover: Leftover) -> int | None:
    """One operation, unless something else began meanwhile or the tenant lives there again."""
    sharing = services.of_tenants(tx, [leftover.tenant_id])[leftover.tenant_id]
    members = [services.get(tx, each.service_id, lock=True) for each in sharing]
    still = leftovers.get(tx, leftover.tenant_id, leftover.server_id)
    if still is None or not members or members[0] is None or not operations.hold_idle(tx, leftover.tenant_id):
        return None
    asking = Asking(CALLER, "move.clear", wait_ms=0)
    asked = {"domain": still.domain, "left_at": still.left_at.isoformat()}
    operation = acceptance.append(
        tx, bridge, asking, members[0], Kind.CLEAR, asked=asked, moment=now(tx), server_id=still.server_id
    )
    return operation.id


def _told(leftover: Leftover) -> str:
    return f"{leftover.domain} on server {leftover.server_id}, left {leftover.left_at:%Y-%m-%d}"
