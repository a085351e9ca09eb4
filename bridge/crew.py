"""The threads of a process: workers, keeper, notifier, sweeper. They start together and stop in order (R-27)."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time

from bridge.app import Bridge
from bridge.drift.sweeper import Sweeper
from bridge.errors import BridgeError
from bridge.keeper import Job, Keeper
from bridge.logs import say, way
from bridge.people.notices import Notifier
from bridge.worker import Worker

log = logging.getLogger("bridge.crew")

IDLE_SECONDS = 1.0
"""How long a worker without work waits for the bell before it looks by itself."""


class Crew:
    def __init__(self, bridge: Bridge, *, workers: int, jobs: tuple[Job, ...] = (), name: str | None = None) -> None:
        self._bridge = bridge
        self._stop = threading.Event()
        self._until = 0.0
        mine = name or f"{socket.gethostname()[:40]}-{os.getpid()}-{bridge.random(3).hex()}"
        self._threads = [
            threading.Thread(target=self._work, args=(Worker(bridge, f"{mine}-{number}"),), name=f"worker-{number}")
            for number in range(1, workers + 1)
        ]
        keeper = Keeper(bridge, f"{mine}-keeper", jobs)
        self._threads.append(threading.Thread(target=keeper.run, args=(self._stop,), name="keeper"))
        # A thread of its own: a mail server that takes its time holds up no probe and no operation.
        notifier = Notifier(bridge, f"{mine}-notifier")
        self._threads.append(threading.Thread(target=notifier.run, args=(self._stop,), name="notifier"))
        sweeper = Sweeper(bridge, f"{mine}-sweeper")
        self._threads.append(threading.Thread(target=sweeper.run, args=(self._stop,), name="sweeper"))

    def start(self) -> None:
        for thread in self._threads:
            thread.daemon = True  # a PBX that never answers must not keep the process; the lease runs out by itself
            thread.start()

    def begin_to_stop(self) -> None:
        """Claims nothing more; what runs goes on to its end."""
        if not self._stop.is_set():
            self._until = time.monotonic() + self._bridge.settings.drain_seconds
            self._stop.set()
            self._bridge.bell.ring()

    def stop(self) -> bool:
        """Lets what runs end or be handed back. False when the time for that, since the beginning, ran out."""
        self.begin_to_stop()
        until = self._until
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self, worker: Worker) -> None:
        bell = self._bridge.bell
        while not self._stop.is_set():
            heard = bell.count
            try:
                if worker.run_once(self._stop):
                    continue
            except BridgeError as trouble:
                say(log, logging.WARNING, "a worker could not claim", worker=worker.name, cause=str(trouble))
            except Exception as bug:  # the worker's loop: whatever broke, the next round is a new one
                say(log, logging.ERROR, "a worker broke", worker=worker.name, error=way(bug))
            bell.wait(heard, IDLE_SECONDS)
