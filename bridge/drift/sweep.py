"""One pass over everything: what is wanted, mirrored, there, and in WHMCS's records; and what is done about it.

    notice     what operators changed in the tables of decks (`tariff_edits.py`)
    look       our own state, then WHMCS, then each PBX; no transaction is open meanwhile (`*_inspection.py`)
    decide     a policy for each class of drift; one remedy a service or tenant (`drift.py`)
    hold       more than may be touched without asking stops before the first (`blast.py`)
    act        each remedy is an operation in the queue (`repairs.py`); a worker makes it so
    tell       findings open once and close when they are gone; a task asks a person once

A dry run does all of it and keeps nothing. Where WHMCS cannot be read, nothing is concluded from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from bridge import tariff_edits
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.drift import blast, pbx_inspection, repairs, reporting, whmcs_inspection
from bridge.drift.blast import Change, Limit, Stopped
from bridge.drift.drift import Class, Policy, policies_from, remedies
from bridge.drift.looked import Looked
from bridge.drift.repairs import CALLER, Outcome
from bridge.errors import BridgeError, NotPrepared
from bridge.life import installation
from bridge.once import write
from bridge.people import summons
from bridge.store import audit, jobs, operations, servers, services, tasks, tenants
from bridge.store import installation as facts
from bridge.wanted import Status

JOB = "sweep"
"""The job that whoever keeps the clock runs this under; a notice makes it due."""
ONE_AT_A_TIME = "sweep.pass"
LEASE = timedelta(minutes=15)

POLICIES, NOTICE = "sweep_policies", "notice:"
NOTICED_MAX = 200


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass looked at, found and did, or would have done."""

    dry_run: bool
    services: int = 0
    tenants: int = 0
    servers: int = 0
    found: tuple[tuple[str, int], ...] = ()
    opened: int = 0
    closed: int = 0
    operations: tuple[tuple[str, int], ...] = ()
    purges: int = 0
    tasks: int = 0
    left: int = 0
    refused: tuple[str, ...] = ()
    skipped: tuple[tuple[int, str], ...] = ()
    stopped: tuple[Stopped, ...] = ()
    decks: tuple[str, ...] = ()
    """Tables of decks that an operator changed."""
    deck_troubles: tuple[str, ...] = ()
    """What in those tables cannot be read; the calls it matches are held."""
    whmcs: str | None = None
    """Why WHMCS said nothing."""
    busy: bool = False
    """Another pass is under way; this one did nothing."""
    unreleased: str | None = None
    """Why a fingerprint that was named released nothing."""

    @property
    def is_quiet(self) -> bool:
        """Nothing was found, nothing was done, and everything was looked at."""
        changed = self.found or self.operations or self.purges or self.decks or self.deck_troubles
        return not (changed or self.stopped or self.skipped or self.whmcs)

    def to_json(self) -> dict[str, Any]:
        return {
            "dry_run": self.dry_run,
            "looked_at": {"services": self.services, "tenants": self.tenants, "servers": self.servers},
            "found": dict(self.found),
            "opened": self.opened,
            "closed": self.closed,
            "operations": dict(self.operations),
            "purges": self.purges,
            "tasks": self.tasks,
            "left": self.left,
            "refused": list(self.refused),
            "skipped": [{"server_id": server_id, "why": why} for server_id, why in self.skipped],
            "stopped": [each.to_json() for each in self.stopped],
            "decks": list(self.decks),
            "deck_troubles": list(self.deck_troubles),
            "whmcs": self.whmcs,
            "busy": self.busy,
            "unreleased": self.unreleased,
        }


def run(
    bridge: Bridge,
    *,
    dry_run: bool = False,
    service_ids: Collection[int] | None = None,
    confirm: str | None = None,
    person: str | None = None,
) -> Report:
    """One pass; `confirm` names the fingerprint of a stopped batch that `person` releases."""
    if not dry_run:
        installation.assert_may_work(bridge)
    if dry_run or service_ids is not None:
        return _pass(bridge, dry_run=dry_run, service_ids=service_ids, confirm=confirm, person=person)
    owner = f"sweep-{bridge.random(8).hex()}"
    turn = transact(bridge.engine, lambda tx: jobs.take(tx, ONE_AT_A_TIME, owner=owner, lease=LEASE))
    if turn is None:
        return Report(dry_run=False, busy=True)
    try:
        noticed = tariff_edits.notice(bridge)
        report = _pass(bridge, dry_run=False, service_ids=None, confirm=confirm, person=person)
        return replace(report, decks=tuple(noticed["edited"]), deck_troubles=tuple(noticed["troubles"]))
    finally:
        transact(bridge.engine, lambda tx: jobs.finish(tx, turn, again_in=timedelta(0), result=None))


def notice(bridge: Bridge, service_id: int | None) -> None:
    """A signed notice from WHMCS: a reason to look at a service soon, or at everything. It proves nothing itself."""

    def act(tx: Connection) -> None:
        if service_id is None:
            jobs.hasten(tx, JOB)
        else:
            facts.put_first(tx, f"{NOTICE}{service_id}", {})

    transact(bridge.engine, act)
    bridge.bell.ring()


def noticed(bridge: Bridge) -> Report | None:
    """The pass over what was noticed since, and over tenants that somebody asked to be looked at; None: nothing."""

    def take(tx: Connection) -> set[int]:
        names = facts.named(tx, NOTICE, NOTICED_MAX)
        facts.forget(tx, names)  # one that comes from here on is for the next pass
        waiting = tenants.waiting_for_a_look(tx, NOTICED_MAX, except_servers=servers.not_working(tx))
        idle = [each for each in waiting if each not in operations.open_tenants(tx, waiting)]
        members = services.of_tenants(tx, idle)
        return {int(name.removeprefix(NOTICE)) for name in names} | {
            each.service_id for sharing in members.values() for each in sharing
        }

    if installation.may_work(bridge) is not None:
        return None
    service_ids = transact(bridge.engine, take)
    return run(bridge, service_ids=service_ids) if service_ids else None


# --- policies --------------------------------------------------------------------------------------------------------


def policies(bridge: Bridge) -> dict[str, str]:
    return {kind.value: policy.value for kind, policy in transact(bridge.engine, _policies).items()}


def save_policies(bridge: Bridge, asking: Asking, changed: Mapping[str, str]) -> dict[str, Any]:
    """Takes the place of what was chosen for these classes; the others stay as they are."""
    policies_from(changed)

    def act(tx: Connection) -> dict[str, Any]:
        before = facts.get(tx, POLICIES, lock=True) or {}
        chosen = {**before, **changed}
        facts.put(tx, POLICIES, chosen)
        audit.add(
            tx, actor=asking.caller, action="sweep.policies", subject="installation:sweep", before=before, after=chosen
        )
        return {"policies": {kind.value: policy.value for kind, policy in policies_from(chosen).items()}}

    return write(bridge, asking, act)


def _policies(tx: Connection) -> dict[Class, Policy]:
    return policies_from(facts.get(tx, POLICIES) or {})


# --- one pass --------------------------------------------------------------------------------------------------------


def _pass(
    bridge: Bridge,
    *,
    dry_run: bool,
    service_ids: Collection[int] | None,
    confirm: str | None,
    person: str | None,
) -> Report:
    whmcs, silent = _ask_whmcs(bridge, service_ids, dry_run=dry_run)
    own = whmcs_inspection.orphans(bridge, service_ids)
    there = pbx_inspection.on_pbxs(bridge, service_ids, dry_run=dry_run)
    drifts = [*whmcs.drifts, *own.drifts, *there.drifts]
    if whmcs.products is not None:
        drifts += transact(bridge.engine, lambda tx: reporting.product_changes(tx, whmcs.products or {}))

    chosen = transact(bridge.engine, _policies)
    todo = remedies(drifts, chosen, there.lives_in)
    batch = [repairs.change_of(each, there.dwellers) for each in todo if each.verb not in repairs.HARMLESS]
    stopped = _stopped(bridge, batch, "repair", alone=service_ids is not None, confirm=confirm, dry_run=dry_run)
    acting = todo if stopped is None else [each for each in todo if each.verb in repairs.HARMLESS]
    caller = _caller(batch, confirm, person)
    outcomes = repairs.apply(bridge, acting, whmcs.generations, caller=caller, dry_run=dry_run)
    ending = _purge(bridge, confirm, person, dry_run=dry_run) if service_ids is None else _Ending()

    scope = reporting.Scope(
        services=frozenset(whmcs.services),
        own=frozenset(own.own),
        tenants=frozenset(there.tenants),
        servers=frozenset(there.servers),
        all_of_whmcs=service_ids is None and silent is None,
        all_of_ours=service_ids is None,
    )
    told = reporting.tell(bridge, drifts, chosen, outcomes, scope, products=whmcs.products, dry_run=dry_run)
    done = [each for each in outcomes if not each.left and each.refused is None]
    return Report(
        dry_run=dry_run,
        services=len(whmcs.services),
        tenants=len(there.tenants),
        servers=len(there.servers),
        found=tuple(sorted(Counter(each.kind.value for each in drifts).items())),
        opened=told.opened,
        closed=told.closed,
        operations=tuple(sorted(Counter(each.remedy.verb.value for each in done).items())),
        purges=len([each for each in ending.outcomes if not each.left and each.refused is None]),
        tasks=told.tasks,
        left=whmcs.left + there.left + len([each for each in (*outcomes, *ending.outcomes) if each.left]),
        refused=tuple(each.refused for each in (*outcomes, *ending.outcomes) if each.refused is not None),
        skipped=tuple(there.skipped),
        stopped=tuple(each for each in (stopped, ending.stopped) if each is not None),
        whmcs=silent,
        unreleased=blast.unreleased(confirm, batch, ending.batch),
    )


def _caller(batch: list[Change], confirm: str | None, person: str | None) -> str:
    """In whose name a batch is done: that of who released it, or our own."""
    return f"{CALLER} released by {person or 'a person'}" if blast.is_named(batch, confirm) else CALLER


def _ask_whmcs(bridge: Bridge, service_ids: Collection[int] | None, *, dry_run: bool) -> tuple[Looked, str | None]:
    """What WHMCS's records say, or why they say nothing. Another WHMCS than ours stops the whole pass (F-5)."""
    if bridge.records is None:
        return Looked(), "WHMCS is not set up to be read"
    try:
        sight = installation.look(bridge, dry_run=dry_run)
        if sight.why_not is not None:
            raise _AnotherWhmcs(sight.why_not)
        return whmcs_inspection.in_whmcs(bridge, service_ids), None
    except _AnotherWhmcs:
        raise
    except BridgeError as trouble:
        return Looked(), str(trouble)


class _AnotherWhmcs(NotPrepared):
    """F-5."""


def _stopped(
    bridge: Bridge, batch: list[Change], what: str, *, alone: bool, confirm: str | None, dry_run: bool
) -> Stopped | None:
    """Whether this batch is more than may be touched. Passes over single services count together: a stream of
    notices about a thousand services is one action, however small its portions are."""
    limit = Limit(bridge.settings.blast_services, bridge.settings.blast_percent)

    def act(tx: Connection) -> Stopped | None:
        active = services.count_by_status(tx).get(Status.ACTIVE.value, 0)
        since = now(tx) - timedelta(seconds=bridge.settings.sweep_seconds)
        before = operations.services_touched_by(tx, CALLER, since=since) if alone else set()
        stopped = blast.stopped_by(batch, active=active, limit=limit, before=before, released=confirm)
        if dry_run:
            return stopped
        if stopped is not None:
            _ask_to_release(tx, what, stopped)
        elif not alone:
            tasks.close(tx, f"blast:{what}", state=tasks.COMPLETED, by=CALLER, reason="it is no longer held")
        if blast.is_named(batch, confirm):
            audit.add(
                tx, actor=CALLER, action="sweep.released", subject=f"sweep:{what}", after={"fingerprint": confirm}
            )
        return stopped

    return transact(bridge.engine, act)


def _ask_to_release(tx: Connection, what: str, stopped: Stopped) -> None:
    summons.ask(
        tx,
        open_key=f"blast:{what}",
        kind="blast",
        department="default",
        title=f"A sweep would {what} {stopped.services} services, and has stopped before the first",
        cause=stopped.told,
        suggestion=f"Look at the preview. If all of it is meant, run sweep.run with confirm {stopped.fingerprint}.",
        details=stopped.to_json(),
        told_as=f"blast:{what}:{stopped.fingerprint}",
    )


@dataclass(frozen=True, slots=True)
class _Ending:
    """What was over, and what came of it."""

    batch: tuple[Change, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    stopped: Stopped | None = None


def _purge(bridge: Bridge, confirm: str | None, person: str | None, *, dry_run: bool) -> _Ending:
    """Tenants whose retention is over, and ended services in tenants where others live on; each by one operation."""

    def due(tx: Connection) -> tuple[list[tuple[int, frozenset[int]]], list[tuple[int, int]]]:
        found = tenants.due_for_purge(tx, now(tx))
        under_way = operations.open_tenants(tx, found)
        members = services.of_tenants(tx, found)
        whole = [(each, frozenset(one.service_id for one in members[each])) for each in found if each not in under_way]
        parts = [(service.service_id, tenant_id) for service, tenant_id in repairs.outlived(tx, bridge)]
        busy = operations.open_tenants(tx, [tenant_id for _, tenant_id in parts])
        return whole, [each for each in parts if each[1] not in busy]

    waiting, outlived = transact(bridge.engine, due)
    batch = [Change("purge", dwellers or frozenset({-each}), f"tenant {each}") for each, dwellers in waiting]
    batch += [Change("purge", frozenset({each}), f"service {each} of tenant {tenant}") for each, tenant in outlived]
    stopped = _stopped(bridge, batch, "purge", alone=False, confirm=confirm, dry_run=dry_run)
    if stopped is not None:
        return _Ending(tuple(batch), stopped=stopped)
    caller = _caller(batch, confirm, person)
    whole = [repairs.purge(bridge, each, caller=caller, dry_run=dry_run) for each, _ in waiting]
    parts = [repairs.take_out(bridge, *each, caller=caller, dry_run=dry_run) for each in outlived]
    return _Ending(tuple(batch), (*whole, *parts))
