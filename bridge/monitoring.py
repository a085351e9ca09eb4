"""What waits to be told, in figures: counted when somebody outside looks, such as Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.app import Bridge
from bridge.database import now, transact
from bridge.metrics import Metrics
from bridge.store import backlog, notices

WEEK = timedelta(days=7)


def watch(bridge: Bridge, metrics: Metrics) -> None:
    def count(ask: Callable[[Connection, datetime], Mapping[str, float]]) -> Callable[[], Mapping[str, float]]:
        engine = bridge.engine.execution_options(read_only=True)
        return lambda: transact(engine, lambda tx: ask(tx, now(tx)))

    metrics.watch("bridge_announcements_due", "What WHMCS still has to hear.", "", count(_announcements))
    metrics.watch("bridge_announcements_oldest_seconds", "How long the oldest of them waits.", "", count(_oldest))
    metrics.watch("bridge_deliveries", "A week's messages to departments by state.", "state", count(_deliveries))


def _announcements(tx: Connection, _: datetime) -> dict[str, float]:
    return {"": backlog.announcements_due(tx).count}


def _oldest(tx: Connection, moment: datetime) -> dict[str, float]:
    since = backlog.announcements_due(tx).since
    return {"": (moment - since).total_seconds() if since is not None else 0}


def _deliveries(tx: Connection, moment: datetime) -> dict[str, int]:
    return notices.counts(tx, since=moment - WEEK)
