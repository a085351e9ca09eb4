"""Mail, handed to a real server on the loopback, and what each way of failing means."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.errors import BridgeError, NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.network import Guard, fingerprint
from bridge.people.channels.channel import Outside
from tests.canary import CANARY
from tests.channels.mail_server import MailServer, mail_server
from tests.channels.making import a_mail, a_message, outside
from tests.factories import NOON
from tests.listening import a_certificate


def read(letter: bytes) -> EmailMessage:
    found = email.message_from_bytes(letter, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def text_of(letter: EmailMessage) -> str:
    """The text with the line ends of a file, not of the wire."""
    return str(letter.get_content()).replace("\r\n", "\n")


def trouble_with(server: MailServer, **changed: Any) -> BridgeError:
    with mail_server(server), pytest.raises(BridgeError) as raised:
        a_mail(server.port, **changed).send(a_message(), outside())
    return raised.value


def test_a_mail_arrives_as_it_was_written() -> None:
    with mail_server(MailServer()) as server:
        remark = a_mail(server.port, to=["noc@example.com", "boss@example.com"]).send(a_message(), outside())

    [taken] = server.taken
    letter = read(taken.letter)
    assert remark is None
    assert (taken.sender, taken.to) == ("bridge@example.com", ["noc@example.com", "boss@example.com"])
    assert letter["Subject"] == "Task 12: Suspend service 42"
    assert letter["From"] == "bridge@example.com"
    assert letter["Message-ID"] == "<msg_0123456789abcdef@example.com>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"].datetime == NOON
    assert letter.get_content_type() == "text/plain"
    assert text_of(letter).startswith("pbx1 refused it. Mend what was refused, then retry the operation.\n\n-- \n")


def test_a_line_of_a_dot_does_not_end_a_letter() -> None:
    body = "first\n.\n..two\nRSET\nlast, with é and 電話"
    with mail_server(MailServer()) as server:
        a_mail(server.port).send(a_message(body=body), outside())

    [taken] = server.taken
    assert text_of(read(taken.letter)).startswith(body + "\n")


@pytest.mark.parametrize(
    "title", ["One\r\nBcc: other@example.com", "One\nBcc: other@example.com", "One\x00\x1b[2J\u2028Bcc: x"]
)
def test_a_title_cannot_add_a_header(title: str) -> None:
    with mail_server(MailServer()) as server:
        a_mail(server.port).send(a_message(title=title), outside())

    [taken] = server.taken
    letter = read(taken.letter)
    assert taken.to == ["noc@example.com"]
    assert letter["Bcc"] is None
    assert letter["Subject"].startswith("One")
    assert letter["Subject"].isprintable()


def test_an_urgent_mail_says_so() -> None:
    with mail_server(MailServer()) as server:
        a_mail(server.port).send(a_message(kind="escalation"), outside())

    letter = read(server.taken[0].letter)
    assert letter["Subject"].startswith("Urgent: ")
    assert letter["Importance"] == "high"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_password_and_the_mail_go_over_tls(tmp_path: Path, security: str) -> None:
    shown = a_certificate(tmp_path, "mail.example.com")
    server = MailServer(tls=shown.context(), from_the_first_byte=security == "tls", accounts={"bridge": CANARY})
    with mail_server(server):
        channel = a_mail(server.port, security=security, pin=fingerprint(shown.der), user="bridge", secret=CANARY)
        channel.send(a_message(), outside())

    assert server.was_secure == [True]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_gets_no_password(tmp_path: Path, security: str) -> None:
    """T-23."""
    shown = a_certificate(tmp_path, "mail.example.com")
    server = MailServer(tls=shown.context(), from_the_first_byte=security == "tls", accounts={"bridge": CANARY})

    trouble = trouble_with(server, security=security, user="bridge", secret=CANARY)

    assert isinstance(trouble, NotReached)
    assert "certificate" in str(trouble)
    assert "AUTH" not in server.said


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_another_certificate_than_the_pinned_one_gets_no_password(tmp_path: Path, security: str) -> None:
    """T-23."""
    shown = a_certificate(tmp_path, "mail.example.com")
    server = MailServer(tls=shown.context(), from_the_first_byte=security == "tls", accounts={"bridge": CANARY})

    trouble = trouble_with(server, security=security, pin="0" * 64, user="bridge", secret=CANARY)

    assert isinstance(trouble, NotReached)
    assert "pinned" in str(trouble)
    assert "AUTH" not in server.said


def test_a_server_without_tls_gets_no_password() -> None:
    server = MailServer(accounts={"bridge": CANARY})

    trouble = trouble_with(server, security="starttls", user="bridge", secret=CANARY)

    assert isinstance(trouble, NotPrepared)
    assert "STARTTLS" in str(trouble)
    assert "AUTH" not in server.said


def test_a_wrong_password_is_for_a_person_to_mend(tmp_path: Path) -> None:
    shown = a_certificate(tmp_path, "mail.example.com")
    server = MailServer(tls=shown.context(), accounts={"bridge": "another"})

    trouble = trouble_with(server, security="starttls", pin=fingerprint(shown.der), user="bridge", secret=CANARY)

    assert isinstance(trouble, NotPrepared)
    assert CANARY not in str(trouble)


@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_a_line_that_breaks_before_the_letter_means_that_nothing_was_sent(step: str) -> None:
    trouble = trouble_with(MailServer(breaks_off_at=step))

    assert isinstance(trouble, NotReached)


def test_a_line_that_breaks_after_the_letter_leaves_the_outcome_unknown() -> None:
    trouble = trouble_with(MailServer(breaks_off_at="."))

    assert isinstance(trouble, OutcomeUnknown)


@pytest.mark.parametrize("step", ["connect", "MAIL", "RCPT", "DATA", "."])
def test_a_server_that_is_busy_is_asked_again_later(step: str) -> None:
    trouble = trouble_with(MailServer(answers={step: "451 come back later"}))

    assert isinstance(trouble, NotReached)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "."])
def test_a_mail_that_is_refused_for_good_is_refused(step: str) -> None:
    trouble = trouble_with(MailServer(answers={step: "550 5.1.1 no such user"}))

    assert type(trouble) is Refused
    assert "550 5.1.1 no such user" in str(trouble)


def test_one_recipient_that_is_refused_does_not_silence_the_others() -> None:
    server = MailServer(answers={"RCPT TO:<GONE@EXAMPLE.COM>": "550 no such user"})
    with mail_server(server):
        remark = a_mail(server.port, to=["gone@example.com", "noc@example.com"]).send(a_message(), outside())

    assert remark == "not taken for gone@example.com"
    assert server.taken[0].to == ["noc@example.com"]


def test_nobody_listening_means_that_nothing_was_sent() -> None:
    with mail_server(MailServer()) as server:
        port = server.port

    with pytest.raises(NotReached, match="refused"):
        a_mail(port).send(a_message(), outside())


def test_a_server_that_drips_is_left_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    server = MailServer(answers={"EHLO": "250-one of many"})  # a reply that never ends
    monkeypatch.setattr("bridge.people.channels.mail.Mail.seconds_max", 1)

    trouble = trouble_with(server)

    assert isinstance(trouble, NotReached)


def test_mail_goes_only_where_the_guard_lets_it() -> None:
    """T-7."""
    nowhere = Outside(Guard(), None, "bridge-test", NOON)

    with pytest.raises(NotPrepared, match="loopback"):
        a_mail(2525).send(a_message(), nowhere)


def test_mail_in_the_clear_stays_within_listed_networks() -> None:
    public = Outside(Guard((), lambda host, port: ["192.0.2.1"]), None, "bridge-test", NOON)

    with pytest.raises(NotPrepared):
        a_mail(2525, host="mail.example.com").send(a_message(), public)


@pytest.mark.parametrize("port", [22, 80, 443, 1023])
def test_a_port_that_is_not_for_mail_is_not_asked(port: int) -> None:
    with pytest.raises(NotPrepared, match=f"port {port}"):
        a_mail(port).send(a_message(), outside())


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": []},
        {"to": ["noc@example.com\r\nRCPT TO:<x@example.com>"]},
        {"to": ["no address"]},
        {"to": ["é@example.com"]},
        {"sender": "<bridge@example.com>"},
        {"host": "mail.example.com:25"},
        {"host": "0x7f.1"},
        {"port": 0},
        {"port": "25"},
        {"security": "ssl"},
        {"user": "bridge", "security": "none", "secret": "x" * 12},
        {"secret": "x" * 12},
        {"user": "two words", "security": "tls", "secret": "x" * 12},
        {"pin": "abc"},
        {"password": "x"},
        {"name": "../staff"},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_mail(**wrong)


def test_the_password_is_shown_nowhere() -> None:
    """T-20."""
    channel = a_mail(security="tls", user="bridge", secret=CANARY)

    assert CANARY not in repr(channel)
    assert CANARY not in str(channel.model_dump())
    assert CANARY not in channel.model_dump_json()
