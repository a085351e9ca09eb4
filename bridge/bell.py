"""A bell inside one process: rung when work was accepted or done, so that nobody has to poll for it."""

from __future__ import annotations

import threading


class Bell:
    """Whoever waits hears a ring that came since it last looked. A missed ring costs a poll, never an operation."""

    def __init__(self) -> None:
        self._rung = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def ring(self) -> None:
        with self._rung:
            self._count += 1
            self._rung.notify_all()

    def wait(self, heard: int, seconds: float) -> int:
        """Waits for a ring after the `heard`th, at most so long. Answers the count to wait from next time."""
        with self._rung:
            self._rung.wait_for(lambda: self._count > heard, timeout=seconds)
            return self._count
