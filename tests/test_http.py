"""One exchange over real sockets: every way it can go wrong, and what that means for a read and for a write."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import httpx
import pytest

from bridge import http
from bridge.errors import BridgeError, NotFound, NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.http import Answer, ask, read_url
from bridge.network import Guard, Trust, fingerprint
from bridge.transport import boot_seconds
from tests.canary import CANARY
from tests.listening import Serve, a_certificate, answering, http_answer, listening, read_request

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
NAME = "pbx.example.com"


def to_loopback(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def a_client(
    port: int, *, scheme: str = "http", trust: Trust | None = None, guard: Guard | None = None
) -> httpx.Client:
    return http.client(
        f"{scheme}://{NAME}:{port}",
        guard=guard or Guard(LOOPBACK, to_loopback),
        trust=trust,
        today=lambda: date(2026, 11, 21),
    )


def get(client: httpx.Client, path: str = "/tenants", **options: float) -> Answer:
    return ask(client, "GET", path, of="the PBX", reading=True, seconds=options.get("seconds", 5))


def post(client: httpx.Client, path: str = "/tenants", content: bytes = b"{}", **options: float) -> Answer:
    seconds = options.get("seconds", 5)
    return ask(client, "POST", path, of="the PBX", reading=False, seconds=seconds, content=content)


@pytest.fixture(params=["reading", "writing"])
def reading(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "reading")


def trouble(serve: Serve, *, reading: bool, seconds: float = 5) -> BridgeError:
    """What an exchange with such a server ends in."""
    with listening(serve) as server, a_client(server.port) as client, pytest.raises(BridgeError) as caught:
        get(client, seconds=seconds) if reading else post(client, seconds=seconds)
    return caught.value


# --- what it means ---------------------------------------------------------------------------------------------------


def test_an_answer_comes_back_whole() -> None:
    with listening(answering(http_answer(200, b'{"a": 1}', b"X-Kind: tenant"))) as server:
        answer = get(a_client(server.port), "/tenants?name=acme")

    assert (answer.status, answer.document(), answer.headers["x-kind"]) == (200, {"a": 1}, "tenant")
    assert b"GET /tenants?name=acme HTTP/1.1\r\n" in server.requests[0]


def test_the_request_names_the_host_and_expects_nothing_special() -> None:
    """R-32: HTTP/1.1, no Expect, nothing compressed."""
    with listening(answering(http_answer())) as server:
        post(a_client(server.port))
    sent = server.requests[0].lower()

    assert f"host: {NAME}:{server.port}".encode() in sent
    assert b"accept-encoding: identity" in sent
    assert b"expect" not in sent


def test_a_refused_connection_reached_nothing(reading: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NotReached, match="the connection is refused"):
        get(a_client(port)) if reading else post(a_client(port))


def test_a_name_that_does_not_resolve_reached_nothing(reading: bool) -> None:
    def nobody(host: str, port: int) -> Sequence[str]:
        raise NotReached(f"{host} is not resolved")

    client = a_client(8443, guard=Guard(LOOPBACK, nobody))
    with pytest.raises(NotReached, match="is not resolved"):
        get(client) if reading else post(client)


def test_a_server_that_speaks_no_tls_was_not_reached(reading: bool) -> None:
    with (
        listening(answering(http_answer())) as server,
        a_client(server.port, scheme="https") as client,
        pytest.raises(NotReached, match="TLS failed"),
    ):
        get(client) if reading else post(client)


def silent(connection: socket.socket) -> None:
    """Waits until the other side hangs up."""
    read_request(connection)


def test_silence_after_the_request_is_lost(reading: bool) -> None:
    error = trouble(silent, reading=reading, seconds=0.2)

    assert type(error) is (NotReached if reading else OutcomeUnknown)
    assert "no answer in time" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"220 mail.example.com ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        http_answer(500),
        http_answer(502, b"<html>Bad gateway</html>"),
        http_answer(503),
        http_answer(504),
        http_answer(301, b"", b"Location: https://elsewhere.example/"),
        http_answer(302, b"", b"Location: /login"),
        http_answer(304, b""),
        http_answer(408),
    ],
)
def test_what_is_lost_after_sending_leaves_a_write_unknown(answer: bytes, reading: bool) -> None:
    """R-72: cut after k bytes, not HTTP, compressed, 5xx, redirects."""
    assert type(trouble(answering(answer), reading=reading)) is (NotReached if reading else OutcomeUnknown)


def test_a_reset_after_sending_leaves_a_write_unknown(reading: bool) -> None:
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    assert type(trouble(reset, reading=reading)) is (NotReached if reading else OutcomeUnknown)


@pytest.mark.parametrize("cut", range(0, len(http_answer(200, b'{"a": 1}')), 7))
def test_an_answer_cut_anywhere_leaves_a_write_unknown(cut: int) -> None:
    answer = http_answer(200, b'{"a": 1}')[:cut]

    assert type(trouble(answering(answer), reading=False)) is OutcomeUnknown


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, Refused, "declined"),
        (401, Refused, "our credentials are not accepted"),
        (403, Refused, "not allowed to do this"),
        (404, NotFound, "no such thing"),
        (409, Refused, "declined"),
        (422, Refused, "declined"),
        (429, NotReached, "too many requests"),
    ],
)
def test_a_refusal_is_told_as_what_it_is(status: int, kind: type[BridgeError], words: str, reading: bool) -> None:
    error = trouble(answering(http_answer(status, CANARY.encode())), reading=reading)

    assert type(error) is kind
    assert words in str(error)
    assert error.facts["status"] == status


def test_a_status_that_is_expected_is_an_answer() -> None:
    with listening(answering(http_answer(404, b'{"result": "error"}'))) as server:
        answer = ask(a_client(server.port), "GET", "/", of="the PBX", reading=True, accept=(404,))

    assert (answer.status, answer.document()) == (404, {"result": "error"})


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Sign in</html>",
        b"",
        b'{"a":1}{"b":2}',
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b"\xff",
        b"[" * 100000,
        b"\xef\xbb\xbf{}",
    ],
)
def test_a_body_that_is_not_the_json_expected_is_no_answer(body: bytes, reading: bool) -> None:
    answer = Answer("GET / of the PBX", reading, 200, {}, body)
    with pytest.raises(NotReached if reading else OutcomeUnknown, match="not the JSON that was expected"):
        answer.document()


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_an_answer_that_is_too_long_is_left(reading: bool) -> None:
    with listening(answering(http_answer(200, b" " * 5000))) as server, pytest.raises(BridgeError) as caught:
        ask(a_client(server.port), "GET", "/", of="the PBX", reading=reading, answer_bytes=4096)

    assert type(caught.value) is (NotReached if reading else OutcomeUnknown)
    assert "longer than 4096 bytes" in str(caught.value)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_an_answer_that_trickles_ends_with_the_deadline_of_the_call(head: bytes) -> None:
    """R-33: one absolute deadline; a byte now and then does not push it out."""
    over = threading.Event()

    def trickle(connection: socket.socket) -> None:
        connection.sendall(head)
        while not over.wait(0.05):
            connection.sendall(b"H")

    with listening(trickle) as server:
        began = boot_seconds()
        with pytest.raises(OutcomeUnknown):
            post(a_client(server.port), seconds=0.4)
        took = boot_seconds() - began
        over.set()

    assert took < 2


def test_a_request_that_nobody_reads_ends_with_the_deadline_of_the_call() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = a_client(listener.getsockname()[1])
        with pytest.raises(OutcomeUnknown):
            post(client, content=b" " * 32 * 1024 * 1024, seconds=0.4)


def test_a_connection_that_never_comes_ends_with_the_deadline_of_the_call() -> None:
    """A full queue: the kernel drops further attempts to connect."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        with pytest.raises(NotReached, match="no connection in time"):
            post(a_client(listener.getsockname()[1]), seconds=0.3)


# --- connections -----------------------------------------------------------------------------------------------------


def keeping(*answers: bytes) -> Serve:
    """Answers one request after another on the same connection."""

    def serve(connection: socket.socket) -> None:
        for place, answer in enumerate(answers):
            if place and not read_request(connection):
                return
            connection.sendall(answer)
        read_request(connection)

    return serve


def test_reads_may_share_a_connection() -> None:
    with listening(keeping(http_answer(), http_answer())) as server, a_client(server.port) as client:
        get(client)
        get(client)

        assert server.connections == 1


def test_a_write_never_meets_a_used_connection() -> None:
    """So a connection that died of old age is never taken for a write that got lost."""
    with listening(keeping(http_answer())) as server, a_client(server.port) as client:
        post(client)
        post(client)

        assert server.connections == 2


def test_no_connection_is_used_again_after_an_error() -> None:
    """R-32."""
    with listening(keeping(http_answer(500), http_answer())) as server, a_client(server.port) as client:
        with pytest.raises(NotReached):
            get(client)
        with pytest.raises(NotReached):
            get(client)

        assert server.connections == 2


def test_redirects_are_not_followed() -> None:
    with listening(answering(http_answer())) as elsewhere:
        location = f"Location: http://{NAME}:{elsewhere.port}/".encode()
        with listening(answering(http_answer(302, b"", location))) as server, pytest.raises(NotReached):
            get(a_client(server.port))

        assert elsewhere.connections == 0


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(answering(http_answer(418))) as proxy, listening(answering(http_answer())) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        get(a_client(server.port))

        assert proxy.connections == 0


# --- repeats ---------------------------------------------------------------------------------------------------------


def test_a_read_is_repeated_twice_at_most() -> None:
    """R-19."""
    waits: list[float] = []
    with listening(answering(http_answer(503))) as server, pytest.raises(NotReached):
        ask(a_client(server.port), "GET", "/", of="the PBX", reading=True, repeats=9, sleep=waits.append)

    assert server.connections == 3
    assert len(waits) == 2


def test_a_read_that_works_at_last_is_an_answer() -> None:
    answers = iter([http_answer(503), b"", http_answer(200, b"[]")])
    with listening(lambda connection: connection.sendall(next(answers))) as server:
        answer = ask(
            a_client(server.port), "GET", "/", of="the PBX", reading=True, repeats=2, sleep=lambda seconds: None
        )

    assert answer.document() == []


def test_a_read_that_is_refused_is_not_repeated() -> None:
    with listening(answering(http_answer(403))) as server, pytest.raises(Refused):
        ask(a_client(server.port), "GET", "/", of="the PBX", reading=True, repeats=2)

    assert server.connections == 1


def test_a_write_is_never_repeated() -> None:
    with pytest.raises(ValueError, match="a write is repeated by its operation"):
        ask(a_client(8443), "POST", "/", of="the PBX", reading=False, repeats=1)
    with listening(answering(http_answer(503))) as server, pytest.raises(OutcomeUnknown):
        post(a_client(server.port))

    assert server.connections == 1


# --- what messages say -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", [http_answer(403, CANARY.encode()), http_answer(500, CANARY.encode()), b"", b"nonsense"]
)
def test_messages_say_what_was_asked_and_never_a_secret(answer: bytes, reading: bool) -> None:
    """T-20."""
    with listening(answering(answer)) as server, pytest.raises(BridgeError) as caught:
        ask(
            a_client(server.port),
            "POST",
            f"/tenants/acme?token={CANARY}",
            of="the PBX north",
            reading=reading,
            headers={"Authorization": CANARY},
            content=CANARY.encode(),
        )

    assert "POST /tenants/acme of the PBX north" in str(caught.value)
    assert CANARY not in str(caught.value) + repr(caught.value.facts) + repr(caught.value.__cause__)


def test_an_answer_does_not_show_its_body() -> None:
    assert CANARY not in repr(Answer("GET / of the PBX", True, 200, {}, CANARY.encode()))


# --- where it may go -------------------------------------------------------------------------------------------------


def test_the_guard_stands_before_every_connection() -> None:
    with listening(answering(http_answer())) as server:
        client = a_client(server.port, guard=Guard((), to_loopback))
        with pytest.raises(NotPrepared, match="a loopback address"):
            post(client)

        assert server.connections == 0


def test_a_name_that_changes_its_address_gains_nothing() -> None:
    """DNS rebinding: the address is judged again at every connect, and only the judged one is connected to."""
    answers = iter([["127.0.0.1"], ["127.0.0.1", "169.254.169.254"]])
    guard = Guard(LOOPBACK, lambda host, port: next(answers))
    with listening(answering(http_answer())) as server:
        client = a_client(server.port, guard=guard)
        post(client)
        with pytest.raises(NotPrepared, match="a link-local address"):
            post(client)

        assert server.connections == 1


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    guard = Guard(LOOPBACK, lambda host, port: ["127.9.9.9", "127.0.0.1"])
    with listening(answering(http_answer())) as server:
        assert post(a_client(server.port, guard=guard)).status == 200


def test_plain_http_goes_only_where_the_operator_opened_the_network() -> None:
    """T-23."""
    client = a_client(8080, guard=Guard(LOOPBACK, lambda host, port: ["8.8.8.8"]))
    with pytest.raises(NotPrepared, match="use https"):
        post(client)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://pbx.example.com",
        "pbx.example.com",
        "https://",
        "https://user:password@pbx.example.com",
        "https://pbx.example.com/?a=b",
        "https://pbx.example.com/#a",
        "https://pbx.example.com:22",
        "https://0x7f.1",
        "https://[::1%25lo]/",
        "file:///etc/passwd",
        "https://pbx.example.com:99999",
    ],
)
def test_an_address_out_of_configuration_is_read_strictly(url: str) -> None:
    with pytest.raises(NotPrepared) as caught:
        read_url(url)

    assert "password@" not in str(caught.value)


# --- TLS -------------------------------------------------------------------------------------------------------------


def test_a_certificate_nobody_vouches_for_is_not_accepted(tmp_path: Path) -> None:
    shown = a_certificate(tmp_path)
    with listening(answering(http_answer()), shown.context()) as server:
        with pytest.raises(NotReached, match="the certificate is not accepted"):
            post(a_client(server.port, scheme="https"))

        assert server.connections == 0


def test_a_certificate_that_is_vouched_for_is_accepted_for_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SNI, certificate and Host are those of the name, while the connection goes to the judged address."""
    shown = a_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(shown.file))
    with listening(answering(http_answer()), shown.context()) as server:
        assert post(a_client(server.port, scheme="https")).status == 200
        assert f"Host: {NAME}:{server.port}".encode() in server.requests[0]


@pytest.mark.parametrize(("name", "days"), [("other.example.com", 90), (NAME, -1)])
def test_a_certificate_of_another_name_or_time_is_not_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, days: int
) -> None:
    shown = a_certificate(tmp_path, name, days=days)
    monkeypatch.setenv("SSL_CERT_FILE", str(shown.file))
    with (
        listening(answering(http_answer()), shown.context()) as server,
        pytest.raises(NotReached, match="the certificate is not accepted"),
    ):
        post(a_client(server.port, scheme="https"))


def test_a_pinned_certificate_is_accepted_and_no_other(tmp_path: Path) -> None:
    shown, other = a_certificate(tmp_path), a_certificate(tmp_path, "other.example.com")
    trust = Trust(fingerprint(shown.der))
    with listening(answering(http_answer()), shown.context()) as server:
        assert post(a_client(server.port, scheme="https", trust=trust)).status == 200
    with listening(answering(http_answer()), other.context()) as server:
        with pytest.raises(NotReached, match="not the pinned one"):
            post(a_client(server.port, scheme="https", trust=trust))

        assert b"".join(server.requests) == b"", "nothing was sent to a stranger"


@pytest.mark.parametrize(("until", "accepted"), [(date(2026, 11, 21), True), (date(2026, 11, 20), False)])
def test_an_exception_lets_any_certificate_pass_until_it_ends(tmp_path: Path, until: date, accepted: bool) -> None:
    trust = Trust(unverified_until=until)
    with listening(answering(http_answer()), a_certificate(tmp_path).context()) as server:
        client = a_client(server.port, scheme="https", trust=trust)
        if accepted:
            assert post(client).status == 200
        else:
            with pytest.raises(NotReached, match="the certificate is not accepted"):
                post(client)


def test_an_exception_ends_under_a_client_that_is_in_use(tmp_path: Path) -> None:
    """T-23: a bridge that runs for months does not go on believing."""
    day = date(2026, 12, 31)
    with listening(answering(http_answer()), a_certificate(tmp_path).context()) as server:
        client = http.client(
            f"https://{NAME}:{server.port}",
            guard=Guard(LOOPBACK, to_loopback),
            trust=Trust(unverified_until=date(2026, 12, 31)),
            today=lambda: day,
        )
        assert post(client).status == 200
        day = date(2027, 1, 1)
        with pytest.raises(NotReached, match="the certificate is not accepted"):
            post(client)
