"""How uvicorn listens: what a connection may cost before anybody has proved anything (T-4, T-5).

uvicorn limits the time between requests and not the time a request's head takes to arrive; that is added here.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""A request's head has arrived by then, or the connection is closed."""

HEAD_BYTES_MAX = 16 * 1024
CONNECTIONS_MAX = 512
KEEP_ALIVE_SECONDS = 5
BACKLOG = 512


class HeadDeadline(H11Protocol):
    head_seconds: float = HEAD_SECONDS
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        if not self._is_serving():
            self._arm()
        super().data_received(data)
        if self._is_serving():
            self._disarm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _is_serving(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _arm(self) -> None:
        """Once for each head: a byte now and then does not buy more time."""
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.head_seconds, self.transport.close)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def uvicorn_options(*, protocol: type[HeadDeadline] = HeadDeadline) -> dict[str, Any]:
    """For `uvicorn.Config(app, **uvicorn_options())`, beside host, port and the time for draining."""
    return {
        "http": protocol,
        "ws": "none",
        "lifespan": "on",
        "h11_max_incomplete_event_size": HEAD_BYTES_MAX,
        "limit_concurrency": CONNECTIONS_MAX,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "backlog": BACKLOG,
        "server_header": False,
        "access_log": False,
        "log_config": None,
        # A proxy on this host tells who asked; nobody else is believed (it decides whose budget is spent).
        "proxy_headers": True,
        "forwarded_allow_ips": "127.0.0.1,::1",
    }
