"""Connections that go where the guard lets them, to whom we trust, and end when the call does."""

from __future__ import annotations

import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import httpcore
import httpx

from bridge.network import Guard, Trust

CONNECT_SECONDS = 5.0
CALL_SECONDS = 30.0
_WRITE_BYTES = 16 * 1024

_HTTPX: dict[str, type[httpx.TransportError]] = {
    kind.__name__: kind
    for kind in (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ReadError,
        httpx.ReadTimeout,
        httpx.WriteError,
        httpx.WriteTimeout,
        httpx.RemoteProtocolError,
        httpx.LocalProtocolError,
        httpx.ProtocolError,
        httpx.NetworkError,
        httpx.TimeoutException,
    )
}


def boot_seconds() -> float:
    """Time that goes on while a virtual machine sleeps (R-11)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def today() -> date:
    return datetime.now(UTC).date()


class Unpinned(httpcore.ConnectError):
    """The certificate that came is not the one that was pinned."""


class _Call(threading.local):
    """What the exchange of this thread may do: how long, and whether in the clear."""

    until: float = float("inf")
    is_plain: bool = False

    def left(self, timeout: float | None) -> float:
        left = self.until - boot_seconds()
        return max(0.001, left if timeout is None else min(timeout, left))


class GuardedTransport(httpx.BaseTransport):
    """httpcore's connections, made through the guard and held to the deadline of the call."""

    def __init__(
        self,
        guard: Guard,
        trust: Trust,
        today: Callable[[], date] = today,
        backend: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._call = _Call()
        backend = _GuardedBackend(guard, _Belief(trust, today), self._call, backend or httpcore.SyncBackend())
        # Two pools: a write never meets a connection that was used before.
        self._reads = httpcore.ConnectionPool(
            max_connections=20, max_keepalive_connections=4, keepalive_expiry=15, network_backend=backend
        )
        self._writes = httpcore.ConnectionPool(max_connections=20, max_keepalive_connections=0, network_backend=backend)

        # A driver is dropped when its server's configuration changes; its idle connections end with it.
        weakref.finalize(self, _close, self._reads, self._writes).atexit = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._call.until = request.extensions.get("until", boot_seconds() + CALL_SECONDS)
        self._call.is_plain = request.url.scheme == "http"
        pool = self._reads if request.extensions.get("reading") else self._writes
        with _httpx_words():
            answer = pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions={"timeout": request.extensions.get("timeout", {})},
                )
            )
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        _close(self._reads, self._writes)


def _close(*pools: httpcore.ConnectionPool) -> None:
    for pool in pools:
        pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_words():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _httpx_words() -> Iterator[None]:
    """httpcore's exceptions under the names that httpx gives the same things."""
    try:
        yield
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        names = (kind.__name__ for kind in type(error).__mro__)
        raise next(_HTTPX[name] for name in names if name in _HTTPX)(str(error)) from error


class _Belief:
    """Whom to believe today. Making a context reads every authority from disk (20 ms), so each is made once."""

    def __init__(self, trust: Trust, today: Callable[[], date]) -> None:
        self._trust, self._today = trust, today
        self._contexts: dict[str, ssl.SSLContext] = {}

    @property
    def mode(self) -> str:
        return self._trust.mode(self._today())

    def context(self) -> ssl.SSLContext:
        day = self._today()
        mode = self._trust.mode(day)
        if mode not in self._contexts:
            self._contexts[mode] = self._trust.context(day)
        return self._contexts[mode]

    def is_shaken(self, certificate: bytes | None) -> bool:
        return not self._trust.is_pinned(certificate)


class _GuardedBackend(httpcore.NetworkBackend):
    def __init__(self, guard: Guard, belief: _Belief, call: _Call, inner: httpcore.NetworkBackend) -> None:
        self._guard, self._belief, self._call, self._inner = guard, belief, call, inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """To the first judged address that answers, all within one connect time-out."""
        end = boot_seconds() + self._call.left(timeout or CONNECT_SECONDS)
        addresses = self._guard.addresses(host, port)
        if self._call.is_plain and self._belief.mode != "unverified":
            self._guard.assert_may_be_plain(host, addresses, use="https://")

        refused: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in addresses:
            left = end - boot_seconds()
            if left <= 0:
                break
            try:
                stream = self._inner.connect_tcp(str(address), port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                refused = error
            else:
                return _GuardedStream(stream, self._belief, self._call)
        raise refused or httpcore.ConnectTimeout("no time left to connect")


class _GuardedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, belief: _Belief, call: _Call) -> None:
        self._stream, self._belief, self._call = stream, belief, call
        self._is_closed = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._call.until <= boot_seconds():
            raise httpcore.ReadTimeout("the call is over")
        return self._stream.read(max_bytes, self._call.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            if self._call.until <= boot_seconds():
                raise httpcore.WriteTimeout("the call is over")
            self._stream.write(buffer[start : start + _WRITE_BYTES], self._call.left(timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        # The context comes from our own trust and not from the pool: an exception may have ended since it was made.
        left = self._call.left(timeout or CONNECT_SECONDS)
        stream = self._stream.start_tls(self._belief.context(), server_hostname, left)
        secured = _GuardedStream(stream, self._belief, self._call)
        if self._belief.is_shaken(stream.get_extra_info("socket").getpeercert(binary_form=True)):
            secured.close()
            raise Unpinned("the certificate is not the pinned one")
        return secured

    def close(self) -> None:
        self._is_closed = True
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        # A closed stream counts as readable, which is how a pool knows not to use it again.
        return True if info == "is_readable" and self._is_closed else self._stream.get_extra_info(info)
