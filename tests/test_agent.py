"""The agent believes only what is signed for it, in time and once, and answers only what it understands."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import signature
from bridge.agent import BODY_BYTES, PATH, Agent, Reply, app
from bridge.pbx.memory import EVERYTHING, MemoryPbx
from bridge.pbx.wire import tenant_to_json
from bridge.secret import Secret
from tests.canary import CANARY, CANARY_KEY
from tests.listening import asked
from tests.pbx.contract import DOMAIN, a_tenant

BEGAN = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = signature.secret_bytes(Secret(CANARY_KEY))
NEXT = bytes(range(32))
KEY = "bridge-1"


@dataclass
class Room:
    """An agent before a PBX in memory, and a caller with the right secret."""

    now: datetime = BEGAN
    pbx: MemoryPbx = field(default_factory=MemoryPbx)
    nonces: int = 0
    agent: Agent = field(init=False)

    def __post_init__(self) -> None:
        self.agent = Agent(self.pbx, "pbx-1", {KEY: (SECRET, NEXT)}, lambda: self.now)

    def nonce(self) -> str:
        self.nonces += 1
        return f"{self.nonces:032x}"

    def headers(self, verb: str, sent: bytes, **changes: Any) -> dict[str, str]:
        signed: dict[str, Any] = {
            "method": "POST",
            "path": f"{PATH}{verb}",
            "audience": "pbx-1",
            "key_id": KEY,
            "timestamp": int(self.now.timestamp()),
            "nonce": self.nonce(),
            "body": sent,
        } | changes
        return signature.request_headers(signed.pop("secret", SECRET), **signed)

    def ask(self, verb: str, sent: bytes = b"{}", **changes: Any) -> Reply:
        return self.agent.answer(f"{PATH}{verb}", self.headers(verb, sent, **changes).items(), sent)

    def document(self, verb: str, body: bytes = b"{}") -> Any:
        reply = self.ask(verb, body)
        assert reply.status == 200
        return json.loads(reply.body)


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_signed_request_is_answered_and_the_answer_is_signed(room: Room) -> None:
    headers = room.headers("domains", b"{}")
    reply = room.agent.answer(f"{PATH}domains", headers.items(), b"{}")

    assert (reply.status, json.loads(reply.body)) == (200, {"result": []})
    for secret in (SECRET, NEXT):
        assert signature.is_answer_signed(
            secret, reply.headers, status=200, key_id=KEY, nonce=headers[signature.NONCE], body=reply.body
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": bytes(32)},
        {"audience": "pbx-2"},
        {"method": "GET"},
        {"path": f"{PATH}find"},
        {"body": b"{ }"},
        {"key_id": "bridge-2"},
        {"timestamp": int((BEGAN + timedelta(seconds=301)).timestamp())},
        {"timestamp": int((BEGAN - timedelta(seconds=1)).timestamp())},
        {"timestamp": 0},
    ],
)
def test_what_is_not_signed_for_exactly_this_is_not_believed(room: Room, changes: dict[str, Any]) -> None:
    """T-1. The answer is the same for every reason, and the PBX is never asked."""
    assert room.ask("domains", **changes) == Reply(401)
    assert room.pbx.trouble.calls == 0


@pytest.mark.parametrize("name", [signature.KEY, signature.TIMESTAMP, signature.NONCE, signature.SIGNATURE])
def test_a_header_missing_or_doubled_is_not_believed(room: Room, name: str) -> None:
    """T-1."""
    headers = room.headers("domains", b"{}")
    without = [each for each in headers.items() if each[0] != name]
    doubled = [*room.headers("domains", b"{}").items(), (name.lower(), headers[name])]

    assert room.agent.answer(f"{PATH}domains", without, b"{}") == Reply(401)
    assert room.agent.answer(f"{PATH}domains", doubled, b"{}") == Reply(401)


def test_a_request_is_believed_once(room: Room) -> None:
    """T-2."""
    headers = room.headers("domains", b"{}")

    assert room.agent.answer(f"{PATH}domains", headers.items(), b"{}").status == 200
    room.now += timedelta(seconds=299)
    assert room.agent.answer(f"{PATH}domains", headers.items(), b"{}") == Reply(401)
    assert room.pbx.trouble.calls == 1


def test_a_restart_does_not_make_an_old_request_new(room: Room) -> None:
    """T-2: nonces are forgotten, so what was signed before the start is refused."""
    headers = room.headers("domains", b"{}")
    room.now += timedelta(seconds=5)
    again = Agent(room.pbx, "pbx-1", {KEY: (SECRET,)}, lambda: room.now)

    assert again.answer(f"{PATH}domains", headers.items(), b"{}") == Reply(401)


def test_a_key_may_have_a_current_and_a_next_secret(room: Room) -> None:
    """R-64."""
    assert room.ask("domains", secret=NEXT).status == 200


def test_the_tolerance_is_300_seconds_either_way(room: Room) -> None:
    room.now += timedelta(seconds=1000)
    stamps = {apart: int(room.now.timestamp()) + apart for apart in (-301, -300, 0, 300, 301)}

    assert {apart: room.ask("domains", timestamp=each).status for apart, each in stamps.items()} == {
        -301: 401,
        -300: 200,
        0: 200,
        300: 200,
        301: 401,
    }


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("find", b"{}"),
        ("find", b'{"domain": 7}'),
        ("find", b'{"domain": "a", "more": 1}'),
        ("find", b'{"domain": "a", "domain": "b"}'),
        ("find", b'["a"]'),
        ("find", b'{"domain": "a"} x'),
        ("find", b"\xff"),
        ("find", b""),
        ("domains", b'{"more": 1}'),
        ("calls", b'{"after": "", "limit": 0}'),
        ("calls", b'{"after": "", "limit": 1001}'),
        ("calls", b'{"after": "", "limit": true}'),
        ("calls", b'{"after": "", "limit": 1.0}'),
        ("put", b'{"tenant": {"domain": "a"}}'),
        ("put", b'{"tenant": {"domain": "a", "colour": 1}, "adopt": false}'),
        ("put", b'{"tenant": {"domain": "a"}, "adopt": 1}'),
        ("put", b'{"tenant": null, "adopt": false}'),
        ("remove", b'{"tenant": {}}'),
        ("shell", b"{}"),
        ("", b"{}"),
        ("find/../put", b"{}"),
    ],
)
def test_what_the_agent_does_not_understand_is_refused_before_the_pbx_hears_of_it(
    room: Room, verb: str, body: bytes
) -> None:
    document = room.document(verb, body)

    assert document["error"]["trouble"] == "Refused"
    assert room.pbx.trouble.calls == 0


@settings(max_examples=100)
@given(st.binary(max_size=60), st.sampled_from(["find", "put", "remove", "calls", "domains", "checks"]))
def test_any_signed_body_has_a_signed_answer(body: bytes, verb: str) -> None:
    document = Room().document(verb, body)

    assert document.keys() <= {"result", "error"}
    assert len(document) == 1


def test_a_refusal_shows_no_password_that_was_sent(room: Room) -> None:
    """T-20."""
    tenant = tenant_to_json(a_tenant(EVERYTHING), reveal=True) | {"marker": None}
    reply = room.ask("put", json.dumps({"tenant": tenant, "adopt": False}).encode())

    assert b"error" in reply.body
    assert CANARY.encode() not in reply.body


def test_verbs_reach_the_pbx(room: Room) -> None:
    tenant = tenant_to_json(a_tenant(EVERYTHING), reveal=True)

    assert room.document("put", json.dumps({"tenant": tenant, "adopt": False}).encode()) == {"result": None}
    assert room.document("domains") == {"result": [DOMAIN]}
    assert room.document("remove", json.dumps({"tenant": tenant}).encode()) == {"result": None}
    assert room.document("find", json.dumps({"domain": DOMAIN}).encode()) == {"result": None}


# --- over the web ----------------------------------------------------------------------------------------------------


JSON = {"Content-Type": "application/json"}


def test_the_agent_is_served_at_its_path(room: Room) -> None:
    headers = {**JSON, **room.headers("domains", b"{}")}
    answer = asked(app(room.agent), "POST", f"{PATH}domains", content=b"{}", headers=headers)

    assert answer.status_code == 200
    assert answer.json() == {"result": []}
    assert signature.SIGNATURE.lower() in answer.headers


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"{PATH}domains", {}, 415),
        (f"{PATH}domains", {"Content-Type": "text/plain"}, 415),
        (f"{PATH}domains", {**JSON, "Content-Encoding": "gzip"}, 415),
        (f"{PATH}domains?a=b", JSON, 415),
        (f"{PATH}domains", JSON, 401),
        (f"{PATH}find/more", JSON, 404),
        ("/", JSON, 404),
    ],
)
def test_anything_else_is_turned_away(room: Room, path: str, headers: dict[str, str], status: int) -> None:
    answer = asked(app(room.agent), "POST", path, content=b"{}", headers=headers)

    assert answer.status_code == status
    assert answer.content in (b"", b"Not Found")


def test_only_post_is_served(room: Room) -> None:
    assert asked(app(room.agent), "GET", f"{PATH}domains").status_code == 405


def test_a_body_that_is_too_long_is_not_read_to_its_end(room: Room) -> None:
    """T-4."""
    sent: list[int] = []

    async def long() -> AsyncIterator[bytes]:
        for _ in range(1000):
            sent.append(1)
            yield bytes(BODY_BYTES // 10)

    answer = asked(app(room.agent), "POST", f"{PATH}put", content=long(), headers=JSON)

    assert answer.status_code == 413
    assert len(sent) < 20
