"""Webhooks, sent to a real listener and verified by a reading of Standard Webhooks that shares no code with ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.errors import BridgeError, NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.network import Guard
from bridge.people import webhook_signature
from bridge.people.channels.channel import Outside
from bridge.people.delivery import Unwanted
from bridge.secret import Secret
from tests.channels.making import WEBHOOK_SECRET, a_message, a_webhook, outside
from tests.factories import NOON
from tests.listening import answering, http_answer, listening


def received(request: bytes) -> tuple[str, dict[str, str], bytes]:
    """The first line, the headers by small letters, and the body of what came."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}, body


def is_genuine(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As the specification says it: the text is id.timestamp.body, the key is the base64 after whsec_."""
    key = base64.b64decode(secret[len("whsec_") :])
    text = headers["webhook-id"].encode() + b"." + headers["webhook-timestamp"].encode() + b"." + body
    expected = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    versions = [each.split(",", 1) for each in headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(value, expected) for version, value in versions)


def _silence(connection: socket.socket) -> None:
    """Says nothing until the other side hangs up."""
    connection.recv(1)


def trouble_of(status: int) -> BridgeError:
    with listening(answering(http_answer(status))) as there, pytest.raises(BridgeError) as raised:
        a_webhook(f"http://127.0.0.1:{there.port}/token-in-the-path/x").send(a_message(), outside())
    return raised.value


def test_a_webhook_is_a_signed_cloud_event() -> None:
    with listening(answering(http_answer(204, b""))) as there:
        a_webhook(f"http://127.0.0.1:{there.port}/hooks/bridge").send(a_message(), outside())

    [request] = there.requests
    first, headers, body = received(request)
    assert first == "POST /hooks/bridge HTTP/1.1"
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert headers["webhook-id"] == "msg_0123456789abcdef"
    assert headers["webhook-timestamp"] == "1795262400"  # noon of the factories, in Unix seconds
    assert is_genuine(WEBHOOK_SECRET, headers, body)
    assert json.loads(body) == {
        "specversion": "1.0",
        "id": "msg_0123456789abcdef",
        "source": "/whmcs-voip-bridge/bridge-test",
        "type": "whmcs-voip-bridge.notice.task",
        "time": "2026-11-21T12:00:00.000Z",
        "subject": "task/12",
        "datacontenttype": "application/json",
        "data": {
            "department": "support",
            "kind": "task",
            "title": "Task 12: Suspend service 42",
            "body": "pbx1 refused it. Mend what was refused, then retry the operation.",
            "urgent": False,
            "task_id": 12,
        },
    }


def test_the_id_and_the_body_stay_over_retries_and_the_timestamp_does_not() -> None:
    with listening(answering(http_answer(500))) as there:
        hook = a_webhook(f"http://127.0.0.1:{there.port}/")
        for minutes in (0, 5):
            with pytest.raises(OutcomeUnknown):
                hook.send(a_message(), outside(moment=NOON + timedelta(minutes=minutes)))

    (_, first, first_body), (_, second, second_body) = map(received, there.requests)
    assert first["webhook-id"] == second["webhook-id"]
    assert first_body == second_body
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 300
    assert is_genuine(WEBHOOK_SECRET, second, second_body)


def test_410_means_that_no_more_is_wanted() -> None:
    assert isinstance(trouble_of(410), Unwanted)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(400, Refused), (401, Refused), (404, Refused), (429, NotReached), (500, OutcomeUnknown), (302, OutcomeUnknown)],
)
def test_any_other_answer_is_trouble_and_no_reason_to_switch_off(status: int, meaning: type[BridgeError]) -> None:
    trouble = trouble_of(status)

    assert isinstance(trouble, meaning)
    assert not isinstance(trouble, Unwanted)


@pytest.mark.parametrize("status", [400, 410, 429, 500])
def test_what_is_told_of_a_failure_leaves_the_path_out(status: int) -> None:
    """T-20: receivers put tokens into their paths."""
    assert "token-in-the-path" not in str(trouble_of(status))


def test_a_receiver_that_says_nothing_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.people.channels.webhook.Webhook.seconds_max", 1)

    with (
        listening(_silence) as there,
        pytest.raises(OutcomeUnknown, match="time"),
    ):
        a_webhook(f"http://127.0.0.1:{there.port}/").send(a_message(), outside())


def test_production_waits_twenty_seconds() -> None:
    assert a_webhook("https://hooks.example.com/").seconds_max == 20


def test_a_webhook_goes_only_where_the_guard_lets_it() -> None:
    """T-7."""
    with pytest.raises(NotPrepared, match="loopback"):
        a_webhook("http://127.0.0.1:8080/").send(a_message(), Outside(Guard(), None, "bridge-test", NOON))


def test_a_webhook_over_the_public_network_needs_tls() -> None:
    public = Outside(Guard((), lambda host, port: ["8.8.8.8"]), None, "bridge-test", NOON)

    with pytest.raises(NotPrepared, match="https"):
        a_webhook("http://hooks.example.com/").send(a_message(), public)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hooks.example.com/",
        "https://user:pass@hooks.example.com/",
        "https://hooks.example.com/?token=x",
        "https://",
        "https://0x7f.1/",
        "https://hooks.example.com:22/",
        "hooks.example.com",
        "https://hooks.example.com/#part",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        a_webhook(url)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_c2hvcnQ=", "c" * 40, "whsec_!!!", f"whsec_{'A' * 92}"])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValidationError):
        a_webhook("https://hooks.example.com/", secret=secret)


# --- the signature alone ---------------------------------------------------------------------------------------------


def test_the_published_example_is_signed_as_published() -> None:
    """The vector that the libraries of Standard Webhooks test themselves with."""
    body = b'{"test": 2432232314}'
    secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)

    signed = webhook_signature.headers_for([secret], message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at, body=body)

    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    webhook_signature.verify(secret, signed, body, now=at)


@given(body=st.binary(max_size=200), message_id=st.text("abcdef_0123456789", min_size=1, max_size=40))
@settings(max_examples=100)
def test_whatever_is_signed_is_genuine_by_the_specification(body: bytes, message_id: str) -> None:
    signed = webhook_signature.headers_for([Secret(WEBHOOK_SECRET)], message_id=message_id, at=NOON, body=body)

    assert is_genuine(WEBHOOK_SECRET, signed, body)
    webhook_signature.verify(Secret(WEBHOOK_SECRET), signed, body, now=NOON)


def test_two_secrets_sign_while_one_takes_the_place_of_another() -> None:
    old, new = WEBHOOK_SECRET, "whsec_" + base64.b64encode(b"another key of twenty-four or more").decode()

    signed = webhook_signature.headers_for([Secret(new), Secret(old)], message_id="msg_1", at=NOON, body=b"{}")

    assert is_genuine(old, signed, b"{}")
    assert is_genuine(new, signed, b"{}")


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "1795262401"},
        {"webhook-timestamp": "01795262400"},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v1a,AAAA v2,BBBB"},
        {"webhook-signature": "é"},
        {"webhook-signature": ""},
        {"webhook-id": ""},
    ],
)
def test_what_was_changed_on_the_way_is_not_genuine(changed: dict[str, str]) -> None:
    signed = webhook_signature.headers_for([Secret(WEBHOOK_SECRET)], message_id="msg_1", at=NOON, body=b"{}")

    with pytest.raises(Refused):
        webhook_signature.verify(Secret(WEBHOOK_SECRET), signed | changed, b"{}", now=NOON)
    with pytest.raises(Refused):
        webhook_signature.verify(Secret(WEBHOOK_SECRET), signed, b"{ }", now=NOON)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_what_is_not_fresh_is_refused(minutes: int) -> None:
    signed = webhook_signature.headers_for([Secret(WEBHOOK_SECRET)], message_id="msg_1", at=NOON, body=b"{}")

    with pytest.raises(Refused, match="old"):
        webhook_signature.verify(Secret(WEBHOOK_SECRET), signed, b"{}", now=NOON + timedelta(minutes=minutes))
