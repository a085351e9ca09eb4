"""A FreeSWITCH that is none: its event socket, with registrations, channels and gateways behind it.

It answers as the real one is documented to: errors stand in the body of an answer, a removed gateway is gone a moment
later, `show channels` without any has no rows, a shell is reached by `system`. `faults` says what breaks next.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

PASSWORD = "ClueCon"  # what every fresh FreeSWITCH has
Fault = Literal["silent", "cut_before", "cut_after", "no_answer", "half"]


@dataclass
class Channel:
    uuid: str
    domain: str
    domain_uuid: str
    extension_uuid: str = ""
    dest: str = ""
    gateway: str = ""
    created_epoch: int = 0
    accountcode: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    def variable(self, name: str) -> str | None:
        own = {"domain_name": self.domain, "domain_uuid": self.domain_uuid, "extension_uuid": self.extension_uuid}
        return (own | self.variables).get(name)

    def row(self) -> dict[str, str]:
        return {
            "uuid": self.uuid,
            "direction": "inbound",
            "created_epoch": str(self.created_epoch),
            "dest": self.dest,
            "context": self.domain,
            "accountcode": self.accountcode,
            "presence_id": f"{self.extension_uuid[:3]}@{self.domain}" if self.extension_uuid else "",
            "application": "bridge" if self.gateway else "",
            "application_data": f"sofia/gateway/{self.gateway}/{self.dest}" if self.gateway else "",
        }


@dataclass
class Switch:
    """Its state, and everything that was asked of it."""

    password: str = PASSWORD
    hostname: str = "pbx1"
    core_uuid: str = "0d9c1a34-0000-4000-8000-000000000001"
    channels: dict[str, Channel] = field(default_factory=dict)
    registrations: set[tuple[str, str]] = field(default_factory=set)
    gateways: dict[str, str] = field(default_factory=dict)
    """Those that are loaded, by their UUID, with their state."""
    known_gateways: Callable[[], dict[str, str]] = dict
    """Those that a rescan would load."""
    asked: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """What breaks with the next commands, one after the other."""
    refuses_address: bool = False
    _listeners: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # --- what it is told --------------------------------------------------------------------------------------------

    def answer(self, line: str) -> str:
        name, _, rest = line.partition(" ")
        words = rest.split()
        handler = getattr(self, f"_{name}", None)
        return handler(*words) if handler is not None else f"-ERR {name} Command not found!\n"

    def _status(self) -> str:
        return (
            f"UP 0 years, 1 day\nFreeSWITCH (Version 1.10.12) is ready\n{len(self.channels)} session(s) since startup\n"
        )

    def _version(self) -> str:
        return "FreeSWITCH Version 1.10.12-release (git a88d069 2024-08-02)\n"

    def _hostname(self) -> str:
        return self.hostname

    def _reloadacl(self) -> str:
        return "+OK acl reloaded\n"

    def _show(self, what: str, *_: str) -> str:
        rows: list[dict[str, str]] = []
        if what == "channels":
            rows = [each.row() for each in self.channels.values()]
        if what == "registrations":
            rows = [{"reg_user": user, "realm": domain} for user, domain in sorted(self.registrations)]
        return json.dumps({"row_count": len(rows), "rows": rows} if rows else {"row_count": 0})

    def _sofia(self, what: str, *words: str) -> str:
        if what == "xmlstatus" and not words:
            return (
                "<profiles><profile><name>internal</name></profile><profile><name>external</name></profile></profiles>"
            )
        if what == "xmlstatus":
            gateway = words[-1]
            if gateway not in self.gateways:
                return "Invalid Gateway!\n"
            return (
                f"<gateway><name>{gateway}</name><state>{self.gateways[gateway]}</state><status>UP</status></gateway>"
            )
        profile, verb, *more = words
        if profile not in ("internal", "external"):
            return f"Invalid Profile [{profile}]"
        return self._profile(verb, *more)

    def _profile(self, verb: str, *more: str) -> str:
        match verb:
            case "rescan":
                for gateway, state in self.known_gateways().items():
                    self.gateways.setdefault(gateway, state)  # one that is loaded is left as it is
                return "+OK scan complete\n"
            case "killgw":
                return (
                    "+OK gateway marked for deletion.\n"
                    if self.gateways.pop(more[0], None)
                    else "-ERR no such gateway.\n"
                )
            case "startgw":
                known = self.known_gateways()
                if more[0] not in known:
                    return "-ERR no such gateway.\n"
                self.gateways[more[0]] = known[more[0]]
                return "+OK\n"
            case "flush_inbound_reg":
                user, _, domain = more[0].partition("@") if more else ("", "", "")
                gone = {
                    each for each in self.registrations if (not domain or each[1] == domain) and user in ("", each[0])
                }
                self.registrations -= gone
                return "+OK flushing all registrations matching specified criteria\n"
        return "-ERR Unknown command!\n"

    def _uuid_dump(self, uuid: str, *_: str) -> str:
        channel = self.channels.get(uuid)
        if channel is None:
            return "-ERR No such channel!\n"
        known = {"domain_uuid": channel.domain_uuid, "domain_name": channel.domain, **channel.variables}
        return json.dumps({f"variable_{name}": value for name, value in known.items()})

    def _uuid_exists(self, uuid: str) -> str:
        return "true" if uuid in self.channels else "false"

    def _uuid_kill(self, uuid: str, *_: str) -> str:
        return "+OK\n" if self.channels.pop(uuid, None) else "-ERR No such channel!\n"

    def _hupall(self, cause: str = "", *pairs: str) -> str:
        names = dict(zip(pairs[::2], pairs[1::2], strict=False))
        gone = [
            uuid
            for uuid, each in self.channels.items()
            if all(
                str(getattr(each, {"domain_name": "domain"}.get(name, name))) == value for name, value in names.items()
            )
        ]
        for uuid in gone:
            del self.channels[uuid]
        return f"+OK hangup all channels matching [{names}] with cause: {cause}\n"

    def _sched_hangup(self, when: str, uuid: str, cause: str = "ALLOTTED_TIMEOUT") -> str:
        return "+OK\n" if uuid in self.channels else "-ERR No such channel!\n"

    def _limit_usage(self, *_: str) -> str:
        return str(len(self.channels))

    def _user_exists(self, *_: str) -> str:
        return "true"

    # --- what it tells ----------------------------------------------------------------------------------------------

    def tell(self, event: str, **headers: str) -> None:
        """An event for every connection that listens."""
        content = json.dumps({"Event-Name": event, "Core-UUID": self.core_uuid, **headers}).encode()
        frame = b"Content-Length: %d\nContent-Type: text/event-json\n\n" % len(content) + content
        with self._lock:
            for each in self._listeners:
                with contextlib.suppress(OSError):
                    each.sendall(frame)

    def restart(self) -> None:
        """Everything live is gone, and the switch is another process."""
        self.channels.clear()
        self.registrations.clear()
        self.core_uuid = f"{self.core_uuid[:-1]}{int(self.core_uuid[-1]) + 1}"
        with self._lock:
            for each in self._listeners:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            self._listeners.clear()


@dataclass
class Served:
    """One connection to the event socket."""

    switch: Switch
    connection: socket.socket

    def run(self) -> None:
        with self.connection, contextlib.suppress(OSError):
            if self.switch.refuses_address:
                self._frame("text/rude-rejection", b"Access Denied, go away.\n")
                return
            self.connection.sendall(b"Content-Type: auth/request\n\n")
            commands = self._commands()
            if next(commands, "") != f"auth {self.switch.password}":
                self._reply("-ERR invalid")
                return
            self._reply("+OK accepted")
            for command in commands:
                if not self._obey(command):
                    return

    def _commands(self) -> Iterator[str]:
        buffer = b""
        while piece := self.connection.recv(4096):
            buffer += piece
            while b"\n\n" in buffer:
                command, _, buffer = buffer.partition(b"\n\n")
                yield command.decode()

    def _obey(self, command: str) -> bool:
        fault = self.switch.faults.pop(0) if self.switch.faults else None
        if fault == "cut_before":
            return False
        if fault == "silent":
            return True
        line, _, headers = command.partition("\n")
        verb, _, rest = line.partition(" ")
        self.switch.asked.append(line)
        if verb == "api":
            body = (self.switch.answer(rest) or "-ERR no reply\n").encode()
            if fault == "cut_after":
                return False
            if fault == "half":
                self.connection.sendall(b"Content-Type: api/response\nContent-Length: %d\n\n" % len(body) + body[:1])
                return False
            self._frame("api/response", body)
        elif verb == "bgapi":
            job = re.search(r"Job-UUID: (\S+)", headers)
            assert job is not None
            self._reply(f"+OK Job-UUID: {job[1]}")
            if fault != "no_answer":
                event: dict[str, Any] = {
                    "Event-Name": "BACKGROUND_JOB",
                    "Job-UUID": job[1],
                    "_body": self.switch.answer(rest),
                }
                self._frame("text/event-json", json.dumps(event).encode())
        elif verb == "event":
            with self.switch._lock:
                self.switch._listeners.append(self.connection)
            self._reply("+OK event listener enabled json")
        else:
            self._reply("-ERR command not found")
        return True

    def _frame(self, kind: str, body: bytes) -> None:
        self.connection.sendall(f"Content-Type: {kind}\nContent-Length: {len(body)}\n\n".encode() + body)

    def _reply(self, text: str) -> None:
        self.connection.sendall(f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode())


@contextlib.contextmanager
def serving(switch: Switch) -> Iterator[int]:
    """The port that its event socket listens on, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_connections: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_connections.append(connection)
                threading.Thread(target=Served(switch, connection).run, daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for each in open_connections:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        thread.join(timeout=5)
