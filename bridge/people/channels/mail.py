"""Mail by SMTP: plain text, over TLS, to addresses an operator named.

A mail server that drops the line after the last byte may have taken the mail; that is an OutcomeUnknown. Everything
before is NotReached. TLS is required (`starttls`, or `tls` from the first byte); `none` only reaches hosts in
BRIDGE_ALLOWED_NETWORKS, and never with a password.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from bridge.errors import BridgeError, NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.network import Address, Guard, Trust, read_host, read_pin
from bridge.people.channels.channel import Message, Outside, WithSecret, clean
from bridge.transport import boot_seconds

STEP_SECONDS = 10.0
_TLS = "starttls or tls"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{3,254}}\Z)[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(\.{_LABEL})*", re.ASCII)


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text) or ".." in text or text.startswith("."):
        raise ValueError("not a mail address")
    return text


def _host(text: str) -> str:
    try:
        read_host(text)
    except NotPrepared as error:
        raise ValueError("not a host") from error
    return text


def _pin(text: str) -> str:
    try:
        return read_pin(text)
    except NotPrepared as error:
        raise ValueError("not a fingerprint") from error


def judge_mail_port(port: int) -> None:
    """Where mail is handed in; the unprivileged ports are for those who moved it."""
    if port not in (25, 465, 587) and not 1024 <= port <= 65535:
        raise NotPrepared(f"port {port} is not 25, 465, 587 or from 1024 to 65535")


MailAddress = Annotated[str, AfterValidator(_address)]


class Mail(WithSecret):
    kind: Literal["mail"]
    host: Annotated[str, StringConstraints(min_length=1, max_length=253), AfterValidator(_host)]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    pin: Annotated[str, StringConstraints(max_length=95), AfterValidator(_pin)] | None = None
    """SHA-256 of the certificate, for a mail server that no authority vouches for."""
    sender: MailAddress
    to: Annotated[list[MailAddress], Field(min_length=1, max_length=20)]
    user: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[!-~]+$")] | None = None
    """`secret` is this user's password."""

    seconds_max: ClassVar[int] = 30

    @model_validator(mode="after")
    def _keeps_the_password_to_itself(self) -> Mail:
        if self.user is not None and self.security == "none":
            raise ValueError("a password is sent over TLS only")
        if self.user is None and self.secret is not None:
            raise ValueError("a password without a user")
        return self

    @property
    def wants_secret(self) -> bool:
        return self.user is not None

    @property
    def secret_goes_to(self) -> object:
        return (self.host, self.port, self.security, self.pin, self.user)

    def assert_open(self, guard: Guard) -> None:
        address = guard.literal(self.host)
        if address is not None and self.security == "none":
            guard.assert_may_be_plain(self.host, [address], use=_TLS)

    def send(self, message: Message, outside: Outside) -> str | None:
        letter = letter_for(message, sender=self.sender, to=self.to, instance=outside.instance)
        with _session(self, outside) as session:
            taken, refused = _envelope(session, self)
            if not taken:
                raise _all_refused(self, refused)
            _hand_over(session, self, letter.as_bytes(policy=SMTP_POLICY))
        return f"not taken for {', '.join(sorted(refused))}" if refused else None


def letter_for(message: Message, *, sender: str, to: list[str], instance: str) -> EmailMessage:
    letter = EmailMessage()
    letter["From"] = sender
    letter["To"] = ", ".join(to)
    letter["Subject"] = message.subject
    letter["Date"] = format_datetime(message.at)
    letter["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    if message.is_urgent:
        letter["Importance"] = "high"
    where = f"{message.department} at {instance}" + (f", task {message.task_id}" if message.task_id else "")
    letter.set_content(f"{message.text}\n\n-- \nThe bridge, for {clean(where, allowed='')}\n", cte="quoted-printable")
    return letter


# --- the exchange ----------------------------------------------------------------------------------------------------


class _Session(smtplib.SMTP):
    """A conversation that goes where the guard lets it, and ends when its time is over."""

    def __init__(self, mail: Mail, outside: Outside) -> None:
        self._mail, self._outside, self._trust = mail, outside, Trust(mail.pin)
        self._until = boot_seconds() + mail.seconds_max
        self._over = threading.Timer(mail.seconds_max, self._end)
        self._over.daemon = True
        self._over.start()
        try:
            super().__init__(mail.host, mail.port, local_hostname=mail.sender.rpartition("@")[2], timeout=STEP_SECONDS)
        except BaseException:
            self.close()
            raise

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """What smtplib asks for its connection; its own would go to whatever a name resolves to."""
        addresses = self._outside.guard.addresses(host, port, judge=judge_mail_port)
        if self._mail.security == "none":
            self._outside.guard.assert_may_be_plain(host, addresses, use=_TLS)
        self.sock = self._connected(addresses, port, timeout)
        if self._mail.security == "tls":
            self.sock = self._context().wrap_socket(self.sock, server_hostname=host)
            self._prove()
        return self.sock

    def _connected(self, addresses: tuple[Address, ...], port: int, timeout: float) -> socket.socket:
        """To the first that answers."""
        trouble = OSError("no address")
        for address in addresses:
            left = self._until - boot_seconds()
            if left <= 0:
                break
            try:
                return socket.create_connection((str(address), port), min(timeout, left))
            except OSError as error:
                trouble = error
        raise trouble

    def secure(self) -> None:
        self.starttls(context=self._context())
        self._prove()

    def close(self) -> None:
        self._over.cancel()
        super().close()

    def _context(self) -> ssl.SSLContext:
        return self._trust.context(self._outside.moment.date())

    def _prove(self) -> None:
        assert isinstance(self.sock, ssl.SSLSocket)
        if not self._trust.is_pinned(self.sock.getpeercert(binary_form=True)):
            raise NotReached(f"{_of(self._mail)}: the certificate is not the pinned one", kind="unavailable")

    def _end(self) -> None:
        line = self.sock
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


@contextmanager
def _session(mail: Mail, outside: Outside) -> Iterator[_Session]:
    """Connected, secured, signed in. Trouble inside has its meaning outside."""
    try:
        with closing(_Session(mail, outside)) as session:
            session.ehlo_or_helo_if_needed()
            if mail.security == "starttls":
                session.secure()
                session.ehlo_or_helo_if_needed()
            if mail.user is not None:
                session.login(mail.user, mail.secret.reveal() if mail.secret else "")
            yield session
            with suppress(smtplib.SMTPException, OSError):
                session.quit()
    except (smtplib.SMTPException, OSError) as error:
        raise _meaning(mail, error) from None


def _envelope(session: _Session, mail: Mail) -> tuple[list[str], dict[str, tuple[int, str]]]:
    """Who is served and who is not. A server may take some addresses and refuse others."""
    code, words = session.mail(mail.sender)
    if code != 250:
        raise _declined(mail, "the sender", code, _words(words))
    taken, refused = list[str](), dict[str, tuple[int, str]]()
    for address in mail.to:
        code, words = session.rcpt(address)
        if code in (250, 251):
            taken.append(address)
        else:
            refused[address] = (code, _words(words))
    return taken, refused


def _hand_over(session: _Session, mail: Mail, letter: bytes) -> None:
    code, words = session.docmd("DATA")
    if code != 354:
        raise _declined(mail, "the message", code, _words(words))
    try:
        session.send(re.sub(rb"(?m)^\.", b"..", letter) + b".\r\n")
        code, words = session.getreply()
    except (smtplib.SMTPException, OSError):
        raise OutcomeUnknown(
            f"{_of(mail)}: the mail was handed over and the answer was lost", kind="unavailable"
        ) from None
    if code != 250:
        raise _declined(mail, "the message", code, _words(words))


# --- what it means ---------------------------------------------------------------------------------------------------


def _all_refused(mail: Mail, refused: dict[str, tuple[int, str]]) -> BridgeError:
    """Later when any may yet be taken, else never."""
    code, words = min(refused.values())
    return _declined(mail, "every recipient", code, words)


def _declined(mail: Mail, what: str, code: int, words: str) -> BridgeError:
    told = f"{_of(mail)}: {what} was not taken: {code} {words}".rstrip()
    return NotReached(told, kind="unavailable") if code < 500 else Refused(told, kind="unavailable")


def _meaning(mail: Mail, error: smtplib.SMTPException | OSError) -> BridgeError:
    told: BridgeError
    match error:
        case smtplib.SMTPAuthenticationError(smtp_code=code) if code >= 500:
            told = NotPrepared(f"{_of(mail)}: user and password are not accepted")
        case smtplib.SMTPNotSupportedError():
            told = NotPrepared(f"{_of(mail)}: it offers no {'STARTTLS' if mail.security == 'starttls' else 'sign-in'}")
        case smtplib.SMTPResponseException(smtp_code=code):
            told = NotReached(f"{_of(mail)}: it answered {code}", kind="unavailable")
        case ssl.SSLCertVerificationError():
            told = NotReached(
                f"{_of(mail)}: the certificate is not accepted: {error.verify_message}", kind="unavailable"
            )
        case ssl.SSLError():
            told = NotReached(f"{_of(mail)}: TLS failed", kind="unavailable")
        case ConnectionRefusedError():
            told = NotReached(f"{_of(mail)}: the connection is refused", kind="unavailable")
        case TimeoutError():
            told = NotReached(f"{_of(mail)}: no answer in time", kind="unavailable")
        case _:
            told = NotReached(f"{_of(mail)}: the connection was lost", kind="unavailable")
    return told


def _of(mail: Mail) -> str:
    return f"mail server {mail.host}:{mail.port}"


def _words(reply: bytes) -> str:
    """What the server said, as one short line."""
    return clean(reply.decode("ascii", "replace"), allowed="")[:120].strip()
