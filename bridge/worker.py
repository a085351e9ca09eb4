"""The worker: claim, act, record. Two short transactions with the PBX between them, never around it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bridge import attempt, leftover, move, settlement
from bridge.app import Bridge
from bridge.crash import Point
from bridge.database import now, transact
from bridge.drivers import secrets_from
from bridge.errors import BridgeError, NotReached, Refused
from bridge.handler import Adopt
from bridge.life import installation
from bridge.logs import say, way
from bridge.operations import (
    DESTRUCTIVE,
    QUEUED,
    Event,
    Kind,
    Operation,
    Rules,
    State,
    Step,
    after,
    after_trouble,
)
from bridge.pbx.driver import CallPage, Capabilities, Check, Driver, Tenant
from bridge.secret import Secret
from bridge.server import Server
from bridge.service import Service
from bridge.store import audit, handlers, mirror, notices, operations, placements, servers, services
from bridge.store.mirror import Mirror
from bridge.store.operations import Grip, Lease
from bridge.wanted import Contribution, Held, living

log = logging.getLogger("bridge.worker")

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


class Worker:
    def __init__(self, bridge: Bridge, name: str) -> None:
        self.bridge = bridge
        self.name = name
        self._rules = Rules(
            retry=timedelta(seconds=bridge.settings.retry_seconds),
            attempts_max=bridge.settings.attempts_max,
            outage_max=timedelta(seconds=bridge.settings.outage_max_seconds),
        )

    # --- claim -------------------------------------------------------------------------------------------------------

    def run_once(self, stop: threading.Event | None = None) -> int:
        """Does the next due operation of each lane it can claim. Answers how many lanes it had."""
        lease, works = transact(self.bridge.engine, self._claim)
        if not lease.epochs:
            return 0
        self.bridge.crash(Point.CLAIM_AFTER_COMMIT)
        with _Renewal(self.bridge, lease) as renewal:
            for work in works:
                if (stop is not None and stop.is_set()) or not renewal.is_fresh:
                    break
                self._run(work, lease, renewal)
            self._hand_back(lease)
        return len(works)

    def _claim(self, tx: Connection) -> tuple[Lease, list[Work]]:
        if installation.why_not_work(tx, self.bridge.machine) is not None:
            return Lease(self.name, {}), []
        moment = now(tx)
        lease = operations.claim_lanes(
            tx,
            owner=self.name,
            limit=self.bridge.settings.claim_batch,
            lease=timedelta(seconds=self.bridge.settings.lease_seconds),
            now=moment,
            per_server=self.bridge.settings.per_server_max,
        )
        works = self._prepare(tx, lease, moment) if lease.epochs else []
        self.bridge.crash(Point.CLAIM_BEFORE_COMMIT)
        return lease, works

    def _prepare(self, tx: Connection, lease: Lease, moment: datetime) -> list[Work]:
        """The first operation of each lane, running now; lanes whose server does not work wait instead."""
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
                operations.release(tx, lease, tenant_id)
                del lease.epochs[tenant_id]
                continue
            server = by_id[head.server_id] if head.server_id is not None else None
            assert server is not None, "an operation in a lane has a server"
            if server.is_working:
                heads.append((head, server))
            else:
                self._put_off(tx, head, server, moment)
                operations.release(tx, lease, tenant_id)
                del lease.epochs[tenant_id]
        if not heads:
            return []

        running = [after(head, Event.CLAIMED, now=moment) for head, _ in heads]
        operations.save_running(tx, [each.id for each in running], now=moment)
        audit.add_lines(
            tx,
            [settlement.line_of(head, each, actor=self.name) for (head, _), each in zip(heads, running, strict=True)],
        )
        begun = [(each, server) for each, (_, server) in zip(running, heads, strict=True)]
        try:
            return self._works(tx, begun)
        except DBAPIError:
            raise
        except Exception as bug:  # one that cannot even be read keeps none of the others waiting
            say(log, logging.ERROR, "a claim could not be prepared", error=way(bug))
            return [work for each in begun for work in self._work_or_task(tx, lease, *each, moment=moment)]

    def _work_or_task(
        self, tx: Connection, lease: Lease, running: Operation, server: Server, *, moment: datetime
    ) -> list[Work]:
        """What is needed for one operation alone; a task for a person where that cannot be had."""
        try:
            return self._works(tx, [(running, server)])
        except DBAPIError:
            raise
        except Exception as bug:  # whatever it is, it becomes a task
            trouble = Refused(str(bug)) if isinstance(bug, BridgeError) else _ours(bug)
        assert running.tenant_id is not None
        failed = after_trouble(running, trouble, now=moment, rules=self._rules, jitter=timedelta(0))
        self._change(tx, running, failed, moment)
        operations.release(tx, lease, running.tenant_id)
        del lease.epochs[running.tenant_id]
        return []

    def _works(self, tx: Connection, heads: list[tuple[Operation, Server]]) -> list[Work]:
        tenant_ids = [each.tenant_id for each, _ in heads if each.tenant_id is not None]
        mirrors = mirror.load(tx, tenant_ids, self.bridge.vault)
        sharing = services.of_tenants(tx, tenant_ids)
        secrets = {
            server.server_id: secrets_from(servers.secret_of(tx, server.server_id, self.bridge.vault))
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
                    with_administrator(tx, self.bridge, mirrors[operation.tenant_id], members),
                    mine,
                    server,
                    secrets[server.server_id],
                    tuple(each.contribution() for each in members),
                    _adopt(adopting, mine or next(iter(members), None), server.server_id),
                )
            )
        return works

    def _put_off(self, tx: Connection, head: Operation, server: Server, moment: datetime) -> None:
        """Its PBX does not work: it waits, and costs no attempt. A pause has no end that we would know."""
        trouble = NotReached(server.why_not)
        running = replace(head, state=State.RUNNING)
        if server.paused_at is not None or server.unreachable_since is None:
            running = replace(running, waiting_since=None)
        waiting = after_trouble(running, trouble, now=moment, rules=self._rules, jitter=timedelta(0))
        if head.state is State.WAITING_PBX and waiting.state is State.WAITING_PBX:
            operations.save(tx, waiting, now=moment)
        else:
            self._change(tx, head, waiting, moment)

    # --- act ---------------------------------------------------------------------------------------------------------

    def _run(self, work: Work, lease: Lease, renewal: _Renewal) -> None:
        try:
            driver = _Leased(self.bridge.drivers.of(work.server, work.secrets), renewal)
            seen = self._act(work, driver, lease)
        except _LeaseLost:
            say(log, logging.WARNING, "lease lost", operation=work.operation.id, worker=self.name)
            return
        except BridgeError as trouble:
            self._record_trouble(work, lease, trouble)
        except Exception as bug:  # the worker's own door: a bug becomes a task, never a lost operation
            say(log, logging.ERROR, "an attempt broke", operation=work.operation.id, error=way(bug))
            self._record_trouble(work, lease, _ours(bug))
        else:
            self._record(work, lease, seen)
        self.bridge.bell.ring()

    def _act(self, work: Work, driver: Driver, lease: Lease) -> attempt.Seen | None:
        operation = work.operation
        if operation.kind is Kind.MOVE:
            return self._move(work, driver)
        if operation.kind is Kind.CLEAR:
            self._clear(work, driver, lease)
            return None
        if operation.kind not in DESTRUCTIVE or living(work.contributions):
            return self._match(work, driver, lease, adopt=work.adopt)
        seen = self._match(work, driver, lease, adopt="never") if operation.step is None else None
        if self._begin_removal(work, lease):
            return attempt.remove(driver, work.mirror, crash=self.bridge.crash)
        return seen or self._match(work, driver, lease, adopt="never")

    def _match(self, work: Work, driver: Driver, lease: Lease, *, adopt: Adopt) -> attempt.Seen:
        def intend(held: Held, switching_off: Held) -> None:
            def act(tx: Connection) -> bool:
                if not operations.hold_lane(tx, lease, work.mirror.tenant_id):
                    return False
                mirror.intend(tx, work.mirror, held=held, switching_off=switching_off)
                return True

            if not transact(self.bridge.engine, act):
                raise _LeaseLost

        crash = self.bridge.crash
        return attempt.match(driver, work.mirror, work.contributions, adopt=adopt, crash=crash, intend=intend)

    def _move(self, work: Work, driver: Driver) -> attempt.Seen | None:
        """On the new server first; then, as a step of its own, on the old one."""
        if work.operation.step is None:
            return attempt.make_elsewhere(
                driver, work.mirror, work.contributions, adopt=work.adopt, crash=self.bridge.crash
            )
        if work.mirror.server_id != work.operation.server_id:
            attempt.retire(driver, work.mirror, crash=self.bridge.crash)
        return None

    def _clear(self, work: Work, driver: Driver, lease: Lease) -> None:
        """Deletes what a move left, if the tenant does not live there again."""
        if work.mirror.server_id != work.operation.server_id:
            if not work.operation.destructive:
                self._begin_removal(work, lease)
            attempt.remove(driver, work.mirror, crash=self.bridge.crash)

    def _begin_removal(self, work: Work, lease: Lease) -> bool:
        """Says that something may be destroyed from here on, before it is (R-2). False when it is wanted again."""
        tenant_id = work.mirror.tenant_id

        def act(tx: Connection) -> bool | None:
            move.hold(tx, tenant_id)
            if not operations.hold_lane(tx, lease, tenant_id):
                return None
            if work.operation.kind is Kind.PURGE and _is_wanted(tx, self.bridge, tenant_id):
                return False
            begun = replace(work.operation, step=Step.MATCH, destructive=True)
            operations.save(tx, begun, now=now(tx))
            return True

        begun = transact(self.bridge.engine, act)
        if begun is None:
            raise _LeaseLost
        return begun

    # --- record ------------------------------------------------------------------------------------------------------

    def _record(self, work: Work, lease: Lease, seen: attempt.Seen | None) -> None:
        def act(tx: Connection) -> bool:
            tenant_id = work.mirror.tenant_id
            if work.operation.kind in DESTRUCTIVE | {Kind.MOVE}:
                move.hold(tx, tenant_id)
            grip = operations.hold(tx, lease, tenant_id, work.operation.id)
            if grip is None:
                return False
            changed, is_gone = self._outcome(tx, work, seen, grip.moment)
            self._settle(tx, work, changed, grip)
            operations.release(tx, lease, tenant_id)
            if is_gone:
                self._forget(tx, tenant_id, grip.moment)
            self.bridge.crash(Point.RECORD_BEFORE_COMMIT)
            return True

        self._commit(act, work, lease)

    def _outcome(
        self, tx: Connection, work: Work, seen: attempt.Seen | None, moment: datetime
    ) -> tuple[Operation, bool]:
        """The operation after what was done for it, and whether its tenant is nowhere any more."""
        operation, there = work.operation, work.mirror
        if operation.kind is Kind.MOVE:
            keep = timedelta(days=self.bridge.settings.retention_days)
            return move.record(tx, operation, there, seen, moment=moment, keep=keep), False
        done = after(replace(operation, destructive=False), Event.DONE, now=moment)
        if operation.kind is Kind.CLEAR:
            assert operation.server_id is not None
            return done, leftover.record(tx, there, operation.server_id)
        assert seen is not None
        held = mirror.still_held(tx, there.tenant_id, seen.held)
        mirror.record(tx, there, applied=seen.applied, actual=seen.actual, held=held, now=moment)
        return done, operation.kind is Kind.PURGE and seen.actual is None

    def _record_trouble(self, work: Work, lease: Lease, trouble: BridgeError) -> None:
        def act(tx: Connection) -> bool:
            tenant_id = work.mirror.tenant_id
            grip = operations.hold(tx, lease, tenant_id, work.operation.id)
            if grip is None:
                return False
            jitter = timedelta(seconds=self._jitter())
            failed = after_trouble(work.operation, trouble, now=grip.moment, rules=self._rules, jitter=jitter)
            self._settle(tx, work, failed, grip)
            if isinstance(trouble, NotReached):
                self._open_circuit(tx, work.server, trouble, grip.moment)
            operations.release(tx, lease, tenant_id)
            self.bridge.crash(Point.RECORD_BEFORE_COMMIT)
            return True

        self._commit(act, work, lease)

    def _commit(self, act: Callable[[Connection], bool], work: Work, lease: Lease) -> None:
        """Writes only what is still ours to write (R-23)."""
        recorded = transact(self.bridge.engine, act)
        lease.epochs.pop(work.mirror.tenant_id, None)
        if recorded:
            self.bridge.crash(Point.RECORD_AFTER_COMMIT)
        else:
            say(log, logging.WARNING, "lease lost", operation=work.operation.id, worker=self.name)

    def _settle(self, tx: Connection, work: Work, changed: Operation, grip: Grip) -> None:
        """`grip` was read in this transaction: the call that asked may have given up waiting while we worked."""
        self._change(
            tx,
            replace(work.operation, late=grip.late),
            changed,
            grip.moment,
            settlement.About(work.service, work.mirror.plain.domain),
        )

    def _change(
        self,
        tx: Connection,
        before: Operation,
        changed: Operation,
        moment: datetime,
        about: settlement.About | None = None,
    ) -> None:
        check_after = timedelta(seconds=self.bridge.settings.announce_check_seconds)
        settlement.change(tx, before, changed, now=moment, check_after=check_after, about=about)

    def _open_circuit(self, tx: Connection, server: Server, trouble: NotReached, moment: datetime) -> None:
        """From now on the PBX is probed once a minute, and nothing else is sent to it."""
        held = servers.get(tx, server.server_id, lock=True)
        if held is None or held.unreachable_since is not None:
            return
        probe_at = moment + timedelta(seconds=self.bridge.settings.probe_seconds)
        servers.save(tx, replace(held, unreachable_since=moment, probe_at=probe_at))
        notices.add(
            tx,
            once_key=f"server:{server.server_id}:down:{moment:%Y%m%d%H%M%S%f}",
            department="default",
            kind="circuit_open",
            title=f"{server.name} is out of reach",
            body=f"{trouble} What is asked for its tenants waits and is done when it is back.",
        )

    def _forget(self, tx: Connection, tenant_id: int, moment: datetime) -> None:
        """The tenant is gone. A wish that came meanwhile, a person's too, keeps its lane and makes the tenant anew."""
        if operations.open_tenants(tx, [tenant_id]) or leftover.keep_for_clearing(tx, tenant_id, moment):
            return
        placements.leave(tx, [each.service_id for each in services.of_tenants(tx, [tenant_id])[tenant_id]], at=moment)
        services.leave_tenant(tx, tenant_id)
        operations.remove_lane(tx, tenant_id)
        mirror.forget(tx, tenant_id)

    def _hand_back(self, lease: Lease) -> None:
        """Lanes that were claimed and not begun, because we are to stop."""
        if not lease.epochs:
            return

        def act(tx: Connection) -> None:
            moment = now(tx)
            for tenant_id, lined_up in operations.in_lanes(tx, list(lease.epochs)).items():
                if not operations.hold_lane(tx, lease, tenant_id):
                    continue
                for operation in lined_up[:1]:
                    if operation.state is State.RUNNING:
                        self._change(tx, operation, after(operation, Event.LEASE_LOST, now=moment), moment)
                operations.release_lane(tx, lease, tenant_id, due_at=moment)

        transact(self.bridge.engine, act)

    def _jitter(self) -> float:
        """Up to so many seconds either way, so that a thousand failures do not come back as one."""
        most = self.bridge.settings.retry_jitter_seconds
        return (int.from_bytes(self.bridge.random(4), "big") / 2**32 * 2 - 1) * most


def _ours(bug: Exception) -> Refused:
    return Refused(f"the bridge itself failed here ({type(bug).__name__}); the log says where")


def with_administrator(tx: Connection, bridge: Bridge, held: Mirror, members: list[Service]) -> Mirror:
    """The portal administrator of a tenant is the user of its oldest living service."""
    for service in members:
        if service.username and living([service.contribution()]):
            password = services.password_of(tx, service.service_id, bridge.vault)
            plain = replace(held.plain, admin_username=service.username, admin_password=password)
            return replace(held, plain=plain)
    return held


def _adopt(adopting: Mapping[tuple[int, int], Adopt], service: Service | None, server_id: int) -> Adopt:
    """As the handler of the product says on this server, or on every server without its own."""
    if service is None:
        return "marked"
    everywhere = adopting.get((service.product_id, 0), "marked")
    return adopting.get((service.product_id, server_id), everywhere)


def _is_wanted(tx: Connection, bridge: Bridge, tenant_id: int) -> bool:
    """Whether somebody lives in a tenant now, or is to live in it."""
    there = mirror.load(tx, [tenant_id], bridge.vault)[tenant_id]
    members = services.of_tenants(tx, [tenant_id])[tenant_id]
    return there.wanted_state == "present" or bool(living(each.contribution() for each in members))


class _LeaseLost(Exception):
    """Somebody else has the lane now."""


class _Leased:
    """A PBX that nothing is changed on once the lease could be another's: each change asks first (R-24)."""

    def __init__(self, driver: Driver, renewal: _Renewal) -> None:
        self._driver = driver
        self._renewal = renewal

    @property
    def capabilities(self) -> Capabilities:
        return self._driver.capabilities

    def find(self, domain: str) -> Tenant | None:
        return self._driver.find(domain)

    def put(self, tenant: Tenant, *, adopt: bool = False) -> None:
        self._assert_held()
        self._driver.put(tenant, adopt=adopt)

    def remove(self, tenant: Tenant) -> None:
        self._assert_held()
        self._driver.remove(tenant)

    def calls(self, after: str, limit: int = 1000) -> CallPage:
        return self._driver.calls(after, limit)

    def domains(self) -> Sequence[str]:
        return self._driver.domains()

    def checks(self) -> Iterable[Check]:
        return self._driver.checks()

    def _assert_held(self) -> None:
        if not self._renewal.is_fresh:
            raise _LeaseLost


class _Renewal:
    """Renews a lease at a third of its time, until the work is done."""

    def __init__(self, bridge: Bridge, lease: Lease) -> None:
        self._bridge = bridge
        self._lease = lease
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self._renewed_at = bridge.ticks()

    def __enter__(self) -> _Renewal:
        self._thread = threading.Thread(target=self._renew, name="renewal", daemon=True)
        self._thread.start()
        return self

    @property
    def is_fresh(self) -> bool:
        """Half a lease without a renewal, and nothing new is begun (R-24): others may think us dead, and act."""
        return self._bridge.ticks() - self._renewed_at < self._bridge.settings.lease_seconds / 2

    def __exit__(self, *_: object) -> None:
        self._done.set()
        assert self._thread is not None
        self._thread.join()

    def _renew(self) -> None:
        seconds = self._bridge.settings.lease_seconds
        while not self._done.wait(seconds / 3):
            held, began = Lease(self._lease.owner, dict(self._lease.epochs)), self._bridge.ticks()
            try:
                transact(
                    self._bridge.engine,
                    lambda tx, held=held: operations.renew_lanes(  # type: ignore[misc]  # bound now, called now
                        tx, held, until=now(tx) + timedelta(seconds=seconds)
                    ),
                )
            except BridgeError as trouble:
                say(log, logging.WARNING, "lease not renewed", worker=self._lease.owner, cause=str(trouble))
            else:
                self._renewed_at = began
