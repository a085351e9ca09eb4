"""FreeSWITCH's event socket, inbound: commands and their answers on one connection, events on another.

    frame       header lines, an empty line, and as many bytes of body as `Content-Length` says
    api         the answer is the next frame, and nothing else comes meanwhile
    bgapi       the answer is a job's number; what came of it is an event, later
    events      as JSON, on a connection that is asked nothing

Every exchange has a deadline that no late byte moves. A kept connection may have died of old age: then the command goes
out once more on a new one, which `commands.py` allows for each. Lost after that, the outcome is not known.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.errors import NotPrepared, NotReached, OutcomeUnknown
from bridge.pbx.fusionpbx.commands import Command
from bridge.secret import Secret

SECONDS = 5.0
"""From the first byte sent to the last one read."""
HEAD_BYTES_MAX = 16 * 1024
BODY_BYTES_MAX = 32 * 1024 * 1024
_PIECE = 64 * 1024

Clock = Callable[[], float]
"""Seconds that only go forward."""


@dataclass(frozen=True, slots=True)
class Where:
    host: str
    port: int
    password: Secret
    address: Callable[[], str] | None = None
    """Asked for whenever a connection is made: where a host's name leads, and whether the bridge may go there."""

    def __str__(self) -> str:
        return f"the event socket at {self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Frame:
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def kind(self) -> str:
        return self.headers.get("Content-Type", "")

    @property
    def reply(self) -> str:
        return self.headers.get("Reply-Text", "")


class Cut(Exception):
    """The connection ended, or the deadline passed. Whoever asked says what that means."""


class Line:
    """One connection that has signed in."""

    def __init__(self, where: Where, seconds: float = SECONDS, clock: Clock = time.monotonic) -> None:
        self._where = where
        self._clock = clock
        self._buffer = bytearray()
        self._events: deque[dict[str, Any]] = deque()
        deadline = clock() + seconds
        try:
            address = where.address() if where.address is not None else where.host
            self._socket = socket.create_connection((address, where.port), timeout=seconds)
        except OSError as error:
            raise NotReached(f"{where} is not reached: {error.strerror or type(error).__name__}") from None
        weakref.finalize(self, self._socket.close)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._sign_in(deadline)
        except Cut as cut:
            self.close()
            raise NotReached(f"{where} does not speak: {cut}") from None
        except BaseException:
            self.close()
            raise

    def _sign_in(self, deadline: float) -> None:
        greeting = self._frame(deadline)
        if greeting.kind == "text/rude-rejection":
            raise NotPrepared(
                f"{self._where} refuses our address; name it in apply-inbound-acl of event_socket.conf.xml, or ask from"
                " the host itself"
            )
        if greeting.kind != "auth/request":
            raise NotReached(f"{self._where} is no event socket: it greets with {greeting.kind[:40]!a}")
        answer = self.exchange(f"auth {self._where.password.reveal()}", deadline)
        if not answer.reply.startswith("+OK"):
            raise NotPrepared(f"{self._where} refuses the password; it is in event_socket.conf.xml")

    def exchange(self, line: str, deadline: float) -> Frame:
        """Sends a line and gives its answer. Events that come meanwhile are kept."""
        self._send(line.encode() + b"\n\n", deadline)
        while True:
            frame = self._frame(deadline)
            if frame.kind == "text/event-json":
                self._keep(frame)
            elif frame.kind == "text/disconnect-notice":
                raise Cut("it said goodbye")
            else:
                return frame

    def event(self, deadline: float) -> dict[str, Any]:
        """The next event."""
        while not self._events:
            frame = self._frame(deadline)
            if frame.kind == "text/disconnect-notice":
                raise Cut("it said goodbye")
            if frame.kind == "text/event-json":
                self._keep(frame)
        return self._events.popleft()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def _keep(self, frame: Frame) -> None:
        try:
            event = json.loads(frame.body)
        except ValueError:
            raise Cut("an event is not JSON") from None
        if isinstance(event, dict):
            self._events.append(event)

    def _send(self, content: bytes, deadline: float) -> None:
        try:
            self._socket.settimeout(self._left(deadline))
            self._socket.sendall(content)
        except OSError as error:
            raise Cut(error.strerror or type(error).__name__) from None

    def _frame(self, deadline: float) -> Frame:
        head = self._until(b"\n\n", deadline)
        headers = dict(_headers(head))
        length = headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > BODY_BYTES_MAX:
            raise Cut(f"a body of {length[:20]!a} bytes")
        return Frame(headers, self._bytes(int(length), deadline))

    def _until(self, end: bytes, deadline: float) -> bytes:
        seen = 0
        while True:
            found = self._buffer.find(end, max(0, seen - len(end)))
            if found >= 0:
                head = bytes(self._buffer[:found])
                del self._buffer[: found + len(end)]
                return head
            seen = len(self._buffer)
            if seen > HEAD_BYTES_MAX:
                raise Cut("a head without an end")
            self._more(deadline)

    def _bytes(self, count: int, deadline: float) -> bytes:
        while len(self._buffer) < count:
            self._more(deadline)
        body = bytes(self._buffer[:count])
        del self._buffer[:count]
        return body

    def _more(self, deadline: float) -> None:
        try:
            self._socket.settimeout(self._left(deadline))
            piece = self._socket.recv(_PIECE)
        except TimeoutError:
            raise Cut("no answer in time") from None
        except OSError as error:
            raise Cut(error.strerror or type(error).__name__) from None
        if not piece:
            raise Cut("it closed the connection")
        self._buffer += piece

    def _left(self, deadline: float) -> float:
        left = deadline - self._clock()
        if left <= 0:
            raise Cut("no answer in time")
        return left


def _headers(head: bytes) -> Iterator[tuple[str, str]]:
    for line in head.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip(), value.strip()


@dataclass(slots=True)
class EventSocket:
    """The command side: one connection, kept and made anew. Threads wait for each other."""

    where: Where
    seconds: float = SECONDS
    clock: Clock = time.monotonic
    _line: Line | None = field(default=None, init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False, repr=False)

    def api(self, asked: Command, *, seconds: float | None = None) -> str:
        """What a command printed."""
        with self._lock:
            answer = self._ask(f"api {asked.line}", asked, seconds)
        if answer.kind != "api/response":
            raise NotPrepared(f"{self.where} does not allow {asked.line.split()[0]}: {answer.reply[:80]!a}")
        return answer.body.decode("utf-8", "replace")

    def background(self, asked: Command, *, job: str, seconds: float) -> str:
        """What a command printed that takes long: the connection listens for its end. `job` is a new UUID."""
        deadline = self.clock() + seconds
        with self._lock:
            self._ask("event json BACKGROUND_JOB", asked, seconds)
            self._ask(f"bgapi {asked.line}\nJob-UUID: {job}", asked, seconds)
            try:
                return self._end_of(job, deadline)
            except Cut as cut:
                self.close()
                raise OutcomeUnknown(f"{self.where} was asked for {asked.line.split()[0]}, and then: {cut}") from None

    def _end_of(self, job: str, deadline: float) -> str:
        assert self._line is not None
        while True:
            event = self._line.event(deadline)
            if event.get("Event-Name") == "BACKGROUND_JOB" and event.get("Job-UUID") == job:
                return str(event.get("_body", ""))

    def _ask(self, line: str, asked: Command, seconds: float | None) -> Frame:
        deadline = self.clock() + (seconds or self.seconds)
        was_kept = self._line is not None
        try:
            return self._exchange(line, deadline)
        except Cut as cut:
            trouble = cut
        if was_kept:
            try:
                return self._exchange(line, deadline)
            except (Cut, NotReached) as again:  # the first time it may have been heard
                raise OutcomeUnknown(f"{self.where} was asked for {asked.line.split()[0]}, and then: {again}") from None
        raise OutcomeUnknown(f"{self.where} was asked for {asked.line.split()[0]}, and then: {trouble}") from None

    def _exchange(self, line: str, deadline: float) -> Frame:
        if self._line is None:
            left = deadline - self.clock()
            if left <= 0:
                raise Cut("no answer in time")
            self._line = Line(self.where, left, self.clock)
        try:
            return self._line.exchange(line, deadline)
        except Cut:
            self.close()
            raise

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


EVENTS = (
    "CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE HEARTBEAT"
    " CUSTOM sofia::register sofia::unregister sofia::expire sofia::gateway_state"
)


class Events:
    """The events of a switch, from now on. When it ends, what happened meanwhile has to be asked for."""

    def __init__(self, where: Where, *, seconds: float = SECONDS, clock: Clock = time.monotonic) -> None:
        self._where = where
        self._clock = clock
        self._line = Line(where, seconds, clock)
        try:
            answer = self._line.exchange(f"event json {EVENTS}", clock() + seconds)
        except Cut as cut:
            self._line.close()
            raise NotReached(f"{where} does not speak: {cut}") from None
        if not answer.reply.startswith("+OK"):
            self._line.close()
            raise NotPrepared(f"{where} does not give its events: {answer.reply[:80]!a}")

    def next(self, seconds: float) -> dict[str, Any] | None:
        """The next event, or None when none came in time. NotReached when the connection is lost."""
        try:
            return self._line.event(self._clock() + seconds)
        except Cut as cut:
            if str(cut) == "no answer in time":
                return None
            self._line.close()
            raise NotReached(f"{self._where} is lost: {cut}") from None

    def close(self) -> None:
        self._line.close()
