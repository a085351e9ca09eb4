"""What an answer of includes/api.php means: the cases of WHMCS reference 5.2, by body first and by status then."""

from __future__ import annotations

import json

import pytest

from bridge.errors import BridgeError, NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.whmcs.answer import read_answer


def an_error(message: str) -> bytes:
    return json.dumps({"result": "error", "message": message}).encode()


def read(status: int, body: bytes, *, is_write: bool) -> dict[str, object]:
    return read_answer(action="UpdateClientProduct", is_write=is_write, status=status, body=body)


@pytest.mark.parametrize("is_write", [True, False])
@pytest.mark.parametrize(
    "body", [b'{"result":"success"}', b'{"status":"success"}', b'\xef\xbb\xbf{"result":"success"}']
)
def test_success_is_the_answer(body: bytes, is_write: bool) -> None:
    """5.2: success, HTTP 200."""
    assert read(200, body, is_write=is_write)


def test_a_read_may_show_neither_result_nor_status_and_a_write_may_not() -> None:
    """5.2: GetAdminUsers shows neither."""
    assert read(200, b'{"count":1}', is_write=False) == {"count": 1}
    with pytest.raises(OutcomeUnknown):
        read(200, b'{"count":1}', is_write=True)


@pytest.mark.parametrize("is_write", [True, False])
@pytest.mark.parametrize("status", [200, 400, 404])
def test_a_business_error_is_refused_with_its_own_words(status: int, is_write: bool) -> None:
    """5.2: business error, HTTP 200 with result=error."""
    with pytest.raises(Refused, match="Client ID Not Found") as caught:
        read(status, an_error("Client ID Not Found"), is_write=is_write)

    assert caught.value.facts["whmcs_message"] == "Client ID Not Found"
    assert not isinstance(caught.value, NotPrepared)


@pytest.mark.parametrize("is_write", [True, False])
@pytest.mark.parametrize(
    ("status", "message", "told"),
    [
        (403, "Authentication Failed", "BRIDGE_WHMCS_IDENTIFIER"),
        (403, "Invalid or missing credentials", "identifier and secret"),
        (403, "Invalid IP 198.51.100.7", "198.51.100.7"),
        (400, "Empty action request", "drops the form"),
        (200, 'Invalid Permissions: API action "updateclientproduct" is not allowed', "lacks the action Update"),
        (403, 'Invalid Permissions: API action "updateclientproduct" is not allowed', "lacks the action Update"),
        (500, 'Invalid Permissions: API action "updateclientproduct" is not allowed', "lacks the action Update"),
        (403, "Invalid password provided", "secret"),
        (403, "Administrator Account Disabled", "disabled"),
        (403, "Access Denied", "API Access"),
    ],
)
def test_a_configuration_fault_says_what_to_do_and_is_not_tried_again(
    status: int, message: str, told: str, is_write: bool
) -> None:
    """5.2: 4xx with any text above is a configuration fault, do not retry."""
    with pytest.raises(NotPrepared, match=told):
        read(status, an_error(message), is_write=is_write)


def test_a_configuration_fault_may_come_as_plain_text() -> None:
    with pytest.raises(NotPrepared):
        read(403, b"Invalid IP 198.51.100.7", is_write=True)


def test_the_action_that_the_role_lacks_is_named() -> None:
    message = 'Invalid Permissions: API action "openticket" is not allowed'

    with pytest.raises(NotPrepared) as caught:
        read_answer(action="OpenTicket", is_write=True, status=200, body=an_error(message))

    assert caught.value.facts["missing_action"] == "OpenTicket"


LOST = [
    pytest.param(500, b"<html>Oops!</html>", id="5xx"),
    pytest.param(502, an_error("Client ID Not Found"), id="5xx with an error"),
    pytest.param(503, b'{"result":"success"}', id="5xx with a success"),
    pytest.param(200, b"<html><form>Login</form></html>", id="HTML login page"),
    pytest.param(403, b"<html>Just a moment...</html>", id="403 of somebody else"),
    pytest.param(200, b"", id="empty body"),
    pytest.param(200, b'{"result":"succ', id="cut"),
    pytest.param(200, b'{"result":"success"}{"result":"success"}', id="answered twice"),
    pytest.param(200, b"Warning: foo in bar.php\n{}", id="a PHP warning before it"),
    pytest.param(200, b'["success"]', id="JSON that is no answer"),
    pytest.param(302, b"", id="redirect"),
    pytest.param(418, b'{"count":1}', id="4xx without a result"),
    pytest.param(200, b"\xff\xfe", id="not text"),
]


@pytest.mark.parametrize(("status", "body"), LOST)
def test_what_says_nothing_leaves_a_write_unknown_and_a_read_not_made(status: int, body: bytes) -> None:
    """5.2: 5xx, timeout, HTML or empty body = unknown outcome for a write."""
    expected: list[tuple[bool, type[BridgeError]]] = [(True, OutcomeUnknown), (False, NotReached)]
    for is_write, kind in expected:
        with pytest.raises(kind) as caught:
            read(status, body, is_write=is_write)

        assert caught.value.kind == "unavailable"
        assert "Login" not in str(caught.value)


def test_entities_in_a_message_are_decoded_and_control_characters_go() -> None:
    with pytest.raises(Refused, match="O'Hara & Sons not found"):
        read(200, an_error("O&#039;Hara\r\n &amp;\x00 Sons not found"), is_write=True)
