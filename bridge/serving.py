"""The web service as a process: listeners, the crew beside them, and an end in order (R-27)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette

from bridge import web
from bridge.app import Bridge
from bridge.crew import Crew
from bridge.drift import sweep
from bridge.errors import NotPrepared
from bridge.keeper import Job
from bridge.listener import uvicorn_options
from bridge.logs import say
from bridge.rpc.methods import all_methods
from bridge.settings import Address
from bridge.webhooks import Receive

log = logging.getLogger("bridge.serving")

_ENDS = frozenset({signal.SIGTERM, signal.SIGINT})


class _Listener(uvicorn.Server):
    """One of our listeners. Signals are heard once, for all of them, in `_serve`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


Tell = Callable[[dict[str, Any]], object]


def serve(bridge: Bridge, *, workers: int, jobs: tuple[Job, ...] = (), tell: Tell = lambda _: None) -> int:
    """Serves until SIGTERM or SIGINT; then takes nothing new, ends what runs, and hands back what it holds.

    `tell` hears where it listens, once connections are taken.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)  # one that comes before we can hear it waits until we can
    with _bound(bridge.settings.listen) as main, _bound(bridge.settings.admin_listen) as admin:
        crew = Crew(bridge, workers=workers, jobs=jobs) if workers else None
        if crew is not None:
            crew.start()
        assert main is not None

        def ready() -> None:
            say(log, logging.INFO, "serving", listen=_where(main), workers=workers)
            tell({"listen": _where(main), "admin_listen": _where(admin) if admin else None, "workers": workers})

        asyncio.run(_serve(bridge, main, admin, crew, ready))
        drained = crew.stop() if crew is not None else True
    say(log, logging.INFO, "stopped", drained=drained)
    return 0


def notice_for(bridge: Bridge) -> Receive:
    """What a notice from WHMCS sets off: a look at its service soon, or at everything."""
    return lambda notice: sweep.notice(bridge, notice.service_id)


def work(bridge: Bridge, *, workers: int, jobs: tuple[Job, ...] = (), tell: Tell = lambda _: None) -> int:
    """Workers alone, until SIGTERM or SIGINT."""
    crew = Crew(bridge, workers=workers, jobs=jobs)
    crew.start()
    say(log, logging.INFO, "working", workers=workers)
    tell({"workers": workers})
    signal.sigwait(_ENDS)
    drained = crew.stop()
    say(log, logging.INFO, "stopped", drained=drained)
    return 0


async def _serve(
    bridge: Bridge,
    main: socket.socket,
    admin: socket.socket | None,
    crew: Crew | None,
    ready: Callable[[], object],
) -> None:
    app = web.app(bridge, all_methods(), notice=notice_for(bridge))
    door = app.state.door
    listeners = [(_listener(bridge, app), main)]
    if admin is not None:
        listeners.append((_listener(bridge, web.admin_app(door)), admin))

    def end() -> None:
        door.drain()
        if crew is not None:
            crew.begin_to_stop()  # beside the listeners: 25 seconds are for all of it
        for listener, _ in listeners:
            listener.should_exit = True

    loop = asyncio.get_running_loop()
    for heard in _ENDS:
        loop.add_signal_handler(heard, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
    ready()
    await asyncio.gather(*(listener.serve(sockets=[bound]) for listener, bound in listeners))


def _listener(bridge: Bridge, app: Starlette) -> _Listener:
    seconds = bridge.settings.drain_seconds
    return _Listener(uvicorn.Config(app, **uvicorn_options() | {"timeout_graceful_shutdown": seconds}))


@contextlib.contextmanager
def _bound(address: Address | None) -> Iterator[socket.socket | None]:
    if address is None:
        yield None
        return
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        bound = socket.create_server((address.host, address.port), family=family, backlog=512)
    except OSError as error:
        is_name = isinstance(error, socket.gaierror)  # its numbers are not those of the system
        why = "no such host" if is_name or not error.errno else os.strerror(error.errno)
        raise NotPrepared(f"{address} cannot be listened on: {why}; see BRIDGE_LISTEN") from error
    with bound:
        # asyncio sets it only for sockets it makes itself; without it a kept connection waits 40 ms for nothing.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield bound


def _where(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"{host}:{port}"
