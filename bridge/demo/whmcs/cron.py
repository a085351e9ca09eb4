"""WHMCS's daily cron, as far as modules are concerned: who is overdue is suspended, who waited too long is ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select

from bridge.demo.whmcs import modules, tables
from bridge.demo.whmcs.actions.people import mail
from bridge.demo.whmcs.standin import StandIn
from bridge.whmcs import php


@dataclass(frozen=True, slots=True)
class Round:
    done: int
    failed: int


def suspend_overdue(whmcs: StandIn, *, grace_days: int = 5) -> Round:
    """Every overdue service, one call after the other. What fails goes to the module queue; staff get one mail."""
    limit = whmcs.clock().date() - timedelta(days=grace_days)
    overdue = whmcs.within(lambda tx: _overdue(tx, limit))
    said = [modules.run(whmcs, service_id, modules.SUSPEND, automated=True, by_cron=True) for service_id in overdue]
    failed = sum(each != "success" for each in said)
    if failed:
        text = f"{failed} of {len(said)} automated suspensions failed. See Utilities > Module Queue."
        whmcs.within(
            lambda tx: mail(tx, whmcs, template="", about_id=0, recipient="admin", subject="Module queue", message=text)
        )
    return Round(len(said) - failed, failed)


def _overdue(tx: Connection, limit: date) -> list[int]:
    hosting, clients, groups = tables.hosting, tables.clients, tables.client_groups
    rows = tx.execute(
        select(hosting, groups.c.susptermexempt)
        .join(clients, clients.c.id == hosting.c.userid)
        .outerjoin(groups, groups.c.id == clients.c.groupid)
        .where(hosting.c.domainstatus == "Active")
        .order_by(hosting.c.id)
    ).mappings()
    found = []
    for row in rows:
        due, until = php.day(row["nextduedate"]), php.day(row["overidesuspenduntil"])
        is_kept = php.truth(row["overideautosuspend"]) and (until is None or until > limit)
        if due is not None and due < limit and not is_kept and not php.truth(row["susptermexempt"]):
            found.append(row["id"])
    return found
