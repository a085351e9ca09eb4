"""The real listener on a loopback port: what a connection may cost (T-4, T-5), and requests no client would send."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import uvicorn
from sqlalchemy import Engine

from bridge import keys, signature, web
from bridge.app import Bridge
from bridge.listener import HEAD_BYTES_MAX, KEEP_ALIVE_SECONDS, HeadDeadline, uvicorn_options
from bridge.settings import Settings
from bridge.vault import Vault
from tests.rpc.room import Room

BODY = b'{"jsonrpc":"2.0","id":1,"method":"service.echo","params":{"service_id":1}}'


class Impatient(HeadDeadline):
    head_seconds = 0.3


@pytest.fixture
def bridge(sqlite_engine: Engine, settings: Settings) -> Bridge:
    return Bridge(settings=settings, engine=sqlite_engine, vault=Vault(bytes(32)), random=os.urandom)


@contextmanager
def listening(bridge: Bridge, limits: web.Limits) -> Iterator[int]:
    app = web.app(bridge, Room().methods(), limits=limits)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, **uvicorn_options(protocol=Impatient)))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


def wait_for(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


@pytest.fixture
def port(bridge: Bridge) -> Iterator[int]:
    with listening(bridge, web.Limits(receipt_seconds=0.3)) as number:
        yield number


def exchange(port: int, *parts: bytes) -> bytes:
    """Everything the other side says until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        for part in parts:
            line.sendall(part)
        heard = b""
        with suppress(ConnectionResetError):
            while chunk := line.recv(65536):
                heard += chunk
        return heard


def head(*lines: str) -> bytes:
    return "\r\n".join(("POST /rpc/v1 HTTP/1.1", "Host: b", "Content-Type: application/json", *lines, "", "")).encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_signed_call_goes_in_and_a_signed_answer_comes_out(bridge: Bridge) -> None:
    key_id, secret = keys.add(bridge, "whmcs-main")
    stamped = signature.request_headers(
        signature.secret_bytes(secret),
        method="POST",
        path="/rpc/v1",
        audience="bridge",
        key_id=key_id,
        timestamp=int(time.time()),
        nonce="0" * 32,
        body=BODY,
    )
    lines = [f"{name}: {value}" for name, value in stamped.items()]

    with listening(bridge, web.Limits()) as port:
        answer = exchange(port, head(*lines, f"Content-Length: {len(BODY)}", "Connection: close") + BODY)

    told, _, body = answer.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in told.decode().split("\r\n")[1:])
    assert status(answer) == 200
    assert b'"service_id":1' in body
    assert "server" not in {name.lower() for name in headers}
    assert signature.is_answer_signed(
        signature.secret_bytes(secret), headers, status=200, key_id=key_id, nonce="0" * 32, body=body
    )


def test_two_lengths_that_differ_are_refused_t_4(port: int) -> None:
    assert status(exchange(port, head("Content-Length: 2", "Content-Length: 3") + b"{}")) == 400


def test_both_length_headers_are_refused_t_4(port: int) -> None:
    answer = exchange(port, head("Content-Length: 2", "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n")

    assert status(answer) == 400


def test_a_head_without_end_is_cut_off_t_4(port: int) -> None:
    """With an answer, or with none where the line was reset before it could be read."""
    answer = exchange(port, b"POST /rpc/v1 HTTP/1.1\r\nX-Long: " + b"a" * (HEAD_BYTES_MAX + 1))

    assert answer == b"" or status(answer) == 400


def test_a_head_that_does_not_arrive_is_not_waited_for_t_5(port: int) -> None:
    assert exchange(port) == b""
    assert exchange(port, b"POST /rpc/v1 HTTP/1.1\r\nHost: ") == b""


def test_a_byte_now_and_then_buys_no_time_t_5(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.settimeout(0.02)
        started = time.monotonic()
        is_open = True
        while is_open and time.monotonic() - started < 10:
            try:
                line.sendall(b"P")
                is_open = line.recv(1) != b""
            except TimeoutError:
                continue
            except OSError:
                is_open = False

    assert not is_open


def test_the_next_head_on_a_connection_has_its_own_deadline_t_5(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(b"GET /live HTTP/1.1\r\nHost: b\r\n\r\n")
        assert status(line.recv(65536)) == 204

        started = time.monotonic()
        line.sendall(b"GET /live HTTP/1.1\r\nHo")
        assert line.recv(65536) == b""
        assert time.monotonic() - started < KEEP_ALIVE_SECONDS, "it was the deadline, not the end of idling"


def test_a_body_that_does_not_arrive_is_not_waited_for_t_5(port: int) -> None:
    answer = exchange(port, head("Content-Length: 100"), b"{")

    assert status(answer) == 408
    assert b"connection: close" in answer.lower()


def test_a_call_may_take_longer_than_a_head(bridge: Bridge) -> None:
    """The deadlines are for what a guest sends, not for how long the bridge thinks."""
    with listening(bridge, web.Limits(receipt_seconds=5)) as port:
        body = b"x" * 10
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            line.sendall(head("Content-Length: 10", "Connection: close"))
            started = time.monotonic()
            wait_for(lambda: time.monotonic() - started > 2 * Impatient.head_seconds)
            line.sendall(body)
            assert status(line.recv(65536)) == 401
