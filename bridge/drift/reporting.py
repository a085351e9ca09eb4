"""Telling of drift: findings open once, are seen again and close when they are gone; a task asks a person once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from bridge.app import Bridge
from bridge.database import transact
from bridge.drift import whmcs_drift
from bridge.drift.drift import IN_WHMCS, Class, Drift, Policy, policy_of
from bridge.drift.repairs import CALLER, Outcome
from bridge.people import summons
from bridge.store import findings, tasks
from bridge.store import installation as facts
from bridge.store.findings import Finding

PRODUCTS = "products"
TASKS_MAX = 20
"""More new tasks of one class than this become one, with the first of them as its preview."""
PREVIEW_MAX = 20


def listed(
    bridge: Bridge,
    *,
    state: str,
    kind: str | None,
    service_id: int | None,
    server_id: int | None,
    before: int | None,
    limit: int,
) -> dict[str, Any]:
    def act(tx: Connection) -> dict[str, Any]:
        found = findings.page(
            tx, state=state, kind=kind, service_id=service_id, server_id=server_id, before=before, limit=limit
        )
        return {
            "findings": [finding_answer(each) for each in found],
            "counts": findings.count_by_class(tx),
            "before": found[-1].id if len(found) == limit else None,
        }

    return transact(bridge.engine, act)


def finding_answer(finding: Finding) -> dict[str, Any]:
    return {
        "finding_id": finding.id,
        "class": finding.kind,
        "what": finding.what,
        "policy": finding.policy,
        "state": finding.state,
        "service_id": finding.service_id,
        "tenant_id": finding.tenant_id,
        "server_id": finding.server_id,
        "wanted": finding.wanted,
        "actual": finding.actual,
        "first_seen": finding.first_seen.isoformat(),
        "last_seen": finding.last_seen.isoformat(),
    }


@dataclass(frozen=True, slots=True)
class Scope:
    """What a pass has looked at, so that what it did not find there is gone."""

    services: frozenset[int]
    own: frozenset[int]
    tenants: frozenset[int]
    servers: frozenset[int]
    all_of_whmcs: bool
    all_of_ours: bool

    def covers(self, finding: Finding) -> bool:
        if finding.kind not in set(Class):
            return False
        kind = Class(finding.kind)
        if kind is Class.UNMAPPED_OPTION:
            return self.all_of_whmcs
        if kind is Class.ORPHAN_SERVICE:
            return self.all_of_ours or finding.service_id in self.own
        if kind in IN_WHMCS:
            return finding.service_id in self.services
        if finding.tenant_id is not None and finding.server_id is not None:
            return finding.tenant_id in self.tenants
        if finding.server_id is not None:
            return finding.server_id in self.servers
        return self.all_of_ours


@dataclass(frozen=True, slots=True)
class Told:
    opened: int
    closed: int
    tasks: int


def product_changes(tx: Connection, products: Mapping[str, Mapping[str, Any]]) -> list[Drift]:
    """What was changed of a product since it was seen last. One that is new is only learned."""
    before = facts.get(tx, PRODUCTS) or {}
    found = [whmcs_drift.of_product(before[each], products[each], int(each)) for each in products if each in before]
    return [each for each in found if each is not None]


def tell(
    bridge: Bridge,
    drifts: Sequence[Drift],
    policies: Mapping[Class, Policy],
    outcomes: Iterable[Outcome],
    scope: Scope,
    *,
    products: Mapping[str, Any] | None,
    dry_run: bool,
) -> Told:
    """Writes down what was found. A dry run writes it too, and keeps nothing."""
    refused = {
        (each.remedy.service_id, each.remedy.tenant_id): each.refused for each in outcomes if each.refused is not None
    }

    def act(tx: Connection) -> Told:
        before = {each.open_key: each for each in findings.open_ones(tx)}
        opened, asked = 0, []
        for drift in drifts:
            policy = policy_of(drift, policies)
            cause = _refusal(drift, policy, refused)
            known = before.get(findings.kept_as(drift.key))
            if policy is Policy.TASK or cause is not None:
                if known is None or known.policy != Policy.TASK or known.actual != dict(drift.actual):
                    asked.append((drift, cause))
                policy = Policy.TASK
            if drift.kind is not Class.PRODUCT_CHANGED:  # that is news, and no state to look for again
                opened += _open(tx, drift, policy)
        present = {findings.kept_as(each.key) for each in drifts}
        gone = [each for each in before.values() if each.open_key not in present and scope.covers(each)]
        findings.close(tx, [each.id for each in gone])
        for each in gone:
            _settle(tx, f"drift:{each.open_key}")
        if products is not None:
            facts.put(tx, PRODUCTS, dict(products))
        return Told(opened, len(gone), _ask(tx, asked, scope, {each.kind for each in drifts}))

    if dry_run:
        with bridge.engine.connect() as tx:  # never committed
            return act(tx)
    return transact(bridge.engine, act)


def _refusal(drift: Drift, policy: Policy, refused: Mapping[tuple[int | None, int | None], str]) -> str | None:
    remedy = drift.remedy if policy is Policy.REPAIR else drift.adoption if policy is Policy.IMPORT else None
    return refused.get((remedy.service_id, remedy.tenant_id)) if remedy is not None else None


def _open(tx: Connection, drift: Drift, policy: Policy) -> bool:
    return findings.open_finding(
        tx,
        kind=drift.kind.value,
        key=drift.key,
        what=drift.what,
        policy=policy.value,
        service_id=drift.service_id,
        tenant_id=drift.tenant_id,
        server_id=drift.server_id,
        wanted=dict(drift.wanted),
        actual=dict(drift.actual),
    )


def _ask(tx: Connection, asked: list[tuple[Drift, str | None]], scope: Scope, present: set[Class]) -> int:
    """A task for each drift that is for a person; for one mistake that made hundreds of them, one."""
    by_kind: dict[Class, list[tuple[Drift, str | None]]] = {}
    for drift, cause in asked:
        by_kind.setdefault(drift.kind, []).append((drift, cause))
    total = 0
    for kind, some in by_kind.items():
        if len(some) > TASKS_MAX:
            _ask_once_for_all(tx, kind, [drift for drift, _ in some])
            total += 1
            continue
        for drift, cause in some:
            summons.ask(
                tx,
                open_key=_task_key(f"drift:{findings.kept_as(drift.key)}"),
                kind="drift",
                department=drift.department or "default",
                title=f"{drift.what[0].upper()}{drift.what[1:]}",
                cause=cause or f"A sweep found {drift.kind.value.replace('_', ' ')}.",
                suggestion=drift.suggestion,
                details={"class": drift.kind.value, "wanted": dict(drift.wanted), "actual": dict(drift.actual)},
                service_id=drift.service_id,
                server_id=drift.server_id,
            )
            total += 1
    if scope.all_of_ours and scope.all_of_whmcs:
        for kind in Class:
            if kind not in present and kind is not Class.PRODUCT_CHANGED:
                _settle(tx, f"drift:{kind}:many")
    return total


def _ask_once_for_all(tx: Connection, kind: Class, drifts: list[Drift]) -> None:
    summons.ask(
        tx,
        open_key=f"drift:{kind}:many",
        kind="drift",
        department="default",
        title=f"{len(drifts)} times {kind.value.replace('_', ' ')}",
        cause=f"A sweep found this all at once; the first is: {drifts[0].what}.",
        suggestion=f"Look at finding.list for {kind}: so many at once have one cause. {drifts[0].suggestion}",
        details={"class": kind.value, "count": len(drifts), "preview": [each.what for each in drifts[:PREVIEW_MAX]]},
    )


def _settle(tx: Connection, key: str) -> None:
    tasks.close(tx, _task_key(key), state=tasks.COMPLETED, by=CALLER, reason="it is as it should be again")


def _task_key(key: str) -> str:
    """Keys of tasks are shorter than those of findings; a long domain is told by its end as well as its beginning."""
    return key if len(key) <= 128 else f"{key[:60]}~{key[-60:]}"
