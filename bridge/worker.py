"""The worker: claim, act, record. Two short transactions with the PBX between them, never around it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge import acceptance, attempt, claim, leftover, move, placement, settlement
from bridge.app import Bridge
from bridge.claim import Work
from bridge.crash import Point
from bridge.database import now, transact
from bridge.errors import BridgeError, NotReached
from bridge.handler import Adopt
from bridge.lease import Leased, LeaseLost, Renewal
from bridge.logs import say, way
from bridge.operations import DESTRUCTIVE, Event, Kind, Operation, Rules, State, Step, after, after_trouble
from bridge.pbx.driver import Driver
from bridge.server import Server
from bridge.store import hands, lanes, mirror, notices, operations, servers, services
from bridge.store.lanes import Grip, Lease
from bridge.wanted import Held, living

log = logging.getLogger("bridge.worker")


class Worker:
    def __init__(self, bridge: Bridge, name: str) -> None:
        self.bridge = bridge
        self.name = name
        self._rules = Rules(
            retry=timedelta(seconds=bridge.settings.retry_seconds),
            attempts_max=bridge.settings.attempts_max,
            outage_max=timedelta(seconds=bridge.settings.outage_max_seconds),
        )

    def run_once(self, stop: threading.Event | None = None) -> int:
        """Does the next due operation of each lane it can claim. Answers how many lanes it had."""
        lease, works = transact(self.bridge.engine, lambda tx: claim.take(tx, self.bridge, self.name, self._rules))
        if not lease.epochs:
            return 0
        self.bridge.crash(Point.CLAIM_AFTER_COMMIT)
        with Renewal(self.bridge, lease) as renewal:
            for work in works:
                if (stop is not None and stop.is_set()) or not renewal.is_fresh:
                    break
                self._run(work, lease, renewal)
            self._hand_back(lease)
        return len(works)

    # --- act ---------------------------------------------------------------------------------------------------------

    def _run(self, work: Work, lease: Lease, renewal: Renewal) -> None:
        try:
            driver = Leased(self.bridge.drivers.of(work.server, work.secrets), renewal)
            seen = self._act(work, driver, lease)
        except LeaseLost:
            say(log, logging.WARNING, "lease lost", operation=work.operation.id, worker=self.name)
            return
        except BridgeError as trouble:
            self._record_trouble(work, lease, trouble)
        except Exception as bug:  # the worker's own door: a bug becomes a task, never a lost operation
            say(log, logging.ERROR, "an attempt broke", operation=work.operation.id, error=way(bug))
            self._record_trouble(work, lease, claim.our_own(bug))
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
                if not lanes.hold(tx, lease, work.mirror.tenant_id):
                    return False
                hands.intend(tx, work.mirror, held=held, switching_off=switching_off)
                return True

            if not transact(self.bridge.engine, act):
                raise LeaseLost

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
            if not lanes.hold(tx, lease, tenant_id):
                return None
            if work.operation.kind is Kind.PURGE and _is_wanted(tx, self.bridge, tenant_id):
                return False
            begun = replace(work.operation, step=Step.MATCH, destructive=True)
            operations.save(tx, begun, now=now(tx))
            return True

        begun = transact(self.bridge.engine, act)
        if begun is None:
            raise LeaseLost
        return begun

    # --- record ------------------------------------------------------------------------------------------------------

    def _record(self, work: Work, lease: Lease, seen: attempt.Seen | None) -> None:
        def act(tx: Connection) -> bool:
            tenant_id = work.mirror.tenant_id
            if work.operation.kind in DESTRUCTIVE | {Kind.MOVE}:
                move.hold(tx, tenant_id)
            grip = lanes.grip(tx, lease, tenant_id, work.operation.id)
            if grip is None:
                return False
            changed, is_gone = self._outcome(tx, work, seen, grip.moment)
            self._settle(tx, work, changed, grip)
            lanes.release(tx, lease, tenant_id)
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
        held = hands.still_held(tx, there.tenant_id, seen.held)
        mirror.record(tx, there, applied=seen.applied, actual=seen.actual, held=held, now=moment)
        return done, operation.kind is Kind.PURGE and seen.actual is None

    def _record_trouble(self, work: Work, lease: Lease, trouble: BridgeError) -> None:
        def act(tx: Connection) -> bool:
            tenant_id = work.mirror.tenant_id
            grip = lanes.grip(tx, lease, tenant_id, work.operation.id)
            if grip is None:
                return False
            jitter = timedelta(seconds=self._jitter())
            failed = after_trouble(work.operation, trouble, now=grip.moment, rules=self._rules, jitter=jitter)
            self._settle(tx, work, failed, grip)
            if isinstance(trouble, NotReached):
                self._open_circuit(tx, work.server, trouble, grip.moment)
            lanes.release(tx, lease, tenant_id)
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
        settlement.change(
            tx,
            replace(work.operation, late=grip.late),
            changed,
            now=grip.moment,
            check_after=acceptance.check_after(self.bridge),
            about=settlement.About(work.service, work.mirror.plain.domain),
        )

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
        placement.forget(tx, tenant_id, moment)

    def _hand_back(self, lease: Lease) -> None:
        """Lanes that were claimed and not begun, because we are to stop."""
        if not lease.epochs:
            return

        def act(tx: Connection) -> None:
            moment = now(tx)
            for tenant_id, lined_up in operations.in_lanes(tx, list(lease.epochs)).items():
                if not lanes.hold(tx, lease, tenant_id):
                    continue
                for operation in lined_up[:1]:
                    if operation.state is State.RUNNING:
                        lost = after(operation, Event.LEASE_LOST, now=moment)
                        check_after = acceptance.check_after(self.bridge)
                        settlement.change(tx, operation, lost, now=moment, check_after=check_after)
                lanes.release(tx, lease, tenant_id)

        transact(self.bridge.engine, act)

    def _jitter(self) -> float:
        """Up to so many seconds either way, so that a thousand failures do not come back as one."""
        most = self.bridge.settings.retry_jitter_seconds
        return (int.from_bytes(self.bridge.random(4), "big") / 2**32 * 2 - 1) * most


def _is_wanted(tx: Connection, bridge: Bridge, tenant_id: int) -> bool:
    """Whether somebody lives in a tenant now, or is to live in it."""
    there = mirror.load(tx, [tenant_id], bridge.vault)[tenant_id]
    members = services.of_tenants(tx, [tenant_id])[tenant_id]
    return there.wanted_state == "present" or bool(living(each.contribution() for each in members))
