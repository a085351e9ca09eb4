"""The actions of the remote API, by their names. Each takes an open transaction and what was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from bridge.demo.whmcs.actions import billing, invoices, orders, people, services, system
from bridge.demo.whmcs.asked import Asked, Reply
from bridge.demo.whmcs.standin import StandIn

Action = Callable[[Connection, StandIn, Asked], Reply]


def actions() -> Mapping[str, Action]:
    return {
        **services.ACTIONS,
        **orders.ACTIONS,
        **billing.ACTIONS,
        **invoices.ACTIONS,
        **people.ACTIONS,
        **system.ACTIONS,
    }
