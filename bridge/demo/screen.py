"""What one sees of the demo: a live table on a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from bridge.database import transact
from bridge.demo.stage import Stage
from bridge.store import operations, services
from bridge.store import servers as server_store

if TYPE_CHECKING:
    from rich.console import RenderableType

LINES_KEPT = 14


class Screen:
    """Tells each thing once as it happens; on a terminal, beside how everything stands."""

    def __init__(self, stage: Stage, *, live: bool) -> None:
        self._stage = stage
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._began = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._show, name="screen", daemon=True) if live else None

    def __enter__(self) -> Screen:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def tell(self, sentence: str) -> None:
        line = f"{time.monotonic() - self._began:6.1f} s  {sentence}"
        self._lines.append(line)
        if self._thread is None:
            print(line, file=sys.stderr, flush=True)

    def _show(self) -> None:
        from rich.console import Console
        from rich.live import Live

        with Live(self._picture(), console=Console(stderr=True), refresh_per_second=4) as live:
            while not self._done.wait(0.25):
                live.update(self._picture())
            live.update(self._picture())

    def _picture(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        bridge = self._stage.bridge
        states, by_status, known, shown = transact(
            bridge.engine,
            lambda tx: (
                operations.count_by_state(tx),
                services.count_by_status(tx),
                server_store.listed(tx),
                operations.listed(tx, limit=8),
            ),
        )
        head = Table.grid(padding=(0, 3))
        head.add_row(
            Text("services: " + (_counts(by_status) or "none yet")),
            Text("operations: " + (_counts(states) or "none yet")),
            Text("PBX: " + ", ".join(f"{each.name} {'working' if each.is_working else 'away'}" for each in known)),
            Text("calls: 0"),
            Text("charges: 0"),
        )
        table = Table(title="Operations", title_justify="left", expand=True)
        for column in ("number", "service", "what", "state", "tries", "why"):
            table.add_column(column)
        for each in shown:
            cells = (each.id, each.service_id, each.kind.value, each.state.value, each.attempts, each.cause or "")
            table.add_row(*(Text(str(cell)) for cell in cells))
        where = Text(
            f"bridge {self._stage.bridge_address}   WHMCS {self._stage.whmcs_address}/includes/api.php"
            f"   PBX agent {self._stage.pbx_address}   Ctrl-C ends it"
        )
        return Group(where, head, table, Text("\n".join(self._lines)))


def _counts(by_word: dict[str, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(by_word.items()))
