"""A mail server on a free loopback port: it takes mail, refuses what it is told to, and breaks off on order."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Taken:
    sender: str
    to: list[str]
    letter: bytes


@dataclass
class MailServer:
    port: int = 0
    tls: ssl.SSLContext | None = None
    from_the_first_byte: bool = False
    accounts: dict[str, str] = field(default_factory=dict)
    """Passwords by user; without any, there is no sign-in."""
    answers: dict[str, str] = field(default_factory=dict)
    """What is said instead, by the beginning of a command; `.` is the end of a letter."""
    breaks_off_at: str | None = None
    """The command after which the line is dead."""
    taken: list[Taken] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """The commands that came, without what signs in."""
    was_secure: list[bool] = field(default_factory=list)
    """Whether each letter came over TLS."""

    def serve(self, connection: socket.socket) -> None:
        with closing(_Line(connection)) as line:
            self._talk(line)

    def _talk(self, line: _Line) -> None:
        if self.from_the_first_byte:
            assert self.tls is not None
            line.secure(self.tls)
        line.say(self.answers.get("connect", "220 mail.example.com ready"))
        signed_in, sender, to = False, "", list[str]()
        while (command := line.hear()) is not None:
            verb = command.split(" ")[0].upper()
            self.said.append("AUTH" if verb == "AUTH" else command)
            if self.breaks_off_at is not None and command.upper().startswith(self.breaks_off_at):
                return
            ordered = next(
                (answer for start, answer in self.answers.items() if command.upper().startswith(start)), None
            )
            if ordered is not None:
                line.say(ordered)
            elif verb == "EHLO":
                offers = ["STARTTLS"] if self.tls is not None and not line.is_secure else []
                offers += ["AUTH PLAIN"] if self.accounts and (line.is_secure or self.tls is None) else []
                line.say(*[f"250-{each}" for each in ["mail.example.com", *offers]], "250 8BITMIME")
            elif verb == "STARTTLS" and self.tls is not None:
                line.say("220 go ahead")
                line.secure(self.tls)
            elif verb == "AUTH":
                _, user, password = base64.b64decode(command.split(" ")[2]).decode().split("\0")
                signed_in = self.accounts.get(user) == password
                line.say("235 welcome" if signed_in else "535 no")
            elif verb == "MAIL":
                sender = _address_in(command)
                line.say("250 fine" if signed_in or not self.accounts else "530 sign in first")
            elif verb == "RCPT":
                to.append(_address_in(command))
                line.say("250 fine")
            elif verb == "DATA":
                line.say("354 go on")
                letter = line.hear_letter()
                if letter is None or self.breaks_off_at == ".":
                    return
                if "." not in self.answers:
                    self.taken.append(Taken(sender, to, letter))
                    self.was_secure.append(line.is_secure)
                line.say(self.answers.get(".", "250 taken"))
            elif verb == "QUIT":
                line.say("221 bye")
                return
            else:
                line.say("500 what")


class _Line:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")
        self.is_secure = False

    def secure(self, context: ssl.SSLContext) -> None:
        self._file.close()
        self._connection = context.wrap_socket(self._connection, server_side=True)
        self._file = self._connection.makefile("rb")
        self.is_secure = True

    def say(self, *lines: str) -> None:
        self._connection.sendall("".join(f"{each}\r\n" for each in lines).encode())

    def hear(self) -> str | None:
        line = self._file.readline()
        return line.decode().rstrip("\r\n") if line else None

    def hear_letter(self) -> bytes | None:
        letter = b""
        while (line := self._file.readline()) != b".\r\n":
            if not line:
                return None
            letter += line[1:] if line.startswith(b".") else line
        return letter

    def close(self) -> None:
        self._file.close()
        self._connection.close()


def _address_in(command: str) -> str:
    found = re.search(r"<([^>]*)>", command)
    assert found is not None
    return found[1]


@contextmanager
def mail_server(server: MailServer) -> Iterator[MailServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        over = threading.Event()

        def run() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    connection.settimeout(10)
                    server.serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            over.set()
            with suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=1):
                pass
            thread.join(15)
