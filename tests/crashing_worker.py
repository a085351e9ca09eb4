"""A worker in a process of its own that dies at a named point, as if the power had gone: SIGKILL, no goodbye.

python -m tests.crashing_worker, told by its environment: BRIDGE_DATABASE_URL and the other settings of a bridge, and
CRASH_POINT with CRASH_AT (die at the nth time the point is passed). Without CRASH_POINT it works until it is ended.
"""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace

from bridge import app, settings
from bridge.crash import Point
from bridge.crew import Crew


class Crasher:
    """Passes every point but one, and that one a number of times."""

    def __init__(self, point: str | None, at: int) -> None:
        self._point = point
        self._left = at
        self._lock = threading.Lock()

    def __call__(self, point: Point) -> None:
        with self._lock:
            if point.value == self._point:
                self._left -= 1
                if self._left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    crasher = Crasher(os.environ.get("CRASH_POINT"), int(os.environ.get("CRASH_AT", "1")))
    bridge = replace(app.build(settings.read()), crash=crasher)
    crew = Crew(bridge, workers=2, name=f"crashing-{os.getpid()}")
    crew.start()
    print("working", flush=True)
    signal.sigwait({signal.SIGTERM})
    crew.stop()


if __name__ == "__main__":
    main()
