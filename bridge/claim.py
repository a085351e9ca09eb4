"""Claiming: the first due operation of each free lane, with all that is needed to attempt it. Acting comes after it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bridge import acceptance, settlement
from bridge.app import Bridge
from bridge.crash import Point
from bridge.database import now
from bridge.drivers import secrets_from
from bridge.errors import BridgeError, NotReached, Refused
from bridge.handler import Adopt
from bridge.life import installation
from bridge.logs import say, way
from bridge.operations import QUEUED, Event, Operation, Rules, State, after, after_trouble
from bridge.secret import Secret
from bridge.server import Server
from bridge.service import Service
from bridge.store import audit, handlers, lanes, mirror, operations, servers, services
from bridge.store.lanes import Lease
from bridge.store.mirror import Mirror
from bridge.wanted import Contribution

log = logging.getLogger(__name__)

_CLAIMABLE = QUEUED | {State.RUNNING}


@dataclass(frozen=True, slots=True)
class Work:
    """One operation, with all that an attempt needs to know."""

    operation: Operation
    mirror: Mirror
    service: Service | None
    server: Server
    secrets: Mapping[str, Secret]
    contributions: tuple[Contribution, ...]
    adopt: Adopt


def take(tx: Connection, bridge: Bridge, owner: str, rules: Rules) -> tuple[Lease, list[Work]]:
    """For one worker, as many as it may hold at once; work begins only after the commit."""
    if installation.why_not_work(tx, bridge.machine) is not None:
        return Lease(owner, {}), []
    moment = now(tx)
    lease = lanes.claim(
        tx,
        owner=owner,
        limit=bridge.settings.claim_batch,
        lease=timedelta(seconds=bridge.settings.lease_seconds),
        now=moment,
        per_server=bridge.settings.per_server_max,
    )
    heads = _heads(tx, bridge, lease, moment, rules) if lease.epochs else []
    works = _begin(tx, bridge, lease, heads, moment, rules) if heads else []
    bridge.crash(Point.CLAIM_BEFORE_COMMIT)
    return lease, works


def _heads(
    tx: Connection, bridge: Bridge, lease: Lease, moment: datetime, rules: Rules
) -> list[tuple[Operation, Server]]:
    """The first operation of each lane; lanes whose server does not work wait instead."""
    lined_up = operations.in_lanes(tx, list(lease.epochs))
    first = operations.held(tx, (each[0].id for each in lined_up.values() if each))
    by_id = {each.server_id: each for each in servers.listed(tx)}
    for server_id in sorted({each.server_id for each in first.values() if each.server_id is not None}):
        if not by_id[server_id].is_working:
            # Held, so that it does not come back between this look and the waiting it leads to: who wakes what
            # waits for it comes after us, and finds it.
            by_id[server_id] = servers.get(tx, server_id, lock=True) or by_id[server_id]
    heads: list[tuple[Operation, Server]] = []
    for tenant_id in list(lease.epochs):
        head = first[lined_up[tenant_id][0].id] if lined_up[tenant_id] else None
        ended = head is None or head.state not in _CLAIMABLE  # a person was faster since it was read
        if head is None or ended or (head.due_at is not None and head.due_at > moment):
            _let_go(tx, lease, tenant_id)
            continue
        server = by_id[head.server_id] if head.server_id is not None else None
        assert server is not None, "an operation in a lane has a server"
        if server.is_working:
            heads.append((head, server))
        else:
            _put_off(tx, bridge, head, server, moment, rules)
            _let_go(tx, lease, tenant_id)
    return heads


def _put_off(tx: Connection, bridge: Bridge, head: Operation, server: Server, moment: datetime, rules: Rules) -> None:
    """Its PBX does not work: it waits, and costs no attempt. A pause has no end that we would know."""
    trouble = NotReached(server.why_not)
    running = replace(head, state=State.RUNNING)
    if server.paused_at is not None or server.unreachable_since is None:
        running = replace(running, waiting_since=None)
    waiting = after_trouble(running, trouble, now=moment, rules=rules, jitter=timedelta(0))
    if head.state is State.WAITING_PBX and waiting.state is State.WAITING_PBX:
        operations.save(tx, waiting, now=moment)
    else:
        settlement.change(tx, head, waiting, now=moment, check_after=acceptance.check_after(bridge))


def _begin(
    tx: Connection,
    bridge: Bridge,
    lease: Lease,
    heads: list[tuple[Operation, Server]],
    moment: datetime,
    rules: Rules,
) -> list[Work]:
    running = [after(head, Event.CLAIMED, now=moment) for head, _ in heads]
    operations.save_running(tx, [each.id for each in running], now=moment)
    audit.add_lines(
        tx,
        [settlement.line_of(head, each, actor=lease.owner) for (head, _), each in zip(heads, running, strict=True)],
    )
    begun = [(each, server) for each, (_, server) in zip(running, heads, strict=True)]
    try:
        return _works(tx, bridge, begun)
    except DBAPIError:
        raise
    except Exception as bug:  # one that cannot even be read keeps none of the others waiting
        say(log, logging.ERROR, "a claim could not be prepared", error=way(bug))
        return [work for each in begun for work in _work_or_task(tx, bridge, lease, *each, moment, rules)]


def _work_or_task(
    tx: Connection, bridge: Bridge, lease: Lease, running: Operation, server: Server, moment: datetime, rules: Rules
) -> list[Work]:
    """What is needed for one operation alone; a task for a person where that cannot be had."""
    try:
        return _works(tx, bridge, [(running, server)])
    except DBAPIError:
        raise
    except Exception as bug:  # whatever it is, it becomes a task
        trouble = Refused(str(bug)) if isinstance(bug, BridgeError) else our_own(bug)
    assert running.tenant_id is not None
    failed = after_trouble(running, trouble, now=moment, rules=rules, jitter=timedelta(0))
    settlement.change(tx, running, failed, now=moment, check_after=acceptance.check_after(bridge))
    _let_go(tx, lease, running.tenant_id)
    return []


def _works(tx: Connection, bridge: Bridge, heads: list[tuple[Operation, Server]]) -> list[Work]:
    tenant_ids = [each.tenant_id for each, _ in heads if each.tenant_id is not None]
    mirrors = mirror.load(tx, tenant_ids, bridge.vault)
    sharing = services.of_tenants(tx, tenant_ids)
    secrets = {
        server.server_id: secrets_from(servers.secret_of(tx, server.server_id, bridge.vault))
        for server in {server.server_id: server for _, server in heads}.values()
    }
    adopting = {(each.product_id, each.server_id): each.adopt for each in handlers.listed(tx)}
    works = []
    for operation, server in heads:
        assert operation.tenant_id is not None
        members = sharing[operation.tenant_id]
        mine = next((each for each in members if each.service_id == operation.service_id), None)
        works.append(
            Work(
                operation,
                mirror.with_administrator(tx, mirrors[operation.tenant_id], members, bridge.vault),
                mine,
                server,
                secrets[server.server_id],
                tuple(each.contribution() for each in members),
                _adopt(adopting, mine or next(iter(members), None), server.server_id),
            )
        )
    return works


def _adopt(adopting: Mapping[tuple[int, int], Adopt], service: Service | None, server_id: int) -> Adopt:
    """As the handler of the product says on this server, or on every server without its own."""
    if service is None:
        return "marked"
    everywhere = adopting.get((service.product_id, 0), "marked")
    return adopting.get((service.product_id, server_id), everywhere)


def _let_go(tx: Connection, lease: Lease, tenant_id: int) -> None:
    lanes.release(tx, lease, tenant_id)
    del lease.epochs[tenant_id]


def our_own(bug: Exception) -> Refused:
    """What a bug of ours is to the operation that met it: something for a person."""
    return Refused(f"the bridge itself failed here ({type(bug).__name__}); the log says where")
