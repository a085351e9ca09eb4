"""The sweeper: a thread of its own, so that a PBX with a thousand tenants holds up no probe and no operation."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from bridge.app import Bridge
from bridge.database import transact
from bridge.drift import sweep
from bridge.errors import BridgeError
from bridge.logs import say, way
from bridge.store import jobs

log = logging.getLogger("bridge.drift.sweeper")

PAUSE_SECONDS = 1.0


class Sweeper:
    def __init__(self, bridge: Bridge, name: str) -> None:
        self.bridge = bridge
        self.name = name

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.run_once()
            stop.wait(PAUSE_SECONDS)

    def run_once(self) -> list[sweep.Report]:
        """What was noticed, and everything when its time has come. Trouble is logged, and it is tried again."""
        return [each for each in (self._guarded(self._noticed), self._guarded(self._all)) if each is not None]

    def _noticed(self) -> sweep.Report | None:
        return sweep.noticed(self.bridge)

    def _all(self) -> sweep.Report | None:
        engine = self.bridge.engine
        turn = transact(engine, lambda tx: jobs.take(tx, sweep.JOB, owner=self.name, lease=sweep.LEASE))
        if turn is None:
            return None
        report: sweep.Report | None = None
        try:
            report = sweep.run(self.bridge)
        finally:
            again = timedelta(seconds=self.bridge.settings.sweep_seconds)
            result = report.to_json() if report is not None else {"failed": True}
            transact(engine, lambda tx: jobs.finish(tx, turn, again_in=again, result=result))
        return report

    def _guarded(self, act: Callable[[], sweep.Report | None]) -> sweep.Report | None:
        try:
            report = act()
        except BridgeError as trouble:
            say(log, logging.WARNING, "a sweep was put off", cause=str(trouble))
            return None
        except Exception as bug:  # a bug in one sweep must not end the others
            say(log, logging.ERROR, "a sweep broke", error=way(bug))
            return None
        if report is not None and not report.is_quiet:
            say(log, logging.INFO, "swept", **{name: str(value) for name, value in report.to_json().items()})
        return report
